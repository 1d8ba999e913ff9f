//! Reading WeChat's answers: tolerant of scalars that drift, strict about what must be there.

use super::{Error, Kind};
use secrecy::SecretString;
use serde_json::{Map, Value};

/// What `code2Session` answers.
#[derive(Clone, Debug)]
pub struct CodeSession {
    /// The mini-program, as WeChat was asked in its name.
    pub app_id: String,
    /// The user, within this mini-program.
    pub openid: String,
    /// The user across the apps of one open-platform account, if the mini-program is bound to one.
    pub unionid: Option<String>,
    /// The key of what the client encrypts and signs.
    pub session_key: SecretString,
}

impl CodeSession {
    /// Reads a successful answer.
    pub(super) fn from_answer(mut answer: Map<String, Value>, app_id: &str) -> Result<Self, Error> {
        let openid = text(&mut answer, "openid")
            .filter(|openid| openid.len() <= 128 && openid.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or(Kind::Unavailable("WeChat: success without openid"))?;
        let session_key =
            text(&mut answer, "session_key").ok_or(Kind::Unavailable("WeChat: success without session_key"))?;
        Ok(Self {
            app_id: app_id.to_owned(),
            openid,
            unionid: text(&mut answer, "unionid"),
            session_key: session_key.into(),
        })
    }
}

/// A text that is there and not empty.
fn text(answer: &mut Map<String, Value>, name: &str) -> Option<String> {
    match answer.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Reads an answer's body. The header is not asked: `sns` endpoints send JSON as `text/plain`.
///
/// # Errors
/// If it is no JSON object, or holds an `errcode` other than 0.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let answer: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Kind::Unavailable("WeChat: answer is no JSON object"))?;
    match errcode(answer.get("errcode"))? {
        0 => Ok(answer),
        errcode => Err(Error {
            kind: kind_of(errcode),
            errcode: Some(errcode),
            rid: answer.get("errmsg").and_then(Value::as_str).and_then(rid_of),
            repeated: false,
        }),
    }
}

/// An absent `errcode` is success; numbers have been seen as strings.
fn errcode(value: Option<&Value>) -> Result<i64, Error> {
    let number = match value {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    number.ok_or_else(|| Kind::Unavailable("WeChat: errcode is no number").into())
}

/// What an `errcode` means, by WeChat's table of return codes and, for 40163, by observation.
fn kind_of(errcode: i64) -> Kind {
    match errcode {
        -1 => Kind::Busy,
        40029 => Kind::InvalidCode,
        40163 => Kind::UsedCode,
        40226 => Kind::UserBlocked,
        45011 => Kind::RateLimited,
        40013 | 40125 | 41002 | 41004 => Kind::Credentials,
        40164 => Kind::Configuration("WeChat: IP not in the whitelist"),
        40243 => Kind::Configuration("WeChat: AppSecret frozen"),
        89503 | 89506 | 89507 => Kind::Configuration("WeChat: waiting for an administrator"),
        _ => Kind::Unavailable("WeChat: unexpected errcode"),
    }
}

/// The request id in `errmsg` (`…, rid: 61725984-6126f6f9-040f19c4`). The rest of the text is not for us.
fn rid_of(errmsg: &str) -> Option<String> {
    let (_, rest) = errmsg.split_once("rid:")?;
    let rid: String = rest
        .trim_start()
        .chars()
        .take_while(|c| c.is_ascii_hexdigit() || *c == '-')
        .take(64)
        .collect();
    (!rid.is_empty()).then_some(rid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn session(body: &str) -> Result<CodeSession, Error> {
        read(body.as_bytes()).and_then(|answer| CodeSession::from_answer(answer, "wx"))
    }

    #[test]
    fn a_full_answer_is_read() {
        let got = session(r#"{"openid":"o1","session_key":"a\/b==","unionid":"u1","errcode":0}"#).unwrap();
        assert_eq!(got.openid, "o1");
        assert_eq!(got.session_key.expose_secret(), "a/b==");
        assert_eq!(got.unionid.as_deref(), Some("u1"));
    }

    #[test]
    fn success_needs_neither_errcode_nor_unionid() {
        let got = session(r#"{"openid":"o1","session_key":"k"}"#).unwrap();
        assert_eq!(got.unionid, None);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert!(session("\u{feff}{\"openid\":\"o1\",\"session_key\":\"k\"}").is_ok());
    }

    #[test]
    fn an_errcode_may_be_a_string() {
        let error = session(r#"{"errcode":"40029","errmsg":"x"}"#).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidCode);
        assert!(session(r#"{"openid":"o1","session_key":"k","errcode":"0"}"#).is_ok());
    }

    #[test]
    fn an_error_wins_over_an_openid() {
        let error = session(r#"{"openid":"o1","session_key":"k","errcode":40163}"#).unwrap_err();
        assert_eq!(error.kind, Kind::UsedCode);
    }

    #[test]
    fn a_success_without_what_must_be_there_is_none() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "<html>",
            r#"{"errcode":0}"#,
            r#"{"openid":"o1"}"#,
            r#"{"session_key":"k"}"#,
            r#"{"openid":"","session_key":"k"}"#,
            r#"{"openid":7,"session_key":"k"}"#,
            r#"{"openid":"a b","session_key":"k"}"#,
            r#"{"openid":"o1","session_key":null}"#,
            r#"{"openid":"o1","session_key":"k","errcode":{}}"#,
            r#"{"openid":"o1","session_key":"k","errcode":true}"#,
            r#"{"openid":"o1","session_key":"k""#,
        ] {
            let error = session(body).unwrap_err();
            assert!(matches!(error.kind, Kind::Unavailable(_)), "{body}");
        }
    }

    #[test]
    fn every_documented_errcode_has_its_meaning() {
        for (errcode, kind) in [
            (-1, Kind::Busy),
            (40029, Kind::InvalidCode),
            (40163, Kind::UsedCode),
            (40226, Kind::UserBlocked),
            (45011, Kind::RateLimited),
            (40013, Kind::Credentials),
            (41002, Kind::Credentials),
            (40125, Kind::Credentials),
            (41004, Kind::Credentials),
        ] {
            assert_eq!(kind_of(errcode), kind, "{errcode}");
        }
        assert!(matches!(kind_of(40164), Kind::Configuration(_)));
        assert!(matches!(kind_of(41008), Kind::Unavailable(_)));
    }

    #[test]
    fn the_rid_is_found_in_any_wording() {
        for errmsg in [
            "invalid code, rid: 5f1-aa2-03",
            "invalid appid rid: 5f1-aa2-03",
            "x hint: [..] rid: 5f1-aa2-03",
        ] {
            assert_eq!(rid_of(errmsg).as_deref(), Some("5f1-aa2-03"), "{errmsg}");
        }
    }

    #[test]
    fn text_that_is_no_rid_is_left_out() {
        for errmsg in ["", "rid:", "invalid code", "rid: my secret"] {
            assert_eq!(rid_of(errmsg), None, "{errmsg}");
        }
    }
}
