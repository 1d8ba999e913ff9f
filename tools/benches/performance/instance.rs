//! One instance of a built binary: its Lambda Runtime API, and the clocks of its process.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Router, routing::get, routing::post};
use miniprogram::clock::{Timestamp, system_now};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};

/// The longest that anything takes here: a start under valgrind.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process needs at most to fall asleep after its last request to the Runtime API.
const SETTLE: Duration = Duration::from_millis(1);

/// A running function, which does not outlive its measurement.
pub struct Instance {
    child: Child,
    events: mpsc::UnboundedSender<Bytes>,
    asked: mpsc::UnboundedReceiver<()>,
    answered: mpsc::UnboundedReceiver<(Instant, Bytes)>,
}

struct Api {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    asked: mpsc::UnboundedSender<()>,
    answered: mpsc::UnboundedSender<(Instant, Bytes)>,
}

impl Instance {
    /// Runs `command` with these variables and no others, until it asks for its first event.
    pub async fn start(mut command: Command, environment: &[(&str, String)]) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::unbounded_channel();
        let (answers, answered) = mpsc::unbounded_channel();
        let api = Api { events: Mutex::new(receiver), asked: asks, answered: answers };
        let listener = tools::listen(0).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(done))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(done))
            .with_state(Arc::new(api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let child = command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::null())
            .spawn()
            .expect("the built binary starts");
        let mut instance = Self { child, events, asked, answered };
        instance.idle().await;
        instance
    }

    /// Hands an event over: the time until the answer, and the answer. The instance is idle again afterwards.
    pub async fn invoke(&mut self, event: &Bytes) -> (Duration, Bytes) {
        let start = Instant::now();
        self.events.send(event.clone()).expect("the Runtime API serves");
        let answered = timeout(PATIENCE, self.answered.recv()).await.expect("an answer in time");
        let (end, answer) = answered.expect("an answer");
        timeout(PATIENCE, self.asked.recv()).await.expect("the next request in time").expect("a request");
        (end - start, answer)
    }

    async fn idle(&mut self) {
        timeout(PATIENCE, self.asked.recv()).await.expect("a start in time").expect("a request");
    }

    /// The CPU time of the process so far.
    pub async fn cpu(&self) -> Duration {
        sleep(SETTLE).await;
        cpu(self.pid())
    }

    /// The largest resident set of the process so far, in bytes.
    pub fn peak_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process that lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kilobytes * 1024.0
    }

    /// The process, so that it can be put into a control group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the process to end, and waits for it: valgrind writes its counts then.
    pub fn end(mut self) {
        let pid = Pid::from_raw(self.pid().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM).expect("a process that lives");
        self.child.wait().expect("a child");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time of a process so far.
pub fn cpu(pid: u32) -> Duration {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed())).and_then(nix::time::ClockId::now);
    clock.expect("a process that lives").into()
}

/// Whether a program of this name can be started.
pub fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A binary under callgrind, which counts its instructions into `counts`. It goes before other processes, where that is
/// allowed: under valgrind a function is so slow that it runs into its own time limits if it must wait for the CPU too.
pub fn under_callgrind(binary: &Path, counts: &Path) -> Command {
    let mut command = Command::new("nice");
    command.args(["--adjustment=-20", "valgrind", "--quiet", "--tool=callgrind"]).stderr(Stdio::null());
    command.arg(format!("--callgrind-out-file={}", counts.display())).arg(binary);
    command
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    // The measurement may be over.
    let _ = api.asked.send(());
    let Some(event) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = (Timestamp::from(system_now()) + PATIENCE).millis();
    let headers = [
        ("lambda-runtime-aws-request-id", uuid::Uuid::new_v4().to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000".to_owned()),
    ];
    (AppendHeaders(headers.map(|(name, value)| (HeaderName::from_static(name), value))), event).into_response()
}

async fn done(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    let _ = api.answered.send((Instant::now(), body));
    StatusCode::ACCEPTED
}
