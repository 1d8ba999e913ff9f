//! A peer: a Python program below `tools/peers`, served by gunicorn.

use super::WORKERS;
use crate::functions::{World, root};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tools::app::{APP_ID, APP_SECRET};
use tools::fakes::wechat::SAMPLE_LOGIN_CODE;

/// A program that logs users in.
pub struct Program {
    /// What people call it.
    pub name: &'static str,
    /// Its file, without the ending.
    pub module: &'static str,
}

/// It is served, by processes that do not outlive this.
pub struct Server {
    child: Child,
    url: String,
    http: reqwest::Client,
}

/// Makes what the programs find when they start: their tables, and the authorities that they trust, which are the public
/// ones and the stand-ins'.
pub fn prepare(folder: &Path, world: &World, programs: &[Program]) {
    let known = Command::new(python(folder)).args(["-m", "certifi"]).output().expect("run tools/peers/run");
    let known = String::from_utf8(known.stdout).expect("a path");
    let roots = [PathBuf::from(known.trim()), world.root().to_owned()];
    let roots = roots.map(|file| std::fs::read_to_string(file).expect("certificates"));
    std::fs::write(folder.join("roots.pem"), roots.concat()).expect("a file below target");
    for program in programs {
        let mut command = Command::new(python(folder));
        command.arg(root().join("tools/peers").join(program.module).with_extension("py"));
        let prepared = command.envs(environment(program, folder, world)).status();
        assert!(prepared.is_ok_and(|status| status.success()), "{} makes no tables", program.name);
    }
}

impl Server {
    /// Starts a program, until its port takes connections.
    pub async fn start(program: &Program, folder: &Path, world: &World) -> Self {
        let listener = tools::listen(0).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        drop(listener);
        let child = Command::new(folder.join("venv/bin/gunicorn"))
            .args(["--log-level", "warning", "--workers", &WORKERS.to_string(), "--bind", &address.to_string()])
            .arg("--chdir")
            .arg(root().join("tools/peers"))
            .arg(format!("{}:application", program.module))
            .envs(environment(program, folder, world))
            .stdout(Stdio::null())
            .spawn()
            .expect("gunicorn starts");
        let server = Self { child, url: format!("http://{address}/login"), http: tools::http_client() };
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(2)).await;
        }
        server
    }

    /// A login that must succeed.
    pub async fn log_in(&self) {
        let form = [("code", SAMPLE_LOGIN_CODE)];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(&self.url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer: serde_json::Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["code"], 200, "{answer}");
    }

    /// Its processes: the first one and what descends from it.
    pub fn processes(&self) -> Vec<u32> {
        let mut all = vec![self.child.id()];
        let mut position = 0;
        while let Some(process) = all.get(position) {
            let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
            all.extend(children.unwrap_or_default().split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            position += 1;
        }
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its first process ends the others.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// The memory of a process, in bytes; what it shares counts in part.
pub fn memory(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).expect("a process that lives");
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("Linux");
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kilobytes * 1024.0
}

fn python(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

fn environment(program: &Program, folder: &Path, world: &World) -> [(&'static str, String); 6] {
    let path = |file: PathBuf| file.to_string_lossy().into_owned();
    [
        ("WECHAT_BASE_URL", world.wechat.url.clone()),
        ("APP_ID", APP_ID.to_owned()),
        ("APP_SECRET", APP_SECRET.to_owned()),
        ("DATABASE", path(folder.join(program.module).with_extension("sqlite"))),
        ("REQUESTS_CA_BUNDLE", path(folder.join("roots.pem"))),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
    ]
}
