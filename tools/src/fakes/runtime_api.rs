//! The Lambda Runtime API, and a built binary that runs on one of its own.

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
use std::sync::{Arc, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};

/// The Runtime API of one instance, which hands over one event at a time.
pub struct RuntimeApi {
    /// `host:port`, for `AWS_LAMBDA_RUNTIME_API`.
    address: String,
    events: mpsc::UnboundedSender<Invocation>,
    asked: Mutex<mpsc::UnboundedReceiver<()>>,
}

struct Invocation {
    event: Bytes,
    timeout: Duration,
    answer: Answering,
}

/// Where an answer goes, with the time that it took from the moment at which the function had the event.
type Answering = oneshot::Sender<(Bytes, Duration)>;

struct Api {
    events: Mutex<mpsc::UnboundedReceiver<Invocation>>,
    asked: mpsc::UnboundedSender<()>,
    /// By the invocation's id, since when.
    waiting: std::sync::Mutex<HashMap<String, (Instant, Answering)>>,
}

impl RuntimeApi {
    /// Serves it on a free port.
    pub async fn serve() -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::unbounded_channel();
        let api = Api { events: Mutex::new(receiver), asked: asks, waiting: std::sync::Mutex::default() };
        let listener = crate::listen(0).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address").to_string();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(done))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(done))
            .with_state(Arc::new(api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, events, asked: Mutex::new(asked) }
    }

    /// Gives `command` the variables that Lambda sets, and no others.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", &self.address)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
    }

    /// Hands an event over, with so much time until its deadline: the answer, whether it is a response or an error, and how
    /// long it took.
    pub async fn invoke(&self, event: Bytes, timeout: Duration) -> (Bytes, Duration) {
        let (answer, answered) = oneshot::channel();
        assert!(self.events.send(Invocation { event, timeout, answer }).is_ok(), "the Runtime API serves");
        tokio::time::timeout(PATIENCE, answered).await.expect("an answer in time").expect("an answer")
    }

    /// Waits until the instance asks for its next event.
    pub async fn idle(&self) {
        let mut asked = self.asked.lock().await;
        tokio::time::timeout(PATIENCE, asked.recv()).await.expect("a request in time").expect("a request");
    }
}

/// The longest that anything takes here: a start under valgrind.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running function: the built binary on a Runtime API of its own.
pub struct Instance {
    child: Process,
    printed: [JoinHandle<String>; 2],
    api: RuntimeApi,
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

impl Instance {
    /// Starts the binary `name` with these variables and no others.
    pub async fn start(name: &str, environment: &[(&str, String)]) -> Self {
        let api = RuntimeApi::serve().await;
        let function = name.to_owned();
        // It may take a minute, in which others go on.
        let binary = tokio::task::spawn_blocking(move || binary(&function)).await.expect("the functions build");
        let mut command = Command::new(binary);
        let mut child = api
            .environment(&mut command)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            // The fakes know the caller by this, and allow it what its role in `template.yaml` allows.
            .env("AWS_SDK_UA_APP_ID", name)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built binary starts");
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        Self { child: Process(child), printed: [stdout, stderr], api }
    }

    /// Hands an event over and waits for the answer, whether it is a response or an error.
    pub async fn invoke(&self, event: Value, timeout: Duration) -> Value {
        self.invoke_timed(event, timeout).await.0
    }

    /// The same, and how long it took from the moment at which the function had the event.
    pub async fn invoke_timed(&self, event: Value, timeout: Duration) -> (Value, Duration) {
        let (answer, spent) = self.api.invoke(event.to_string().into(), timeout).await;
        (serde_json::from_slice(&answer).unwrap_or_default(), spent)
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
    // Nobody may be waiting for it.
    let _ = api.asked.send(());
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
    (headers, invocation.event).into_response()
}

async fn done(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let answer = api.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    if let Some((since, answer)) = answer {
        // The test may have given up waiting.
        let _ = answer.send((body, since.elapsed()));
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
