//! One line of JSON a request, with an allow-list of fields.
//!
//! Nothing else is printed: no `tracing` subscriber is installed, so no other library's lines appear, whatever
//! `RUST_LOG` asks for (at TRACE, lambda_runtime would log the raw event and the AWS SDK whole bodies).

use crate::clock::{Timestamp, system_now};
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use serde::Serialize;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Measurements of a request so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Measured>>);

#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    replayed: bool,
    stale_secret: bool,
    damaged_phone: bool,
    access_token: Option<Renewal>,
    wechat_ms: f64,
    dynamodb_ms: f64,
}

/// The outcome of a request for an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// In normal mode.
    Renewed,
    /// By a forced refresh.
    Forced,
    /// Not at all, though the old one nears its end.
    Failed,
}

/// The services whose time is logged.
#[derive(Clone, Copy, Debug)]
pub enum Service {
    /// `api.weixin.qq.com`.
    WeChat,
    /// The tables.
    DynamoDb,
}

impl Log {
    /// Runs `call` and adds its time to the service's.
    pub async fn time<T>(&self, service: Service, call: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let result = call.await;
        let spent = start.elapsed().as_secs_f64() * 1000.0;
        self.change(|measured| match service {
            Service::WeChat => measured.wechat_ms += spent,
            Service::DynamoDb => measured.dynamodb_ms += spent,
        });
        result
    }

    /// Notes that a stored response was given again.
    pub fn replayed(&self) {
        self.change(|measured| measured.replayed = true);
    }

    /// Notes that WeChat was asked for an access token.
    pub fn access_token(&self, renewal: Renewal) {
        self.change(|measured| measured.access_token = Some(renewal));
    }

    /// Notes that a secret could not be read again, and that its old value served.
    pub fn stale_secret(&self) {
        self.change(|measured| measured.stale_secret = true);
    }

    /// Notes that a stored phone number does not open.
    pub fn damaged_phone(&self) {
        self.change(|measured| measured.damaged_phone = true);
    }

    fn change(&self, change: impl FnOnce(&mut Measured)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> Measured {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The allow-list: what may be in the line of a request.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    timestamp: String,
    level: &'static str,
    request_id: &'a str,
    route: &'a str,
    outcome: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errcode: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rid: Option<&'a str>,
    replayed: bool,
    #[serde(skip_serializing_if = "is_false")]
    stale_secret: bool,
    #[serde(skip_serializing_if = "is_false")]
    damaged_phone: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<Renewal>,
    cold_start: bool,
    wechat_ms: f64,
    dynamodb_ms: f64,
}

/// The outcome of a request, for its log line.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// The function's route, such as `login`.
    pub route: &'a str,
    /// If set, it is the first request of this instance.
    pub cold_start: bool,
    /// The HTTP status of the reply.
    pub status: u16,
    /// `None` if the request succeeded.
    pub error: Option<Failed<'a>>,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// The `error` of the response's body.
    pub name: &'static str,
    /// The reason, in our own words.
    pub cause: &'static str,
    /// WeChat's `errcode`, where it gave one.
    pub errcode: Option<i64>,
    /// WeChat's request id.
    pub rid: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// The line of a finished request.
    pub fn new(log: &Log, outcome: Outcome<'a>) -> Self {
        let measured = log.read();
        let error = outcome.error;
        Self {
            timestamp: timestamp(),
            level: match outcome.status {
                500.. => "ERROR",
                400.. => "WARN",
                _ => "INFO",
            },
            request_id: outcome.request_id,
            route: outcome.route,
            outcome: error.map_or("ok", |error| error.name),
            status: outcome.status,
            cause: error.map(|error| error.cause),
            errcode: error.and_then(|error| error.errcode),
            rid: error.and_then(|error| error.rid),
            replayed: measured.replayed,
            stale_secret: measured.stale_secret,
            damaged_phone: measured.damaged_phone,
            access_token: measured.access_token,
            cold_start: outcome.cold_start,
            wechat_ms: tenths(measured.wechat_ms),
            dynamodb_ms: tenths(measured.dynamodb_ms),
        }
    }

    /// Prints the line to standard output, which Lambda takes to CloudWatch.
    pub fn print(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            println!("{line}");
            if let Some(listener) = LISTENER.get() {
                listener(&line);
            }
        }
    }
}

type Listener = Box<dyn Fn(&str) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Shows every line to `listener` as well, in a process that runs functions to look at them. The first listener stays.
pub fn listen(listener: impl Fn(&str) + Send + Sync + 'static) {
    let _ = LISTENER.set(Box::new(listener));
}

/// Makes a panic one line with its place. Its message may quote what must not be seen.
pub fn keep_panics_short() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let line = serde_json::json!({
            "timestamp": timestamp(),
            "level": "ERROR",
            "outcome": "panic",
            "cause": place,
        });
        println!("{line}");
    }));
}

/// Now, as RFC 3339 in UTC with milliseconds.
fn timestamp() -> String {
    with_millis(Timestamp::from(system_now()))
}

/// The SDK drops the fraction's trailing zeros; lines are easier to read and to sort with all three digits.
fn with_millis(time: Timestamp) -> String {
    let seconds = rfc3339(Timestamp::from_seconds(time.seconds()));
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), time.millis() % 1000)
}

/// `time` as RFC 3339 in UTC.
pub fn rfc3339(time: Timestamp) -> String {
    let millis = i64::try_from(time.millis()).unwrap_or(i64::MAX);
    DateTime::from_millis(millis).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn tenths(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn line(log: &Log) -> Value {
        let outcome = Outcome { request_id: "r", route: "login", cold_start: false, status: 200, error: None };
        serde_json::to_value(Line::new(log, outcome)).unwrap()
    }

    #[test]
    fn what_did_not_happen_is_left_out() {
        let line = line(&Log::default());
        for name in ["cause", "errcode", "rid", "stale_secret", "access_token"] {
            assert!(line.get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_stale_secret_is_logged() {
        let log = Log::default();
        log.stale_secret();
        assert_eq!(line(&log)["stale_secret"], true);
    }

    #[test]
    fn a_renewal_of_the_access_token_is_logged() {
        let log = Log::default();
        for (renewal, logged) in
            [(Renewal::Renewed, "renewed"), (Renewal::Forced, "forced"), (Renewal::Failed, "failed")]
        {
            log.access_token(renewal);
            assert_eq!(line(&log)["access_token"], logged);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_times_of_a_service_add_up() {
        let log = Log::default();
        log.time(Service::WeChat, async {}).await;
        log.change(|measured| measured.wechat_ms = 1.25);
        log.time(Service::WeChat, async {}).await;
        assert!(line(&log)["wechat_ms"].as_f64().unwrap() >= 1.2);
        assert_eq!(line(&log)["dynamodb_ms"], 0.0);
    }

    #[test]
    fn timestamps_have_one_width() {
        let time =
            |millis| with_millis(Timestamp::from_seconds(1_795_420_800) + std::time::Duration::from_millis(millis));
        assert_eq!(time(0), "2026-11-23T08:00:00.000Z");
        assert_eq!(time(120), "2026-11-23T08:00:00.120Z");
    }

    #[test]
    fn the_level_follows_the_status() {
        for (status, level) in [(200, "INFO"), (404, "WARN"), (503, "ERROR")] {
            let outcome = Outcome { request_id: "r", route: "login", cold_start: false, status, error: None };
            assert_eq!(Line::new(&Log::default(), outcome).level, level);
        }
    }
}
