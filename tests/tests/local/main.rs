//! `cargo local`, as somebody in front of a terminal and a page finds it.

mod devtools;
mod options;
mod playground;
mod routes;

use serde_json::Value;
use std::ffi::OsString;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tools::http_client;
use tools::local::{self, Options};

/// A running `cargo local`, until it is dropped.
struct Local {
    port: u16,
    runtime: Option<Runtime>,
}

impl Local {
    /// Starts it with these options, on ports of its own, and waits until it serves.
    async fn start(words: &[&str]) -> Self {
        let port = free_ports();
        let base = port.to_string();
        let words = ["local", "--port-base", &base].into_iter().chain(words.iter().copied());
        let options = Options::from_args(words.map(OsString::from)).expect("options").expect("no help");
        let runtime = Runtime::new().expect("a runtime");
        runtime.spawn(async move { local::run(&options).await.expect("cargo local serves") });
        let local = Self { port, runtime: Some(runtime) };
        let began = Instant::now();
        // The last thing before it serves is the walkthrough's logout.
        while local.state().await["events"].as_array().is_none_or(|events| requests(events) < 8) {
            assert!(began.elapsed() < Duration::from_secs(30), "cargo local does not serve");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        local
    }

    fn functions(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn wechat(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port + 1)
    }

    /// What the playground shows; null as long as nobody responds.
    async fn state(&self) -> Value {
        match http_client().get(self.wechat("/_playground/state?after=0")).send().await {
            Ok(reply) => reply.json().await.expect("JSON"),
            Err(_) => Value::Null,
        }
    }

    /// Steers the fake of WeChat.
    async fn control(&self, path: &str, body: &Value) -> reqwest::Response {
        http_client().post(self.wechat(path)).json(body).send().await.expect("a reply")
    }

    /// Calls a function with this JSON as body; without one if it is null.
    async fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let mut request = http_client().request(method.parse().expect("a method"), self.functions(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let reply = request.send().await.expect("a reply");
        (reply.status().as_u16(), reply.json().await.expect("JSON"))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn requests(events: &[Value]) -> usize {
    events.iter().filter(|event| event["kind"] == "request").count()
}

/// The first of three ports that are free right now.
fn free_ports() -> u16 {
    loop {
        let base = fastrand::u16(20_000..50_000);
        if (0..3).all(|n| TcpListener::bind(("127.0.0.1", base + n)).is_ok()) {
            return base;
        }
    }
}
