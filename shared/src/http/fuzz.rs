//! Fuzzing of HTTP input: what is accepted is what was sent.

use super::{Call, MAX_BODY};
use crate::code::Code;
use crate::deadline::Deadline;
use crate::error::Failure;
use crate::scope::Scope;
use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use lambda_http::{Body, Request};
use mutations::fuzz;
use serde_json::Value;
use std::time::Duration;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn is_token(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

fn is_code(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.chars().all(|c| (' '..='~').contains(&c))
}

/// A request with this header, if it can be one, and this body.
fn call(header: HeaderName, value: &[u8], body: &[u8]) -> Option<Call> {
    let mut request = Request::new(Body::Binary(body.to_vec()));
    request.headers_mut().insert(header, HeaderValue::from_bytes(value).ok()?);
    Some(Call::new(request, Scope::until(Deadline::of_invocation(Duration::from_secs(10)))))
}

#[test]
fn a_bearer_header_gives_its_own_token_or_none() {
    let samples = [format!("Bearer {TOKEN}"), format!("bearer  {TOKEN} "), format!("Basic {TOKEN}")];
    fuzz("bearer header", &samples.each_ref().map(String::as_bytes), |bytes| {
        let Some(token) = call(AUTHORIZATION, bytes, b"").and_then(|call| call.bearer()) else { return false };
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(is_token(token.expose()));
        assert!(text[..7].eq_ignore_ascii_case("bearer ") && text[7..].trim() == token.expose());
        true
    });
}

/// Reads the code of a body of this media type.
fn field(media_type: &str, body: &[u8]) -> Option<Code> {
    match call(CONTENT_TYPE, media_type.as_bytes(), body).unwrap().fields().and_then(|fields| fields.code()) {
        Ok(code) => {
            assert!(is_code(code.expose()) && body.len() <= MAX_BODY);
            Some(code)
        }
        Err(error) => {
            let expected = [Failure::MissingParameter, Failure::MalformedRequest, Failure::BodyTooLarge];
            assert!(expected.contains(&error.failure), "{error:?}");
            assert_eq!(error.failure == Failure::BodyTooLarge, body.len() > MAX_BODY);
            None
        }
    }
}

#[test]
fn a_json_body_gives_its_own_code_or_an_error_of_the_contract() {
    fuzz("JSON field", &[br#"{"code":"0a1SampleLoginCode","name":"x"}"#, br#"{"code":null}"#], |body| {
        let code = field("application/json; charset=utf-8", body);
        let there: Option<Value> = serde_json::from_slice(body).ok();
        let text = there.as_ref().and_then(|value| value["code"].as_str());
        let acceptable = text.filter(|text| is_code(text) && body.len() <= MAX_BODY);
        assert_eq!(code.as_ref().map(Code::expose), acceptable);
        code.is_some()
    });
}

#[test]
fn a_form_gives_its_own_code_or_an_error_of_the_contract() {
    fuzz("form field", &[b"code=0a1SampleLoginCode&name=x", b"code=a%20b+c&code=%7E"], |body| {
        let code = field("Application/X-WWW-Form-URLEncoded", body);
        let fields = form_urlencoded::parse(body);
        let last = fields.filter(|(name, _)| name == "code").last().map(|(_, value)| value.into_owned());
        assert!(code.is_none() || code.as_ref().map(Code::expose) == last.as_deref());
        code.is_some()
    });
}

#[test]
fn a_media_type_is_json_a_form_or_refused() {
    let samples: [&[u8]; 3] = [b"application/json", b"application/x-www-form-urlencoded; charset=utf-8", b"text/plain"];
    fuzz("media type", &samples, |bytes| {
        let Some(call) = call(CONTENT_TYPE, bytes, b"{}") else { return false };
        match call.fields() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.failure, Failure::UnsupportedMediaType);
                false
            }
        }
    });
}
