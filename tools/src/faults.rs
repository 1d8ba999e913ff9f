//! The fault injector: a proxy in front of WeChat, DynamoDB or Secrets Manager that delays, stalls, resets, refuses and
//! answers nonsense: call by call ([`crate::fakes::wechat::WeChat::fail_next`]), by a [`Mood`], or by a [`Schedule`] that a seed decides.
//!
//! It speaks plain HTTP/1.1, as the fakes do, and writes its answers byte by byte, so that it can stop anywhere.

mod mood;
mod proxy;
mod schedule;
mod wire;

use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use mood::Mood;
pub use proxy::{Proxy, unreachable};
pub use schedule::{Mix, Schedule};

/// The services that a function talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// `api.weixin.qq.com`.
    WeChat,
    /// The tables.
    DynamoDb,
    /// AppId, AppSecret and keyring.
    SecretsManager,
}

/// A request that has arrived at the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whom it is for.
    pub service: Service,
    /// WeChat's path, or the operation of an AWS service.
    pub operation: String,
    /// How many of this operation came before it.
    pub nth: u64,
}

/// How far a request gets before the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// It arrives, and is not carried out.
    Request,
    /// It is carried out; no byte of the answer is sent.
    Answer,
    /// So many bytes of the answer's headers are sent.
    Head(usize),
    /// The headers and so many bytes of the answer's body are sent.
    Body(usize),
}

/// What the proxy does to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes it on after so long.
    Delay(Duration),
    /// Carries the request out at once, and responds after so long.
    Slow(Duration),
    /// Does the other fault after so long.
    Late(Duration, Box<Self>),
    /// Gets so far, and no further.
    Stall(Point),
    /// Gets so far, and resets the connection.
    Reset(Point),
    /// Answers this, headers included, and does not pass the request on.
    Refuse(Vec<u8>),
    /// Passes the request on, and answers this.
    Replace(Vec<u8>),
    /// Sends a body that never ends, or of so many bytes.
    Endless(Option<u64>),
}

/// A request that was carried out, and its response.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Who responded.
    pub service: Service,
    /// Path and query.
    pub target: &'a str,
    /// The body of the request.
    pub request: &'a [u8],
    /// The body of the response.
    pub response: &'a [u8],
}

/// Is shown every exchange.
pub type Observe = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// Decides what becomes of a request; `None` lets it pass.
pub type Decide = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// What can be seen on the wire, in the order in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection has come about.
    Connected,
    /// A request has arrived.
    Arrived,
    /// It has been carried out; its answer has not been sent.
    CarriedOut,
    /// Half of the answer has been sent.
    HalfAnswered,
    /// All of the answer has been sent.
    Answered,
}

/// Is told every event; `false` holds the connection at that event for ever.
pub type Watch = Arc<dyn Fn(Service, Event) -> bool + Send + Sync>;

impl Fault {
    /// Answers with this status and body, without carrying the request out.
    pub fn status(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::Refuse(wire::answer(status, &[], body.as_ref()))
    }

    /// Carries the request out, and answers with this status and body.
    pub fn carried_out(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::Replace(wire::answer(status, &[], body.as_ref()))
    }

    /// Answers HTTP 200 with this body and these headers, without carrying the request out.
    pub fn body_with(headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        Self::Refuse(wire::answer(200, headers, body.as_ref()))
    }

    /// Answers HTTP 200 with this body, without carrying the request out.
    pub fn body(body: impl AsRef<[u8]>) -> Self {
        Self::status(200, body)
    }

    /// Responds with this `errcode` in WeChat's form, without carrying the request out.
    pub fn errcode(errcode: i64) -> Self {
        Self::body(errcode_body(errcode))
    }

    /// Carries the request out, and responds with this `errcode` in WeChat's form.
    pub fn errcode_carried_out(errcode: i64) -> Self {
        Self::carried_out(200, errcode_body(errcode))
    }

    /// Responds with this body, and resets the connection in the middle of it.
    pub fn cut_short(body: impl AsRef<[u8]>) -> Self {
        let answer = wire::answer(200, &[], body.as_ref());
        Self::Refuse(answer[..answer.len() - 1].to_vec())
    }

    /// Does this fault after so long.
    #[must_use]
    pub fn late(self, after: Duration) -> Self {
        Self::Late(after, Box::new(self))
    }

    /// What DynamoDB and Secrets Manager answer to too many requests.
    pub fn throttled(call: &Call) -> Self {
        let name = match call.nth % 2 {
            1 if call.service == Service::DynamoDb => "ProvisionedThroughputExceededException",
            _ => "ThrottlingException",
        };
        Self::status(400, json!({"__type": name, "message": "made by a proxy"}).to_string())
    }

    /// What DynamoDB answers to a write that meets a transaction.
    pub fn conflict(call: &Call) -> Self {
        if call.operation != "TransactWriteItems" {
            return Self::status(400, json!({"__type": "TransactionConflictException"}).to_string());
        }
        let reasons = json!([{"Code": "TransactionConflict"}, {"Code": "None"}]);
        let body = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        Self::status(400, body.to_string())
    }

    /// Bytes that are no HTTP.
    pub fn garbage() -> Self {
        Self::Refuse(b"\x16\x03\x01\x00\xff\x00 what is this\r\n\r\n".to_vec())
    }
}

impl Call {
    /// Whether it changes a table.
    pub fn writes(&self) -> bool {
        self.service == Service::DynamoDb && !self.operation.starts_with("Get")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.service, self.operation)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(by) => write!(f, "delayed by {} ms", by.as_millis()),
            Self::Slow(by) => write!(f, "carried out, and answered {} ms later", by.as_millis()),
            Self::Late(by, fault) => write!(f, "{fault}, after {} ms", by.as_millis()),
            Self::Stall(point) => write!(f, "stalled {point}"),
            Self::Reset(point) => write!(f, "connection reset {point}"),
            Self::Refuse(answer) => write!(f, "refused with {}", first_line(answer)),
            Self::Replace(answer) => write!(f, "carried out, and answered with {}", first_line(answer)),
            Self::Endless(_) => write!(f, "answered without end"),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => write!(f, "before it was carried out"),
            Self::Answer => write!(f, "after it was carried out"),
            Self::Head(bytes) => write!(f, "after {bytes} bytes of the answer's headers"),
            Self::Body(bytes) => write!(f, "after {bytes} bytes of the answer's body"),
        }
    }
}

fn errcode_body(errcode: i64) -> String {
    json!({"errcode": errcode, "errmsg": "injected, rid: 0a1b2c3d-00000001-0000000f"}).to_string()
}

/// The status and, if there is one, the name of the error.
fn first_line(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    if !text.starts_with("HTTP/1.1 ") {
        return "garbage".to_owned();
    }
    let status = text.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").trim_end().to_owned();
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    match (&body["__type"], &body["errcode"]) {
        (serde_json::Value::String(name), _) => format!("{status} {name}"),
        (_, serde_json::Value::Number(errcode)) => format!("{status} errcode {errcode}"),
        _ => status,
    }
}
