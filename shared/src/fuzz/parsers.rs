//! What pages send, and what the secret and the tables hold.

use super::{fuzz, run};
use crate::code::Code;
use crate::deadline::Deadline;
use crate::error::Failure;
use crate::http::Call;
use crate::keyring::{Keyring, Place};
use crate::profile::{Avatar, Name};
use crate::scope::Scope;
use crate::session::Token;
use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use lambda_http::{Body, Request};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::time::Duration;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const KEYRING: &str =
    r#"{"current":"k1","k1":"0123456789abcdef0123456789abcdef","k2":"fedcba9876543210fedcba9876543210"}"#;
const HERE: Place<'static> = Place { table: "users", key: "o1", field: "phone" };

fn is_token(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

fn is_code(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.chars().all(|c| (' '..='~').contains(&c))
}

#[test]
fn a_name_has_1_to_50_characters_and_none_that_controls() {
    fuzz("name", &["小明".as_bytes(), " José 🐼 ".as_bytes(), &[b'a'; 50]], |bytes| {
        let Some(name) = std::str::from_utf8(bytes).ok().and_then(Name::parse) else { return false };
        let name = name.as_str();
        assert!((1..=50).contains(&name.chars().count()) && !name.contains(char::is_control) && name == name.trim());
        true
    });
}

#[test]
fn an_avatar_is_an_https_url_of_200_plain_characters() {
    fuzz("avatar", &[b"https://a.example/1.png?x=%E5%B0%8F", b"https://a.example:8443/b/2.png#x"], |bytes| {
        let Some(avatar) = std::str::from_utf8(bytes).ok().and_then(Avatar::parse) else { return false };
        let text = avatar.as_str();
        assert!(
            text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        );
        let (scheme, rest) = text.split_once("://").unwrap();
        let host = rest.split(['/', '?', '#']).next().unwrap();
        assert!(
            scheme.eq_ignore_ascii_case("https") && !host.is_empty() && !host.starts_with(':') && !host.contains('@')
        );
        true
    });
}

/// A request with this header, if it can be one, and this body.
fn call(header: HeaderName, value: &[u8], body: &[u8]) -> Option<Call> {
    let mut request = Request::new(Body::Binary(body.to_vec()));
    request.headers_mut().insert(header, HeaderValue::from_bytes(value).ok()?);
    Some(Call::new(request, Scope::until(Deadline::of_invocation(Duration::from_secs(10)))))
}

#[test]
fn a_token_is_32_lower_case_hex_digits_and_nothing_else() {
    fuzz("token", &[TOKEN.as_bytes()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let token = Token::parse(text);
        assert_eq!(token.is_some(), is_token(text));
        token.is_some_and(|token| token.expose() == text)
    });
}

#[test]
fn a_code_is_1_to_512_printable_characters_and_nothing_else() {
    fuzz("code", &[b"0a1SampleLoginCode00000000000001", &[b'~'; 512]], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let code = Code::parse(text);
        assert_eq!(code.is_some(), is_code(text));
        code.is_some_and(|code| code.expose() == text)
    });
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

/// What a body of this media type comes to.
fn field(media_type: &str, body: &[u8]) -> Option<Code> {
    match call(CONTENT_TYPE, media_type.as_bytes(), body).unwrap().fields().and_then(|fields| fields.code()) {
        Ok(code) => {
            assert!(is_code(code.expose()) && body.len() <= crate::http::LARGEST_BODY);
            Some(code)
        }
        Err(error) => {
            let expected = [Failure::MissingParameter, Failure::MalformedRequest, Failure::BodyTooLarge];
            assert!(expected.contains(&error.failure), "{error:?}");
            assert_eq!(error.failure == Failure::BodyTooLarge, body.len() > crate::http::LARGEST_BODY);
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
        let acceptable = text.filter(|text| is_code(text) && body.len() <= crate::http::LARGEST_BODY);
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

#[test]
fn a_keyring_that_is_taken_seals_and_opens() {
    fuzz("keyring", &[KEYRING.as_bytes()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let Ok(ring) = Keyring::parse(text) else { return false };
        let sealed = ring.seal("13800000000", b"salt", HERE).unwrap();
        assert_eq!(ring.open(&sealed, b"salt", HERE).unwrap().expose_secret(), "13800000000");
        assert!(!ring.derive_all("x").is_empty());
        true
    });
}

#[test]
fn nothing_opens_but_what_was_sealed() {
    let ring = Keyring::parse(KEYRING).unwrap();
    let sealed = ring.seal("13800000000", b"", HERE).unwrap();
    let target = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| ring.open(text, b"", HERE).is_ok());
    run(&[sealed.as_bytes()], target, |runs, opened| {
        println!("sealed value: {runs} runs, of which {opened} opened though changed");
        assert_eq!(opened, 0);
    });
}
