//! What the tests and the local runner stand on.
//!
//! - [`wechat`]: a stand-in for `api.weixin.qq.com` with WeChat's own rules.
//! - [`aws`]: DynamoDB (a real engine, embedded or named by `TEST_DYNAMODB_ENDPOINT`) and Secrets Manager.
//! - [`gateway`]: an HTTP request as an API Gateway event, through the functions, and back.
//! - [`runtime_api`]: the Lambda Runtime API, for tests that start the built binary.
//! - [`chaos`]: a proxy that spoils what goes over the wire; [`prove`]: what the functions make of it, in figures.
//! - [`invariants`]: what always holds in the tables; [`canary`]: whether a secret stands where it must not.
//! - [`import`]: users of another back end, from CSV.
//! - [`reseal`]: phone numbers, sealed anew after a rotation of the keyring.
//! - [`stack`]: a deployed stack, for an operator's commands.
//! - [`app`]: all of it together, for one test.
//!
//! The stand-ins are servers: the product's own clients speak to them over the wire.

pub mod app;
pub mod aws;
pub mod canary;
pub mod chaos;
pub mod clock;
pub mod gateway;
pub mod import;
pub mod invariants;
pub mod prove;
pub mod reseal;
pub mod runtime_api;
pub mod stack;
pub mod template;
pub mod wechat;

use ring::rand::{SecureRandom, SystemRandom};
use std::io;
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

/// An HTTP client for what a test itself asks.
pub fn http_client() -> reqwest::Client {
    miniprogram::wechat::http_client(None).expect("an HTTP client").0
}
