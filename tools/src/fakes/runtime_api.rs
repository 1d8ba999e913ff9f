//! The Lambda Runtime API, for tests that start the built binary: one instance, one event at a time.

use crate::fakes::clock::TestClock;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get, routing::post};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A running function: the built binary on a Runtime API of its own.
pub struct Instance {
    child: Process,
    printed: [JoinHandle<String>; 2],
    events: mpsc::UnboundedSender<Invocation>,
}

/// A child that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Invocation {
    event: Value,
    timeout: Duration,
    answer: Answering,
}

/// Where an answer goes, with the time that it took.
type Answering = oneshot::Sender<(Value, Duration)>;

struct Api {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    /// By the invocation's id, since when.
    waiting: Mutex<HashMap<String, (Instant, Answering)>>,
}

impl Instance {
    /// Starts the binary `name` with these variables and no others.
    pub async fn start(name: &str, environment: &[(&str, String)]) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let api = Api { events: tokio::sync::Mutex::new(receiver), waiting: Mutex::default() };
        let listener = crate::listen(0).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(done))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(done))
            .with_state(Arc::new(api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let function = name.to_owned();
        // It may take a minute, in which others go on.
        let binary = tokio::task::spawn_blocking(move || binary(&function)).await.expect("the functions build");
        let mut child = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            // The stand-ins know the caller by this, and allow it what its role in `template.yaml` allows.
            .env("AWS_SDK_UA_APP_ID", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built binary starts");
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        Self { child: Process(child), printed: [stdout, stderr], events }
    }

    /// Hands an event over and waits for the answer, whether it is a response or an error.
    pub async fn invoke(&self, event: Value, timeout: Duration) -> Value {
        self.invoke_timed(event, timeout).await.0
    }

    /// The same, and how long it took from the moment at which the function had the event.
    pub async fn invoke_timed(&self, event: Value, timeout: Duration) -> (Value, Duration) {
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation { event, timeout, answer };
        assert!(self.events.send(invocation).is_ok(), "the Runtime API serves");
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, answered).await.expect("an answer in time").expect("an answer")
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Ends the process: all that it printed, standard output first.
    pub fn stop(self) -> String {
        drop(self.child);
        self.printed.map(|printed| printed.join().expect("text")).concat()
    }
}

/// Reads a pipe to its end, so that the process never waits for a reader.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).expect("a pipe that can be read");
        String::from_utf8_lossy(&text).into_owned()
    })
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let Some(invocation) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = uuid::Uuid::new_v4().to_string();
    let deadline = (TestClock::default().now() + invocation.timeout).millis();
    let waiting = (Instant::now(), invocation.answer);
    api.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), waiting);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000".to_owned()),
    ] {
        headers.insert(HeaderName::from_static(name), value.parse().expect("a header's value"));
    }
    (headers, invocation.event.to_string()).into_response()
}

async fn done(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let answer = api.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    if let Some((since, answer)) = answer {
        // The test may have given up waiting.
        let _ = answer.send((serde_json::from_slice(&body).unwrap_or_default(), since.elapsed()));
    }
    StatusCode::ACCEPTED
}

/// The binary of a function. `CARGO_BIN_EXE_*` exists only within the function's own package, so they are all
/// built here, once, with the same features as the tests: most of it is compiled already.
fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut cargo = crate::cargo();
        cargo.args(["build", "--workspace", "--bins", "--quiet"]).current_dir(root);
        let built = cargo.status();
        assert!(built.is_ok_and(|status| status.success()), "the functions do not build");
        let target = crate::environment("CARGO_TARGET_DIR").unwrap_or_else(|| format!("{root}/target"));
        PathBuf::from(target).join("debug")
    });
    folder.join(name)
}
