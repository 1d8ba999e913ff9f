//! Reading WeChat's answers: tolerant of scalars that drift, strict about what must be there.

use super::{Error, Kind};
use crate::text::{is_word, strip_bom};
use serde_json::{Map, Value};

/// A text that is there and not empty.
pub(super) fn text(answer: &mut Map<String, Value>, name: &str) -> Option<String> {
    match answer.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Takes a word of at most `max` bytes.
pub(super) fn word(answer: &mut Map<String, Value>, name: &str, max: usize) -> Option<String> {
    text(answer, name).filter(|text| is_word(text, max))
}

/// A text or a whole number that is there and not empty: what is a number in one year is a text in the next.
pub(super) fn scalar(answer: &mut Map<String, Value>, name: &str) -> Option<String> {
    match answer.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::Number(number)) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// Reads an answer's body. The header is not asked: `sns` endpoints send JSON as `text/plain`.
///
/// # Errors
/// If it is not a JSON object, or holds an `errcode` other than 0.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let not_an_object = Kind::Unavailable("WeChat: response is not a JSON object");
    let text = std::str::from_utf8(body).map_err(|_| not_an_object)?;
    let answer: Map<String, Value> = serde_json::from_str(strip_bom(text)).map_err(|_| not_an_object)?;
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

/// Classifies an `errcode`, by WeChat's table of return codes and, for 40163, by observation.
fn kind_of(errcode: i64) -> Kind {
    match errcode {
        -1 => Kind::Busy,
        40029 => Kind::InvalidCode,
        40163 => Kind::UsedCode,
        40226 => Kind::UserBlocked,
        45011 => Kind::RateLimited,
        45009 => Kind::QuotaUsedUp,
        40013 | 40125 | 41002 | 41004 => Kind::Credentials,
        40001 | 40014 | 41001 | 42001 => Kind::AccessToken,
        87007 | 87009 => Kind::SessionKey,
        40164 => Kind::Configuration("WeChat: IP not in the whitelist"),
        40243 => Kind::Configuration("WeChat: AppSecret frozen"),
        // 48001 api unauthorized, 50002 user limited, 50004 and 50007 account closed or frozen, 61024 third-party platform,
        // 40234 account not verified: only an operator can mend these, and a page that tries again pays for nothing.
        48001 | 50002 | 50004 | 50007 | 61024 | 40234 => Kind::Configuration("WeChat: call not permitted"),
        89503 | 89506 | 89507 => Kind::Configuration("WeChat: waiting for an administrator"),
        _ => Kind::Unavailable("WeChat: unexpected errcode"),
    }
}

/// The request id in `errmsg` (`…, rid: 61725984-6126f6f9-040f19c4`). The rest of the text is not for us.
fn rid_of(errmsg: &str) -> Option<String> {
    let (_, rest) = errmsg.split_once("rid:")?;
    let rid: String = rest.trim_start().chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').take(64).collect();
    (!rid.is_empty()).then_some(rid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_errcode_has_its_meaning() {
        for (errcode, kind) in [
            (-1, Kind::Busy),
            (40029, Kind::InvalidCode),
            (40163, Kind::UsedCode),
            (40226, Kind::UserBlocked),
            (45011, Kind::RateLimited),
            (45009, Kind::QuotaUsedUp),
            (40013, Kind::Credentials),
            (41002, Kind::Credentials),
            (40125, Kind::Credentials),
            (41004, Kind::Credentials),
            (40001, Kind::AccessToken),
            (40014, Kind::AccessToken),
            (41001, Kind::AccessToken),
            (42001, Kind::AccessToken),
            (87007, Kind::SessionKey),
            (87009, Kind::SessionKey),
        ] {
            assert_eq!(kind_of(errcode), kind, "{errcode}");
        }
        for errcode in [40164, 40234, 40243, 48001, 50002, 50004, 50007, 61024] {
            assert!(matches!(kind_of(errcode), Kind::Configuration(_)), "{errcode}");
        }
        assert!(matches!(kind_of(41008), Kind::Unavailable(_)));
    }

    #[test]
    fn the_rid_is_found_in_any_wording() {
        for errmsg in ["invalid code, rid: 5f1-aa2-03", "invalid appid rid: 5f1-aa2-03", "x hint: [..] rid: 5f1-aa2-03"]
        {
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
