//! The client of `api.weixin.qq.com`, by WeChat's server documentation for mini-programs.
//!
//! Every error of WeChat is HTTP 200 with an `errcode`; what each means for us is decided where the answer is
//! read. No error of this module holds text of WeChat's or a URL: the URL carries the AppSecret.

mod access_token;
mod ahead;
mod answer;
mod code_to_session;
#[cfg(test)]
mod fuzz;
mod phone_number;
mod session_key;
mod stable_token;

use crate::aws;
use crate::clock::Clock;
use crate::config::ConfigError;
use crate::deadline::OutOfTime;
use crate::http_client::{BodyError, MAX_IDLE, NO_TLS, builder, read_body};
use crate::log::{Renewal, Service};
use crate::scope::Scope;
use crate::secrets::{self, Credentials, Secrets};
use crate::store::{self, Store};
use access_token::AccessToken;
use ahead::Ahead;
pub use code_to_session::CodeSession;
use futures_util::future::{Either, select};
pub use phone_number::PhoneNumber;
use serde_json::{Map, Value};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The limit of one call to WeChat, connecting included.
pub const CALL: Duration = Duration::from_secs(4);

/// Time that must be left after a call to WeChat, so that its response can be stored.
pub const RESERVE: Duration = aws::CALL;

/// With less than this a call to WeChat is not started: connecting from abroad takes three round trips of up to 300 ms,
/// and a code is lost, for phone numbers with the money, if its answer does not come in time.
const WORTH_STARTING: Duration = Duration::from_secs(1);

/// Maximum size of a response. WeChat's are a few hundred bytes.
pub const MAX_RESPONSE: usize = 64 * 1024;

/// Maximum time to open a connection ahead of the first request: init must not wait for a server that is down.
const AHEAD: Duration = Duration::from_secs(1);

/// Time that a renewal of the access token still gets once the concurrent call is done: what the call gave must be stored. The next
/// request tries again.
const RENEWAL_GRACE: Duration = Duration::from_millis(400);

/// Pause before the one retry after -1 ("system busy").
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// The limit for connecting to WeChat, the TLS handshake included: from abroad that is three round trips of up to 300 ms.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An HTTP client that speaks to WeChat only, and opens its first connection ahead of the first request.
pub struct Connection {
    http: reqwest::Client,
    ahead: Ahead,
}

impl Connection {
    /// Makes the client.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
    pub fn new(extra_roots: Option<&Path>) -> Result<Self, ConfigError> {
        let ahead = Ahead::new(MAX_IDLE);
        let client = builder(extra_roots)?.connect_timeout(CONNECT_TIMEOUT).connector_layer(ahead.clone());
        Ok(Self { http: client.build().map_err(|_| NO_TLS)?, ahead })
    }

    /// The HTTP client itself, for what tests and tools ask of other servers on the same terms.
    pub fn into_http(self) -> reqwest::Client {
        self.http
    }
}

/// Why WeChat did not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// 40029: the code is unknown or expired; or, of the phone button, used before.
    #[error("WeChat: code invalid")]
    InvalidCode,
    /// 40163: the code was used before.
    #[error("WeChat: code used")]
    UsedCode,
    /// 40226: the user is blocked as high risk.
    #[error("WeChat: user blocked")]
    UserBlocked,
    /// 45011: too frequent.
    #[error("WeChat: too frequent")]
    RateLimited,
    /// 45009: the day's quota of this call is used up.
    #[error("WeChat: daily quota used up")]
    QuotaUsedUp,
    /// 40013, 40125, 41002, 41004: AppId or AppSecret is wrong.
    #[error("WeChat: AppId or AppSecret refused")]
    Credentials,
    /// 40001, 40014, 41001, 42001: the access token is refused.
    #[error("WeChat: access token refused")]
    AccessToken,
    /// 87007, 87009: the `session_key` is not the user's, or has ended.
    #[error("WeChat: session_key refused")]
    SessionKey,
    /// 40013, 40003 or a foreign watermark: the code of the phone button belongs to another user or app.
    #[error("WeChat: code of another user or app")]
    CodeMismatch,
    /// Something else that an operator must set right.
    #[error("{0}")]
    Configuration(&'static str),
    /// -1: busy.
    #[error("WeChat: busy")]
    Busy,
    /// No connection came about, so nothing was sent.
    #[error("WeChat: no connection")]
    NotConnected,
    /// No answer, or none that can be understood.
    #[error("{0}")]
    Unavailable(&'static str),
    /// Too little time left to start the call.
    #[error("too little time left")]
    OutOfTime,
    /// AppId, AppSecret or keyring is not there.
    #[error(transparent)]
    Secrets(secrets::Error),
    /// The access token that all instances share cannot be read.
    #[error(transparent)]
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
    access_token: access_token::TokenCache,
}

impl Client {
    /// A client that speaks to `base_url` (scheme and host, no slash at the end) through `connection`, as the mini-program
    /// of `secrets`, and shares its access token with other instances through `store`.
    pub fn new(
        Connection { http, ahead }: Connection,
        base_url: String,
        secrets: Arc<Secrets>,
        store: Arc<Store>,
        clock: Clock,
    ) -> Self {
        Self { http, ahead, base_url, secrets, store, clock, access_token: access_token::TokenCache::default() }
    }

    /// Opens the connection that the first call will use. Whether it worked shows then.
    pub async fn connect(&self) {
        let _ = timeout(AHEAD, self.ahead.connect(&self.http, &self.base_url)).await;
    }

    /// Sends the request that `request` makes with an access token, and reads an error with `meaning`: what some errcodes mean
    /// differs from call to call. Where the access token is refused, it is sent again with a new one. A token that nears its
    /// end is renewed concurrently.
    async fn call_with_token(
        &self,
        scope: &Scope,
        meaning: fn(Error) -> Error,
        request: impl Fn(&AccessToken) -> reqwest::RequestBuilder,
    ) -> Result<Map<String, Value>, Error> {
        let token = self.access_token(scope).await?;
        let exchange = retry(
            Kind::AccessToken,
            token,
            |token| {
                let response = call(request(&token), scope);
                async move { response.await.map_err(meaning) }
            },
            |refused, error| async move { self.replace(&refused, error, scope).await },
        );
        let (exchange, renewal) = (pin!(exchange), pin!(self.renew_access_token(scope)));
        match select(exchange, renewal).await {
            Either::Left((response, renewal)) => {
                if timeout(RENEWAL_GRACE, renewal).await.is_err() {
                    scope.log.access_token(Renewal::Failed);
                }
                response
            }
            Either::Right(((), exchange)) => exchange.await,
        }
    }

    /// Runs `send` with AppId and AppSecret; where they are refused and the secret has changed, again with the new ones.
    async fn call_with_credentials<T, F>(&self, scope: &Scope, send: impl Fn(Arc<Credentials>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (credentials, _) = self.secrets.get(scope).await?;
        let renew =
            |refused: Arc<Credentials>, error| async move { self.secrets.reread(&refused, scope).await.ok_or(error) };
        retry(Kind::Credentials, credentials, send, renew).await
    }
}

/// Runs `send` with `credential`, and retries it once after each kind of failure that may pass: no connection, -1 ("system busy"), and
/// `refused`, for which `renew` gives another credential. Never repeats a call that got no response: the code that it carries
/// may be used up.
///
/// # Errors
/// The last failure; marked as `repeated` if WeChat had responded to an earlier attempt, which may have used the code.
async fn retry<C, T, S, R>(
    refused: Kind,
    mut credential: C,
    send: impl Fn(C) -> S,
    renew: impl Fn(C, Error) -> R,
) -> Result<T, Error>
where
    C: Clone,
    S: Future<Output = Result<T, Error>>,
    R: Future<Output = Result<C, Error>>,
{
    let (mut reconnected, mut busy, mut renewed) = (false, false, false);
    // What WeChat responded to an earlier attempt.
    let mut responded = None;
    loop {
        let error = match send(credential.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match error.kind {
            Kind::NotConnected if !reconnected => reconnected = true,
            Kind::Busy if !busy => {
                busy = true;
                responded = Some(error);
                sleep(BUSY_PAUSE).await;
            }
            kind if kind == refused && !renewed => {
                renewed = true;
                responded = Some(error.clone());
                credential = renew(credential, error).await?;
            }
            // The first attempt may have used the code, so what it met is the better answer.
            Kind::OutOfTime if responded.is_some() => return Err(responded.unwrap_or(error)),
            _ => return Err(Error { repeated: responded.is_some(), ..error }),
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
    read_body(&mut response, MAX_RESPONSE).await.map_err(|fault| {
        Kind::Unavailable(match fault {
            BodyError::TooLong => "WeChat: answer too long",
            BodyError::Lost(_) => "WeChat: answer cut short",
        })
        .into()
    })
}
