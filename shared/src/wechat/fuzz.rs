//! Fuzzing of WeChat's responses: no false success, and no value out of bounds.

use super::answer::read;
use super::{CodeSession, Error, PhoneNumber, phone_number, stable_token};
use crate::text::is_word;
use mutations::fuzz;
use secrecy::ExposeSecret;
use serde_json::Value;

const SESSION: &[u8] = br#"{"openid":"o1","session_key":"a\/b==","unionid":"u1","errcode":0,"errmsg":"ok"}"#;
const PHONE: &[u8] = br#"{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"+8613800000000",
    "purePhoneNumber":"13800000000","countryCode":"86","watermark":{"timestamp":1700000000,"appid":"wx"}}}"#;
const TOKEN: &[u8] = br#"{"access_token":"70_abc","expires_in":7200}"#;
const REFUSAL: &[u8] = br#"{"errcode":40163,"errmsg":"code been used, rid: 61725984-6126f6f9-040f19c4"}"#;
const PAGE: &[u8] = b"<html><body>502 Bad Gateway</body></html>";

/// The body as another reader sees it.
fn seen(body: &[u8]) -> Value {
    serde_json::from_slice(body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)).unwrap_or_default()
}

/// Checks the form of a success or of a failure. `Some` if it is a success.
fn judge<T>(body: &[u8], answer: Result<T, Error>) -> Option<(T, Value)> {
    let seen = seen(body);
    let errcode = match &seen["errcode"] {
        Value::Null => Some(0),
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    };
    match answer {
        Ok(answer) => {
            assert_eq!(errcode, Some(0), "success in spite of an errcode");
            assert!(seen.is_object(), "success without an object");
            Some((answer, seen))
        }
        Err(error) => {
            assert!(error.errcode.is_none_or(|code| code != 0 && Some(code) == errcode), "{error:?}");
            let is_rid = |rid: &String| rid.len() <= 64 && rid.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
            assert!(error.rid.as_ref().is_none_or(is_rid), "{error:?}");
            None
        }
    }
}

#[test]
fn no_answer_to_a_login_code_is_a_false_success() {
    fuzz("code2Session", &[SESSION, SESSION, REFUSAL, PAGE], |body| {
        let answer = read(body).and_then(|answer| CodeSession::from_answer(answer, "wx"));
        let Some((session, seen)) = judge(body, answer) else { return false };
        assert!(is_word(&session.openid, 128) && seen["openid"] == *session.openid);
        let key = session.session_key.expose_secret();
        assert!(is_word(key, 128) && seen["session_key"] == *key);
        assert!(session.unionid.is_none_or(|unionid| is_word(&unionid, 128) && seen["unionid"] == *unionid));
        assert_eq!(session.app_id, "wx");
        true
    });
}

#[test]
fn no_answer_to_a_phone_code_is_a_false_success() {
    fuzz("getPhoneNumber", &[PHONE, PHONE, REFUSAL, PAGE], |body| {
        let answer = read(body).map_err(phone_number::read_error);
        let answer = answer.and_then(|answer| PhoneNumber::from_answer(answer, "wx"));
        let Some((number, seen)) = judge(body, answer) else { return false };
        let info = &seen["phone_info"];
        assert_eq!(info["watermark"]["appid"], "wx");
        for (text, there) in [
            (number.pure.expose_secret(), &info["purePhoneNumber"]),
            (number.country_code.as_str(), &info["countryCode"]),
        ] {
            assert!(
                is_word(text, 32) && (there == text || there.as_u64().is_some_and(|number| number.to_string() == text))
            );
        }
        true
    });
}

#[test]
fn no_answer_with_an_access_token_is_a_false_success() {
    fuzz("stable token", &[TOKEN, TOKEN, REFUSAL, PAGE], |body| {
        let answer = read(body).map_err(stable_token::read_error).and_then(stable_token::read);
        let Some(((token, life), seen)) = judge(body, answer) else { return false };
        assert!(is_word(token.expose_secret(), 2048) && seen["access_token"] == *token.expose_secret());
        assert!((1..=86_400).contains(&life.as_secs()));
        true
    });
}
