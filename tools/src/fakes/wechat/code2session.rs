//! The rules of `GET /sns/jscode2session`.

use super::client_data::{SAMPLE_SESSION_KEY, new_session_key};
use super::{SessionKeyRule, State};
use crate::random_text;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The code in `events/login*.json`, valid every time.
pub const SAMPLE_LOGIN_CODE: &str = "0a1SampleLoginCode00000000000001";

/// The user whose the sample code is.
pub const SAMPLE_OPENID: &str = "oSample-openid-0000000000001";

/// A code lives five minutes.
const CODE_LIFE_SECONDS: u64 = 300;

/// A user's codes are exchanged at most so often in a minute.
const EXCHANGES_A_MINUTE: usize = 100;

/// What stands behind a code of `wx.login`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginCode {
    /// The user; a new one if empty.
    pub openid: String,
    /// The user's id across apps, if the mini-program is bound to an open-platform account.
    pub unionid: Option<String>,
    /// Whether WeChat blocks the user as high risk.
    pub blocked: bool,
}

/// A code that WeChat remembers.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    code: LoginCode,
    session_key: String,
    issued_at: u64,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Fresh,
    /// Exchanged, or refused before: from then on it answers 40163.
    Spent,
    /// A sample, which never wears out.
    Sample,
}

impl Issued {
    pub(super) fn overview(&self, text: &str) -> Value {
        let standing = match self.standing {
            Standing::Fresh => "fresh",
            Standing::Spent => "spent",
            Standing::Sample => "sample",
        };
        json!({"code": text, "openid": self.code.openid, "issued_at": self.issued_at, "standing": standing})
    }
}

impl State {
    pub(super) fn issue(&mut self, mut code: LoginCode) -> String {
        if code.openid.is_empty() {
            code.openid = format!("o{}", random_text(27));
        }
        let text = format!("0{}", random_text(31));
        self.remember(&text, code, Standing::Fresh);
        text
    }

    pub(super) fn add_samples(&mut self) {
        let sample = LoginCode { openid: SAMPLE_OPENID.to_owned(), ..LoginCode::default() };
        self.remember(SAMPLE_LOGIN_CODE, sample, Standing::Sample);
        self.session_keys.insert(SAMPLE_OPENID.to_owned(), SAMPLE_SESSION_KEY.to_owned());
    }

    pub(super) fn remember(&mut self, text: &str, code: LoginCode, standing: Standing) {
        let issued_at = self.clock.now().seconds();
        let session_key = match (standing, self.session_key_rule, self.session_keys.get(&code.openid)) {
            (Standing::Sample, ..) => SAMPLE_SESSION_KEY.to_owned(),
            (_, SessionKeyRule::Kept, Some(kept)) => kept.clone(),
            _ => new_session_key(),
        };
        if standing == Standing::Fresh && self.session_key_rule != SessionKeyRule::WithTheLogin {
            self.session_keys.insert(code.openid.clone(), session_key.clone());
        }
        let issued = Issued { code, session_key, issued_at, standing };
        self.login_codes.insert(text.to_owned(), issued);
    }

    pub(super) fn code2session(&mut self, query: &HashMap<String, String>) -> Value {
        let get = |name: &str| query.get(name).map(String::as_str);
        if let Some(error) = self.check_credentials(get("appid"), get("secret")) {
            return error;
        }
        if get("grant_type") != Some("authorization_code") {
            return self.error(40002, "invalid grant_type");
        }
        let Some(text) = get("js_code").filter(|text| !text.is_empty()) else {
            return self.error(41008, "missing code");
        };
        let now = self.clock.now().seconds();
        self.take_invented_login_code(text);
        let Some(issued) = self.login_codes.get_mut(text) else {
            // A code that was never valid answers 40029 first, and 40163 afterwards.
            self.remember(text, LoginCode::default(), Standing::Spent);
            return self.error(40029, "invalid code");
        };
        match issued.standing {
            Standing::Spent => return self.error(40163, "code been used"),
            Standing::Fresh => issued.standing = Standing::Spent,
            Standing::Sample => issued.issued_at = now,
        }
        if now >= issued.issued_at + CODE_LIFE_SECONDS {
            return self.error(40029, "invalid code");
        }
        let Issued { code, session_key, .. } = issued.clone();
        if code.blocked {
            return self.error(40226, "code blocked");
        }
        let exchanges = self.exchanges.entry(code.openid.clone()).or_default();
        exchanges.retain(|at| now < at + 60);
        if exchanges.len() >= EXCHANGES_A_MINUTE {
            return self.error(45011, "api minute-quota reach limit, must slower, retry next minute");
        }
        exchanges.push(now);
        self.session_keys.insert(code.openid.clone(), session_key.clone());
        let mut answer = json!({"session_key": session_key, "openid": code.openid});
        if let Some(unionid) = code.unionid {
            answer["unionid"] = unionid.into();
        }
        answer
    }
}
