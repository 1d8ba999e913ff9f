//! Every failure that a caller can meet, and its form on the wire.

use crate::config::ConfigError;
use crate::{aws, keyring, secrets, store, wechat};
use lambda_http::http::StatusCode;

const OUT_OF_TIME: &str = "too little time left";

/// A failure as the caller sees it. The table below is the HTTP contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A field that must be there, such as `code`, is absent, null or empty.
    MissingParameter,
    /// WeChat does not accept the code.
    InvalidCode,
    /// The body is not what its media type says, or a field has the wrong shape.
    MalformedRequest,
    /// `name` or `avatar` is out of bounds.
    InvalidField,
    /// No token, or one that is unknown, expired or revoked.
    Unauthorized,
    /// WeChat blocks the user (40226).
    UserBlocked,
    /// The code of the phone button belongs to another user or app.
    CodeMismatch,
    /// The session's `session_key` is not the one that the client used.
    SessionKeyStale,
    /// Wrong method; the value of the `Allow` header.
    MethodNotAllowed(&'static str),
    /// The body is larger than the route takes.
    BodyTooLarge,
    /// Neither JSON nor a form.
    UnsupportedMediaType,
    /// WeChat says too frequent (45011): the next minute may go through.
    RateLimited,
    /// WeChat says that the day's quota is used up (45009): the next day in Beijing may go through.
    QuotaUsedUp,
    /// Our own configuration: AppId, AppSecret, IP whitelist, a secret or a table that is not there.
    Misconfigured,
    /// WeChat is slow, down, busy or answers an invalid response.
    WechatUnavailable,
    /// DynamoDB or Secrets Manager does not answer, or too little time is left.
    Unavailable,
}

/// The response to a failure: HTTP status, `code`, `error` and `msg`.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    /// HTTP status.
    pub status: StatusCode,
    /// The `code` of the body.
    pub code: u16,
    /// The stable, machine-readable name.
    pub error: &'static str,
    /// The message, for people.
    pub msg: &'static str,
}

impl Failure {
    /// The row of the contract for this failure.
    pub fn wording(self) -> Wording {
        use StatusCode as S;
        let (status, code, error, msg) = match self {
            Self::MissingParameter => (S::BAD_REQUEST, 404, "missing_parameter", "缺少参数"),
            Self::InvalidCode => (S::BAD_REQUEST, 404, "invalid_code", "无效的code"),
            Self::MalformedRequest => (S::BAD_REQUEST, 400, "malformed_request", "请求格式错误"),
            Self::InvalidField => (S::BAD_REQUEST, 400, "invalid_field", "字段不合法"),
            Self::Unauthorized => (S::UNAUTHORIZED, 401, "unauthorized", "未登录或登录已过期"),
            Self::UserBlocked => (S::FORBIDDEN, 403, "user_blocked", "该用户被限制登录"),
            Self::CodeMismatch => (S::FORBIDDEN, 403, "code_mismatch", "手机号凭证与登录用户不符"),
            Self::SessionKeyStale => (S::CONFLICT, 409, "session_key_stale", "登录态已过期，请重新登录"),
            Self::MethodNotAllowed(_) => (S::METHOD_NOT_ALLOWED, 405, "method_not_allowed", "请求方法不支持"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, 413, "body_too_large", "请求体过大"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type", "不支持的媒体类型")
            }
            Self::RateLimited | Self::QuotaUsedUp => {
                (S::TOO_MANY_REQUESTS, 429, "rate_limited", "请求过于频繁，请稍后再试")
            }
            Self::Misconfigured => (S::INTERNAL_SERVER_ERROR, 500, "misconfigured", "服务配置错误"),
            Self::WechatUnavailable => (S::BAD_GATEWAY, 502, "wechat_unavailable", "微信服务暂不可用"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, 503, "unavailable", "服务暂不可用，请稍后再试"),
        };
        Wording { status, code, error, msg }
    }
}

/// A failure and why it came about. The cause is ours (never upstream text) and goes to the log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// The failure that the caller sees.
    pub failure: Failure,
    /// The cause, for the operator.
    pub cause: &'static str,
    /// WeChat's `errcode`, where WeChat gave one.
    pub errcode: Option<i64>,
    /// WeChat's request id, which its support asks for.
    pub rid: Option<String>,
}

impl Error {
    /// A failure with its cause, not from WeChat.
    pub fn new(failure: Failure, cause: &'static str) -> Self {
        Self { failure, cause, errcode: None, rid: None }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(Failure::Misconfigured, error.advice)
    }
}

impl From<aws::Fault> for Error {
    fn from(fault: aws::Fault) -> Self {
        match fault {
            aws::Fault::Unavailable(cause) => Self::new(Failure::Unavailable, cause),
            aws::Fault::Misconfigured(cause) => Self::new(Failure::Misconfigured, cause),
        }
    }
}

impl From<secrets::Error> for Error {
    fn from(error: secrets::Error) -> Self {
        match error {
            secrets::Error::Aws(fault) => fault.into(),
            secrets::Error::Malformed(cause) => Self::new(Failure::Misconfigured, cause),
        }
    }
}

impl From<keyring::SealError> for Error {
    fn from(error: keyring::SealError) -> Self {
        match error {
            keyring::SealError::NoKey => {
                Self::new(Failure::Misconfigured, "keyring: a key is gone that sealed a value")
            }
            keyring::SealError::Broken => Self::new(Failure::Unavailable, "a sealed value does not open"),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Aws(fault) => fault.into(),
            store::Error::OutOfTime => Self::new(Failure::Unavailable, OUT_OF_TIME),
            store::Error::Corrupt => Self::new(Failure::Unavailable, "DynamoDB: item malformed"),
        }
    }
}

impl From<wechat::Error> for Error {
    fn from(error: wechat::Error) -> Self {
        use wechat::Kind;
        let (failure, cause) = match error.kind {
            // A second try that followed an answer proves nothing about the code: the first may have used it.
            Kind::InvalidCode | Kind::UsedCode if error.repeated => {
                (Failure::WechatUnavailable, "WeChat: code spent by a first try")
            }
            Kind::InvalidCode => (Failure::InvalidCode, "WeChat: code invalid"),
            Kind::UsedCode => (Failure::InvalidCode, "WeChat: code used"),
            Kind::UserBlocked => (Failure::UserBlocked, "WeChat: user blocked"),
            Kind::RateLimited => (Failure::RateLimited, "WeChat: too frequent"),
            Kind::QuotaUsedUp => (Failure::QuotaUsedUp, "WeChat: quota used up"),
            Kind::Credentials => (Failure::Misconfigured, "WeChat: AppId or AppSecret refused"),
            Kind::AccessToken => (Failure::WechatUnavailable, "WeChat: access token refused"),
            Kind::SessionKey => (Failure::SessionKeyStale, "WeChat: session_key refused"),
            Kind::CodeMismatch => (Failure::CodeMismatch, "WeChat: code of another user or app"),
            Kind::Configuration(cause) => (Failure::Misconfigured, cause),
            Kind::Busy => (Failure::WechatUnavailable, "WeChat: busy"),
            Kind::NotConnected => (Failure::WechatUnavailable, "WeChat: no connection"),
            Kind::Unavailable(cause) => (Failure::WechatUnavailable, cause),
            Kind::OutOfTime => (Failure::Unavailable, OUT_OF_TIME),
            Kind::Secrets(secrets) => return secrets.into(),
            Kind::Store(store) => return store.into(),
        };
        Self { failure, cause, errcode: error.errcode, rid: error.rid }
    }
}
