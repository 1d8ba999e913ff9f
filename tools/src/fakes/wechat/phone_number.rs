//! The rules of `POST /wxa/business/getuserphonenumber`.

use super::{SAMPLE_OPENID, State};
use crate::app::APP_ID;
use crate::random_text;
use serde::Deserialize;
use serde_json::{Value, json};

/// The code in `events/phone*.json`, valid every time.
pub const SAMPLE_PHONE_CODE: &str = "sample-phone-code-00000000000000000000000000000000000000000001";

/// The number behind the sample code.
pub const SAMPLE_PHONE: &str = "13800000000";

/// A code lives five minutes.
const CODE_LIFE_SECONDS: u64 = 300;

/// What stands behind a code of the phone button.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PhoneCode {
    /// The number without its country code; a random one if empty.
    pub phone: String,
    /// The country code.
    pub country_code: String,
    /// The user who tapped the button; anybody if empty.
    pub openid: String,
    /// The mini-program in the watermark.
    pub watermark_appid: String,
    /// Whether the code is another mini-program's.
    pub foreign: bool,
}

impl Default for PhoneCode {
    fn default() -> Self {
        Self {
            phone: String::new(),
            country_code: "86".into(),
            openid: String::new(),
            watermark_appid: APP_ID.into(),
            foreign: false,
        }
    }
}

/// A code that WeChat remembers until it is used.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    code: PhoneCode,
    issued_at: u64,
}

impl Issued {
    pub(super) fn overview(&self, text: &str) -> Value {
        json!({"code": text, "openid": self.code.openid, "phone": self.code.phone, "issued_at": self.issued_at})
    }
}

impl State {
    pub(super) fn issue_phone_code(&mut self, mut code: PhoneCode) -> String {
        if code.phone.is_empty() {
            let digits: String = random_text(10).bytes().map(|byte| char::from(b'0' + byte % 10)).collect();
            code.phone = format!("1{digits}");
        }
        let text = random_text(64);
        let issued_at = self.clock.now().seconds();
        self.phone_codes.insert(text.clone(), Issued { code, issued_at });
        text
    }

    pub(super) fn getuserphonenumber(&mut self, access_token: Option<&str>, body: &[u8]) -> Value {
        if let Some(error) = self.check_access_token(access_token) {
            return error;
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return self.error(47001, "data format error");
        };
        let now = self.clock.now().seconds();
        let text = body["code"].as_str().unwrap_or_default();
        let code = if text == SAMPLE_PHONE_CODE {
            PhoneCode { phone: SAMPLE_PHONE.into(), openid: SAMPLE_OPENID.into(), ..PhoneCode::default() }
        } else {
            match self.phone_codes.remove(text) {
                Some(issued) if now < issued.issued_at + CODE_LIFE_SECONDS => issued.code,
                None if self.devtools.is_some() => self.invented_phone_code(),
                _ => return self.error(40029, "invalid code"),
            }
        };
        if code.foreign {
            return self.error(40013, "invalid appid");
        }
        let openid = body["openid"].as_str();
        if openid.is_some_and(|openid| !code.openid.is_empty() && openid != code.openid) {
            return self.error(40003, "invalid openid");
        }
        self.numbers_sold += 1;
        // A number of the mainland carries no country code in any recorded answer.
        let phone_number = match code.country_code.as_str() {
            "86" => code.phone.clone(),
            country_code => format!("+{country_code} {}", code.phone),
        };
        json!({
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": phone_number,
                "purePhoneNumber": code.phone,
                "countryCode": code.country_code,
                "watermark": {"timestamp": now, "appid": code.watermark_appid},
            },
        })
    }
}
