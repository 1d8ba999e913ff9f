//! A stand-in for `api.weixin.qq.com` that keeps WeChat's own rules: AppId and AppSecret are checked, a code works
//! once and lives five minutes, an unknown request fails the test.

mod client_data;
mod code2session;
mod devtools;
mod phone_number;
mod server;
mod stable_token;
mod token;

use crate::fakes::clock::TestClock;
pub use crate::faults::Fault;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use client_data::{ClientData, SAMPLE_SESSION_KEY};
pub use code2session::{LoginCode, SAMPLE_LOGIN_CODE, SAMPLE_OPENID};
pub use devtools::{DEVTOOLS_OPENID, DEVTOOLS_PHONE};
pub use phone_number::{PhoneCode, SAMPLE_PHONE, SAMPLE_PHONE_CODE};
pub use stable_token::Revoked;

/// The stand-in. Clones share its state.
#[derive(Clone)]
pub struct WeChat {
    state: Arc<Mutex<State>>,
    base_url: String,
}

struct State {
    clock: TestClock,
    app_id: String,
    app_secret: String,
    login_codes: HashMap<String, code2session::Issued>,
    /// Each user's present `session_key`.
    session_keys: HashMap<String, String>,
    /// When each user's codes were exchanged, in seconds.
    exchanges: HashMap<String, Vec<u64>>,
    phone_codes: HashMap<String, phone_number::Issued>,
    devtools: Option<devtools::DevTools>,
    numbers_sold: usize,
    tokens: stable_token::Tokens,
    plain_tokens: token::Tokens,
    session_key_rule: SessionKeyRule,
    faults: HashMap<String, VecDeque<Fault>>,
    calls: HashMap<String, usize>,
    unexpected: Vec<String>,
    rids: u32,
}

/// When a user gets another `session_key`. WeChat promises none of these, and has been seen to do each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionKeyRule {
    /// With each exchange of a code.
    #[default]
    WithTheLogin,
    /// As soon as the client gets a code: what it encrypts from then on is under the new key.
    WithTheCode,
    /// Never: several logins give the same key.
    Kept,
}

impl WeChat {
    /// What the stand-in listens on: `http://…`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A fresh code of `wx.login` for this user.
    pub fn login_code(&self, openid: &str) -> String {
        self.issue(LoginCode { openid: openid.to_owned(), ..LoginCode::default() })
    }

    /// A fresh code of `wx.login`.
    pub fn issue(&self, code: LoginCode) -> String {
        self.state().issue(code)
    }

    /// Changes when a user gets another `session_key`.
    pub fn set_session_key_rule(&self, rule: SessionKeyRule) {
        self.state().session_key_rule = rule;
    }

    /// Changes the AppSecret, as an operator does in WeChat's console.
    pub fn change_app_secret(&self, app_secret: &str) {
        app_secret.clone_into(&mut self.state().app_secret);
    }

    /// A fresh code of the phone button for this user and number.
    pub fn phone_code(&self, openid: &str, phone: &str) -> String {
        let code = PhoneCode { openid: openid.to_owned(), phone: phone.to_owned(), ..PhoneCode::default() };
        self.issue_phone_code(code)
    }

    /// A fresh code of the phone button.
    pub fn issue_phone_code(&self, code: PhoneCode) -> String {
        self.state().issue_phone_code(code)
    }

    /// Revokes the access token.
    pub fn revoke_access_token(&self, how: Revoked) {
        self.state().tokens.revoke(how);
    }

    /// How often the access token was replaced by force in the last day.
    pub fn forced_refreshes(&self) -> usize {
        self.state().tokens.forced.len()
    }

    /// How many phone numbers WeChat has handed out, each for money.
    pub fn numbers_sold(&self) -> usize {
        self.state().numbers_sold
    }

    /// What happens to the next requests for this path, one each.
    pub fn fail_next(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(path.to_owned()).or_default().extend(faults);
    }

    /// How often a path was asked for.
    pub fn calls(&self, path: &str) -> usize {
        self.state().calls.get(path).copied().unwrap_or_default()
    }

    /// Requests that WeChat does not know.
    pub fn unexpected(&self) -> Vec<String> {
        self.state().unexpected.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// An error in WeChat's form. The wording differs from call to call, so that nobody matches on it.
    fn error(&mut self, errcode: i64, errmsg: &str) -> Value {
        self.rids += 1;
        let [first, second] = [7919, 104_729].map(|factor| self.rids.wrapping_mul(factor));
        // It begins with the time in seconds.
        let rid = format!("{:08x}-{first:08x}-{second:08x}", self.clock.now().seconds());
        let errmsg = match self.rids % 3 {
            0 => format!("{errmsg}, rid: {rid}"),
            1 => format!("{errmsg} rid: {rid}"),
            _ => format!("{errmsg} hint: [a/b] rid: {rid}"),
        };
        json!({"errcode": errcode, "errmsg": errmsg})
    }

    /// What is wrong with AppId and AppSecret, if anything.
    fn check_credentials(&mut self, app_id: Option<&str>, secret: Option<&str>) -> Option<Value> {
        let (errcode, errmsg) = match (app_id.unwrap_or_default(), secret.unwrap_or_default()) {
            ("", _) => (41002, "appid missing"),
            (app_id, _) if app_id != self.app_id => (40013, "invalid appid"),
            (_, "") => (41004, "appsecret missing"),
            (_, secret) if secret != self.app_secret => (40125, "invalid appsecret"),
            _ => return None,
        };
        Some(self.error(errcode, errmsg))
    }
}
