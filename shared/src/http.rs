//! HTTP in and out: a [`Call`] is read from the event; a [`Reply`] or an [`Error`] becomes the response in the contract's form.

#[cfg(test)]
mod fuzz;

use crate::clock::{Timestamp, system_now};
use crate::code::Code;
use crate::error::{Error, Failure};
use crate::scope::Scope;
use crate::session::Token;
use lambda_http::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Request, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Maximum size of a body, in bytes after base64 is undone, unless it says otherwise.
pub const MAX_BODY: usize = 4 * 1024;

/// `Retry-After` of [`Failure::RateLimited`], in seconds: WeChat counts by the minute.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("60");

/// One request, on its way through a function. It has no `Debug`, because it holds codes and tokens.
pub struct Call {
    request: Request,
    /// Its time and its log line.
    pub scope: Scope,
}

impl Call {
    /// A request within its scope.
    pub fn new(request: Request, scope: Scope) -> Self {
        Self { request, scope }
    }

    /// Refuses every method but `POST`.
    ///
    /// # Errors
    /// [`Failure::MethodNotAllowed`].
    pub fn require_post(&self) -> Result<(), Error> {
        if self.request.method() == Method::POST {
            return Ok(());
        }
        Err(Error::new(Failure::MethodNotAllowed("POST"), "wrong method"))
    }

    /// The method.
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// The last part of the path, which names the route whatever stage or base path stands before it.
    pub fn path_end(&self) -> &str {
        self.request.uri().path().trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// The token of `Authorization: Bearer <token>`; `None` if there is none in the form of ours.
    pub fn bearer(&self) -> Option<Token> {
        Token::from_bearer(self.request.headers().get(AUTHORIZATION)?.to_str().ok()?)
    }

    /// Reads the fields of a body of at most [`MAX_BODY`]: JSON or a form, by the media type; JSON if there is none.
    ///
    /// # Errors
    /// If the body is too large, of another media type, or not what its media type says.
    pub fn fields(&self) -> Result<Fields, Error> {
        self.fields_within(MAX_BODY)
    }

    /// Reads the fields of a body of at most `largest` bytes.
    ///
    /// # Errors
    /// As [`Call::fields`].
    pub fn fields_within(&self, largest: usize) -> Result<Fields, Error> {
        let body = self.request.body().as_ref();
        if body.len() > largest {
            return Err(Error::new(Failure::BodyTooLarge, "body too large"));
        }
        let media_type = self.media_type()?;
        if body.is_empty() {
            return Ok(Fields(Map::new()));
        }
        let malformed = || malformed("body malformed");
        let fields = match media_type {
            MediaType::Json => serde_json::from_slice(body).map_err(|_| malformed())?,
            MediaType::Form => {
                // The parser puts U+FFFD in the place of what is no UTF-8.
                percent_encoding::percent_decode(body).decode_utf8().map_err(|_| malformed())?;
                form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), Value::from(value))).collect()
            }
        };
        Ok(Fields(fields))
    }

    fn media_type(&self) -> Result<MediaType, Error> {
        let header = self.request.headers().get(CONTENT_TYPE);
        let text = header.map_or(Ok(""), HeaderValue::to_str).unwrap_or("?");
        let essence = text.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" | "application/json" => Ok(MediaType::Json),
            "application/x-www-form-urlencoded" => Ok(MediaType::Form),
            _ => Err(Error::new(Failure::UnsupportedMediaType, "neither JSON nor a form")),
        }
    }
}

enum MediaType {
    Json,
    Form,
}

/// The fields of a body. Of fields with the same name the last one counts. No `Debug`: one of them is a code.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The `code` that WeChat gave the page.
    ///
    /// # Errors
    /// [`Failure::MissingParameter`] if it is absent, null or empty; [`Failure::MalformedRequest`] if it is no text
    /// of 1 to 512 printable ASCII characters.
    pub fn code(&self) -> Result<Code, Error> {
        Code::parse(self.text("code")?).ok_or_else(|| malformed("code malformed"))
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// [`Failure::MissingParameter`] if it is absent, null or empty; [`Failure::MalformedRequest`] if it is no text.
    pub fn text(&self, name: &str) -> Result<&str, Error> {
        match self.get(name) {
            None => Err(Error::new(Failure::MissingParameter, "field missing")),
            Some(Value::String(text)) if text.is_empty() => Err(Error::new(Failure::MissingParameter, "field empty")),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(malformed("field is no text")),
        }
    }

    /// A switch: `true` or `false`, in a form as text; off if it is absent or null.
    ///
    /// # Errors
    /// [`Failure::MalformedRequest`] if it is something else.
    pub fn switch(&self, name: &str) -> Result<bool, Error> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(*on),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(_) => Err(malformed("field is neither true nor false")),
        }
    }

    /// A field; `None` if it is absent or null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

fn malformed(cause: &'static str) -> Error {
    Error::new(Failure::MalformedRequest, cause)
}

/// A success: the `data` of the body. No `Debug`: it holds tokens and phone numbers.
pub struct Reply(Value);

impl Reply {
    /// A reply without `data`.
    pub fn done() -> Self {
        Self(Value::Null)
    }

    /// A reply with this `data`.
    ///
    /// # Errors
    /// If `data` cannot be put into JSON.
    pub fn ok(data: &impl Serialize) -> Result<Self, Error> {
        serde_json::to_value(data).map(Self).map_err(|_| Error::new(Failure::Unavailable, "reply cannot be written"))
    }
}

/// The HTTP answer to what a handler came to. `request_id` goes into the body of an error.
pub fn respond(result: &Result<Reply, Error>, request_id: &str) -> Response<String> {
    match result {
        Ok(Reply(data)) => {
            let body = json!({"code": 200, "msg": "ok", "data": data});
            response(StatusCode::OK, &body)
        }
        Err(error) => {
            let wording = error.failure.wording();
            let body = json!({
                "code": wording.code,
                "msg": wording.msg,
                "data": null,
                "error": wording.error,
                "request_id": request_id,
            });
            let mut response = response(wording.status, &body);
            if let Some((name, value)) = extra_header(error.failure) {
                response.headers_mut().insert(name, value);
            }
            response
        }
    }
}

fn extra_header(failure: Failure) -> Option<(HeaderName, HeaderValue)> {
    match failure {
        Failure::MethodNotAllowed(allow) => Some((ALLOW, HeaderValue::from_static(allow))),
        Failure::RateLimited => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
        Failure::QuotaUsedUp => {
            Some((RETRY_AFTER, HeaderValue::from(seconds_to_midnight_in_beijing(Timestamp::from(system_now())))))
        }
        Failure::Unauthorized => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        _ => None,
    }
}

/// The seconds from `now` until WeChat's quotas start again, at midnight in Beijing (UTC+8, no daylight saving).
fn seconds_to_midnight_in_beijing(now: Timestamp) -> u64 {
    const HOUR: u64 = 60 * 60;
    24 * HOUR - (now.seconds() + 8 * HOUR) % (24 * HOUR)
}

fn response(status: StatusCode, body: &Value) -> Response<String> {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_starts_again_at_midnight_in_beijing() {
        // 2023-11-14T15:59:59Z is one second to midnight there.
        for (now, left) in [(1_699_977_599, 1), (1_699_977_600, 86_400), (1_700_000_000, 64_000)] {
            assert_eq!(seconds_to_midnight_in_beijing(Timestamp::from_seconds(now)), left, "{now}");
        }
    }
}
