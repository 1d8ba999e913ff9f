//! The client of `api.weixin.qq.com`, by WeChat's server documentation for mini-programs.
//!
//! Every error of WeChat is HTTP 200 with an `errcode`; what each means for us is decided where the answer is
//! read. No error of this module holds text of WeChat's or a URL: the URL carries the AppSecret.

mod access_token;
mod answer;
mod code_to_session;
#[cfg(test)]
mod fuzz;
mod phone_number;
mod session_key;

use crate::ahead::Ahead;
use crate::aws;
use crate::clock::Clock;
use crate::deadline::OutOfTime;
use crate::log::Service;
use crate::scope::Scope;
use crate::secrets::{self, Secrets};
use crate::store::{self, Store};
pub use crate::tls::wechat_http_client as http_client;
use crate::tls::{BodyFault, read_body};
use access_token::AccessToken;
pub use code_to_session::CodeSession;
pub use phone_number::PhoneNumber;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The limit of one call to WeChat, connecting included.
pub const CALL: Duration = Duration::from_secs(4);

/// What must be left after a call to WeChat, so that what it answered can be stored.
pub const RESERVE: Duration = aws::CALL;

/// With less than this a call to WeChat is not started: connecting from abroad takes three round trips of up to 300 ms,
/// and a code is lost, for phone numbers with the money, if its answer does not come in time.
const WORTH_STARTING: Duration = Duration::from_secs(1);

/// WeChat's answers are a few hundred bytes; what is longer than this is none.
pub const LONGEST_ANSWER: usize = 64 * 1024;

/// How long a connection may take that is opened ahead of the first request: init must not wait for a server that is down.
const AHEAD: Duration = Duration::from_secs(1);

/// How long to wait before the one repetition after -1 ("system busy").
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// Why WeChat did not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The reason.
    pub kind: Kind,
    /// WeChat's `errcode`, where it gave one.
    pub errcode: Option<i64>,
    /// WeChat's request id from `errmsg`.
    pub rid: Option<String>,
    /// The code had been sent before, and WeChat had answered something else: the first try may have used it.
    pub repeated: bool,
}

/// The reasons that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 40029: the code is unknown or expired; or, of the phone button, used before.
    InvalidCode,
    /// 40163: the code was used before.
    UsedCode,
    /// 40226: the user is blocked as high risk.
    UserBlocked,
    /// 45011: too frequent.
    RateLimited,
    /// 45009: the day's quota of this call is used up.
    QuotaUsedUp,
    /// 40013, 40125, 41002, 41004: AppId or AppSecret is wrong.
    Credentials,
    /// 40001, 40014, 41001, 42001: the access token is refused.
    AccessToken,
    /// 87007, 87009: the `session_key` is not the user's, or has ended.
    SessionKey,
    /// 40013, 40003 or a foreign watermark: the code of the phone button belongs to another user or app.
    CodeMismatch,
    /// Something else that an operator must set right.
    Configuration(&'static str),
    /// -1: busy.
    Busy,
    /// No connection came about, so nothing was sent.
    NotConnected,
    /// No answer, or none that can be understood.
    Unavailable(&'static str),
    /// Too little time left to start the call.
    OutOfTime,
    /// AppId, AppSecret or keyring is not there.
    Secrets(secrets::Error),
    /// The access token that all instances share cannot be read.
    Store(store::Error),
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind, errcode: None, rid: None, repeated: false }
    }
}

impl From<secrets::Error> for Error {
    fn from(error: secrets::Error) -> Self {
        Kind::Secrets(error).into()
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Kind::Store(error).into()
    }
}

impl From<OutOfTime> for Error {
    fn from(_: OutOfTime) -> Self {
        Kind::OutOfTime.into()
    }
}

/// The client.
pub struct Client {
    http: reqwest::Client,
    ahead: Ahead,
    base_url: String,
    secrets: Arc<Secrets>,
    store: Arc<Store>,
    clock: Clock,
    access_token: access_token::Held,
}

impl Client {
    /// A client that speaks to `base_url` (scheme and host, no slash at the end) through what [`http_client`] made, as the mini-program
    /// of `secrets`, and shares its access token with other instances through `store`.
    pub fn new(
        (http, ahead): (reqwest::Client, Ahead),
        base_url: String,
        secrets: Arc<Secrets>,
        store: Arc<Store>,
        clock: Clock,
    ) -> Self {
        Self { http, ahead, base_url, secrets, store, clock, access_token: access_token::Held::default() }
    }

    /// Opens the connection that the first call will use. Whether it worked shows then.
    pub async fn connect(&self) {
        let _ = timeout(AHEAD, self.ahead.connect(&self.http, &self.base_url)).await;
    }

    /// Sends the request that `request` makes with an access token, and reads an error with `meaning`: what some errcodes mean
    /// differs from call to call.
    ///
    /// After -1 and after a connection that did not come about it asks once more; where the access token is refused,
    /// once more with a new one. It never repeats a call whose answer is outstanding: a code may be used up.
    async fn call_with_token(
        &self,
        scope: &Scope,
        meaning: fn(Error) -> Error,
        request: impl Fn(&AccessToken) -> reqwest::RequestBuilder,
    ) -> Result<Map<String, Value>, Error> {
        let mut token = self.access_token(scope).await?;
        let mut tries = Tries::new(Kind::AccessToken);
        loop {
            let error = match call(request(&token), scope).await {
                Ok(answer) => return Ok(answer),
                Err(error) => meaning(error),
            };
            match tries.after(error).await {
                Next::Repeat => {}
                Next::Renew(error) => token = self.replace(&token, error, scope).await?,
                Next::GiveUp(error) => return Err(error),
            }
        }
    }
}

/// What has been tried of one exchange with WeChat.
#[derive(Debug)]
struct Tries {
    /// The refusal that a new AppSecret or a new access token may mend.
    mendable: Kind,
    reconnected: bool,
    paused: bool,
    renewed: bool,
    /// What WeChat has answered to an earlier try.
    answered: Option<Error>,
}

/// What to do after a failure.
enum Next {
    /// The same once more.
    Repeat,
    /// Once more, if AppSecret or access token can be had anew.
    Renew(Error),
    /// Nothing.
    GiveUp(Error),
}

impl Tries {
    fn new(mendable: Kind) -> Self {
        Self { mendable, reconnected: false, paused: false, renewed: false, answered: None }
    }

    /// What to do after `error`: each kind of failure that may pass is met once. A call whose answer is outstanding is
    /// never repeated, because the code may be used up.
    async fn after(&mut self, error: Error) -> Next {
        match error.kind {
            Kind::NotConnected if !self.reconnected => {
                self.reconnected = true;
                Next::Repeat
            }
            Kind::Busy if !self.paused => {
                self.paused = true;
                self.answered = Some(error);
                sleep(BUSY_PAUSE).await;
                Next::Repeat
            }
            kind if kind == self.mendable && !self.renewed => {
                self.renewed = true;
                self.answered = Some(error.clone());
                Next::Renew(error)
            }
            // The first try may have used the code, so what it met is the better answer.
            Kind::OutOfTime if self.answered.is_some() => Next::GiveUp(self.answered.take().unwrap_or(error)),
            _ => Next::GiveUp(Error { repeated: self.answered.is_some(), ..error }),
        }
    }
}

/// Sends a request and reads the answer: an object without an error of WeChat's.
async fn call(request: reqwest::RequestBuilder, scope: &Scope) -> Result<Map<String, Value>, Error> {
    let limit = scope.deadline.allow(CALL, RESERVE, WORTH_STARTING)?;
    let fetched = scope.log.time(Service::WeChat, timeout(limit, fetch(request))).await;
    answer::read(&fetched.map_err(|_| Kind::Unavailable("WeChat: no answer in time"))??)
}

async fn fetch(request: reqwest::RequestBuilder) -> Result<Vec<u8>, Error> {
    // The texts of reqwest's errors hold the URL, and the URL holds the secret: only their kind is looked at.
    let mut response = request.send().await.map_err(|error| {
        if error.is_connect() { Kind::NotConnected } else { Kind::Unavailable("WeChat: connection lost") }
    })?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(Kind::Unavailable("WeChat: gateway fault").into());
    }
    read_body(&mut response, LONGEST_ANSWER).await.map_err(|fault| {
        Kind::Unavailable(match fault {
            BodyFault::TooLong => "WeChat: answer too long",
            BodyFault::Lost(_) => "WeChat: answer cut short",
        })
        .into()
    })
}
