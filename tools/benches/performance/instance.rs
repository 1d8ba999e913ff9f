//! One instance of a built binary: its Lambda Runtime API, and the clocks of its process.

use axum::body::Bytes;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tools::fakes::runtime_api::{PATIENCE, RuntimeApi};

/// What a process needs at most to fall asleep after its last request to the Runtime API.
const SETTLE: Duration = Duration::from_millis(1);

/// A running function, which does not outlive its measurement.
pub struct Instance {
    child: Child,
    api: RuntimeApi,
}

impl Instance {
    /// Runs `command` with these variables and no others, until it asks for its first event.
    pub async fn start(mut command: Command, environment: &[(&str, String)]) -> Self {
        let api = RuntimeApi::serve().await;
        let child = api
            .environment(&mut command)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::null())
            .spawn()
            .expect("the built binary starts");
        let instance = Self { child, api };
        instance.api.idle().await;
        instance
    }

    /// Hands an event over: the time until the answer, and the answer. The instance is idle again afterwards.
    pub async fn invoke(&mut self, event: &Bytes) -> (Duration, Bytes) {
        let start = Instant::now();
        let (answer, _) = self.api.invoke(event.clone(), PATIENCE).await;
        let spent = start.elapsed();
        self.api.idle().await;
        (spent, answer)
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
