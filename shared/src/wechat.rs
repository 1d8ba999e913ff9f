//! The client of `api.weixin.qq.com`, by WeChat's server documentation for mini-programs.
//!
//! Every error of WeChat is HTTP 200 with an `errcode`; what each means for us is decided where the answer is
//! read. No error of this module holds text of WeChat's or a URL: the URL carries the AppSecret.

mod answer;

use crate::aws;
use crate::deadline::{Deadline, OutOfTime};
use crate::secrets::{self, Credentials, Secrets};
pub use crate::tls::wechat_http_client as http_client;
pub use answer::CodeSession;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The limit of one call to WeChat, connecting included.
pub const CALL: Duration = Duration::from_secs(4);

/// What must be left after a call to WeChat, so that what it answered can be stored.
pub const RESERVE: Duration = aws::CALL;

/// WeChat's answers are a few hundred bytes; what is longer than this is none.
pub const LONGEST_ANSWER: usize = 64 * 1024;

/// How long to wait before the one repetition after -1 ("system busy").
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// A code of `wx.login` or of the phone button: 1 to 512 printable ASCII characters.
#[derive(Clone, Debug)]
pub struct Code(SecretString);

impl Code {
    /// Accepts what can be a code. `None` if it is too long, empty, or not printable ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        ((1..=512).contains(&text.len()) && printable).then(|| Self(text.to_owned().into()))
    }

    /// The code itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

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
    /// 40029: the code is unknown or expired.
    InvalidCode,
    /// 40163: the code was used before.
    UsedCode,
    /// 40226: the user is blocked as high risk.
    UserBlocked,
    /// 45011: too frequent.
    RateLimited,
    /// 40013, 40125, 41002, 41004: AppId or AppSecret is wrong.
    Credentials,
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
    /// AppId and AppSecret are not there.
    Secrets(secrets::Error),
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            errcode: None,
            rid: None,
            repeated: false,
        }
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
    base_url: String,
}

impl Client {
    /// A client that speaks to `base_url` (scheme and host, no slash at the end) through `http`.
    pub fn new(http: reqwest::Client, base_url: String) -> Self {
        Self { http, base_url }
    }

    /// `code2Session`: exchanges the code of `wx.login` for the user's `openid` and `session_key`.
    ///
    /// After -1 it asks once more; after a connection that did not come about too; and where AppId or AppSecret is
    /// refused and the secret has changed, again with the new one. It never repeats a call whose answer is
    /// outstanding: the code may be used up.
    ///
    /// # Errors
    /// What stood in the way; [`Error::repeated`] if an earlier try may have used the code.
    pub async fn code_to_session(
        &self,
        code: &Code,
        mut credentials: Arc<Credentials>,
        secrets: &Secrets,
        deadline: Deadline,
    ) -> Result<CodeSession, Error> {
        let (mut reconnected, mut paused, mut reread, mut answered) = (false, false, false, false);
        loop {
            let error = match self.jscode2session(&credentials, code, deadline).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            match error.kind {
                Kind::NotConnected if !reconnected => reconnected = true,
                Kind::Busy if !paused => {
                    paused = true;
                    answered = true;
                    sleep(BUSY_PAUSE).await;
                }
                Kind::Credentials if !reread => {
                    reread = true;
                    answered = true;
                    match secrets.reread(&credentials, deadline).await {
                        Some(changed) => credentials = changed,
                        None => return Err(error),
                    }
                }
                _ => {
                    return Err(Error {
                        repeated: answered,
                        ..error
                    });
                }
            }
        }
    }

    /// One call of `GET /sns/jscode2session`.
    async fn jscode2session(
        &self,
        credentials: &Credentials,
        code: &Code,
        deadline: Deadline,
    ) -> Result<CodeSession, Error> {
        let request = self.http.get(format!("{}/sns/jscode2session", self.base_url)).query(&[
            ("appid", credentials.app_id.as_str()),
            ("secret", credentials.app_secret.expose_secret()),
            ("js_code", code.expose()),
            ("grant_type", "authorization_code"),
        ]);
        let answer = call(request, deadline).await?;
        CodeSession::from_answer(answer, &credentials.app_id)
    }
}

/// Sends a request and reads the answer: an object without an error of WeChat's.
async fn call(request: reqwest::RequestBuilder, deadline: Deadline) -> Result<Map<String, Value>, Error> {
    let limit = deadline.allow(CALL, RESERVE)?;
    let body = timeout(limit, fetch(request))
        .await
        .map_err(|_| Kind::Unavailable("WeChat: no answer in time"))??;
    answer::read(&body)
}

async fn fetch(request: reqwest::RequestBuilder) -> Result<Vec<u8>, Error> {
    // The texts of reqwest's errors hold the URL, and the URL holds the secret: only their kind is looked at.
    let mut response = request.send().await.map_err(|error| {
        if error.is_connect() {
            Kind::NotConnected
        } else {
            Kind::Unavailable("WeChat: connection lost")
        }
    })?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(Kind::Unavailable("WeChat: gateway fault").into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|_| Kind::Unavailable("WeChat: answer cut short"))?
    {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Kind::Unavailable("WeChat: answer too long").into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_1_to_512_printable_ascii_characters() {
        assert!(Code::parse("a").is_some());
        assert!(Code::parse(&"~".repeat(512)).is_some());
        for text in ["", "a\n", "é", "a\u{7f}", "\0"] {
            assert!(Code::parse(text).is_none(), "{text:?}");
        }
        assert!(Code::parse(&"a".repeat(513)).is_none());
    }

    #[test]
    fn the_debug_form_shows_no_code() {
        let code = Code::parse("canary").unwrap();
        assert!(!format!("{code:?}").contains("canary"));
    }
}
