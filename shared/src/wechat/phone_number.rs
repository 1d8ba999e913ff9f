//! `getPhoneNumber`: the number behind a code of the phone button. Each code costs the owner of the mini-program money.

use super::answer::{scalar, text};
use super::{Client, Error, Kind};
use crate::code::Code;
use crate::scope::Scope;
use crate::text::is_word;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

/// A user's phone number.
#[derive(Clone, Debug)]
pub struct PhoneNumber {
    /// `purePhoneNumber`: the number without its country code.
    pub pure: SecretString,
    /// `countryCode`, such as `86`.
    pub country_code: String,
}

impl Client {
    /// Fetches the number for a code of the phone button of the mini-program `app_id`. With `openid` WeChat checks that the
    /// code is that user's.
    ///
    /// # Errors
    /// The obstacle; [`Error::repeated`] if an earlier try may have used the code.
    pub async fn phone_number(
        &self,
        code: &Code,
        app_id: &str,
        openid: Option<&str>,
        scope: &Scope,
    ) -> Result<PhoneNumber, Error> {
        let mut body = json!({"code": code.expose()});
        if let Some(openid) = openid {
            body["openid"] = openid.into();
        }
        let answer = self.call_with_token(scope, read_error, |token| {
            self.http
                .post(format!("{}/wxa/business/getuserphonenumber", self.base_url))
                .query(&[("access_token", token.expose())])
                .json(&body)
        });
        PhoneNumber::from_answer(answer.await?, app_id)
    }
}

/// Here two errcodes mean something else than on other calls: this code is not this user's, or not this app's.
pub(super) fn read_error(error: Error) -> Error {
    match error.errcode {
        Some(40013 | 40003) => Error { kind: Kind::CodeMismatch, ..error },
        _ => error,
    }
}

impl PhoneNumber {
    /// Reads a successful answer to the mini-program `app_id`.
    pub(super) fn from_answer(mut answer: Map<String, Value>, app_id: &str) -> Result<Self, Error> {
        let nonsense = Kind::Unavailable("WeChat: success without phone_info");
        let Some(Value::Object(mut info)) = answer.remove("phone_info") else {
            return Err(nonsense.into());
        };
        let Some(Value::Object(mut watermark)) = info.remove("watermark") else {
            return Err(nonsense.into());
        };
        if text(&mut watermark, "appid").ok_or(nonsense)? != app_id {
            return Err(Kind::CodeMismatch.into());
        }
        // The number is paid for: no guess at what one looks like, only bounds.
        let mut word = |name| scalar(&mut info, name).filter(|text| is_word(text, 32));
        let pure = word("purePhoneNumber").ok_or(nonsense)?;
        let country_code = word("countryCode").ok_or(nonsense)?;
        Ok(Self { pure: pure.into(), country_code })
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::read;
    use super::*;
    use secrecy::ExposeSecret;

    const INFO: &str = r#"{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"+8613800000000",
        "purePhoneNumber":"13800000000","countryCode":"86","watermark":{"timestamp":1700000000,"appid":"wx"}}}"#;

    fn number(body: &str) -> Result<PhoneNumber, Error> {
        read(body.as_bytes()).map_err(read_error).and_then(|answer| PhoneNumber::from_answer(answer, "wx"))
    }

    #[test]
    fn a_full_answer_is_read() {
        let got = number(INFO).unwrap();
        assert_eq!((got.pure.expose_secret(), got.country_code.as_str()), ("13800000000", "86"));
    }

    #[test]
    fn numbers_may_be_numbers() {
        let body = INFO.replace(r#""86""#, "86").replace(r#""13800000000""#, "13800000000");
        let got = number(&body).unwrap();
        assert_eq!((got.pure.expose_secret(), got.country_code.as_str()), ("13800000000", "86"));
    }

    #[test]
    fn a_foreign_watermark_is_a_mismatch() {
        let error = number(&INFO.replace(r#""appid":"wx""#, r#""appid":"xw""#)).unwrap_err();
        assert_eq!(error.kind, Kind::CodeMismatch);
    }

    #[test]
    fn a_code_of_another_app_or_user_is_a_mismatch() {
        for errcode in ["40013", "40003"] {
            let error = number(&format!(r#"{{"errcode":{errcode}}}"#)).unwrap_err();
            assert_eq!(error.kind, Kind::CodeMismatch);
        }
    }

    #[test]
    fn a_success_without_what_must_be_there_is_none() {
        for (there, instead) in [
            (r#""purePhoneNumber":"13800000000""#, r#""purePhoneNumber":"""#),
            (r#""purePhoneNumber":"13800000000""#, r#""purePhoneNumber":"1 2""#),
            (r#""countryCode":"86""#, r#""countryCode":null"#),
            (r#""appid":"wx""#, r#""appid":null"#),
            ("watermark", "stamp"),
            ("phone_info", "info"),
        ] {
            let error = number(&INFO.replace(there, instead)).unwrap_err();
            assert!(matches!(error.kind, Kind::Unavailable(_)), "{instead}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_number() {
        assert!(!format!("{:?}", number(INFO).unwrap()).contains("13800000000"));
    }
}
