//! The programs that a person runs, and the fakes and faults that they and the tests stand on.
//!
//! Programs: `examples/` (`cargo local`, `cargo import-users`, `cargo reseal`), `benches/` (`cargo performance`), `check-stack`.
//!
//! - [`fakes`]: WeChat, AWS, API Gateway and the Lambda Runtime API as servers.
//! - [`faults`]: the fault injector, a proxy in front of any of them.
//! - [`local`]: `cargo local` and its playground.
//! - [`app`]: the whole back end in this process, on the fakes.
//! - [`leaks`]: the leak detector: whether a secret stands where it must not.
//! - [`import`]: users of another back end, from CSV; [`reseal`]: phone numbers, sealed again after a key rotation.
//! - [`stack`]: a deployed stack, for an operator's commands.
//! - [`template`]: names and roles out of `template.yaml`.
//! - [`results`]: where figures are kept.

pub mod app;
pub mod fakes;
pub mod faults;
pub mod import;
pub mod leaks;
pub mod local;
pub mod reseal;
pub mod results;
pub mod stack;
pub mod template;

use ring::rand::{SecureRandom, SystemRandom};
use std::io;
use std::process::Command;
use tokio::net::TcpListener;

/// A listener on this machine; port 0 takes a free one.
///
/// # Errors
/// If the port is in use.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await
}

/// Random letters and digits.
pub fn random_text(length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789xy";
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).expect("random numbers");
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}

/// A variable of the environment that steers the tests.
#[expect(clippy::disallowed_methods, reason = "the product's rule; tests have variables of their own")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Cargo, to build what a test runs.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    // `cargo test` tells a test what package it is of. `ring` is built anew when that changes.
    for name in ["DIR", "PATH", "LINKS"].map(|end| format!("CARGO_MANIFEST_{end}")) {
        cargo.env_remove(name);
    }
    for name in ["NAME", "VERSION", "VERSION_MAJOR", "VERSION_MINOR", "VERSION_PATCH", "VERSION_PRE"] {
        cargo.env_remove(format!("CARGO_PKG_{name}"));
    }
    cargo
}

/// An HTTP client for what a test itself asks.
pub fn http_client() -> reqwest::Client {
    miniprogram::wechat::Connection::new(None).expect("an HTTP client").into_http()
}
