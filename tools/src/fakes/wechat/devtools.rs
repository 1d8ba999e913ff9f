//! Codes that WeChat DevTools invents: without an AppId of one's own, `wx.login` there gives `the code is a mock one`, every time.

use super::code2session::Standing;
use super::{LoginCode, PhoneCode, State, WeChat};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The user of DevTools, unless told otherwise.
pub const DEVTOOLS_OPENID: &str = "oDevTools-openid-00000000001";

/// Their phone number.
pub const DEVTOOLS_PHONE: &str = "13700000000";

/// The state of the mode in which invented codes are accepted.
#[derive(Debug)]
pub(super) struct DevTools {
    openid: String,
}

impl WeChat {
    /// Accepts every code from now on: one that was not issued belongs to this user.
    pub fn accept_invented_codes(&self, openid: &str) {
        self.state().devtools = Some(DevTools { openid: openid.to_owned() });
    }

    /// Whether this is a code of `wx.login` that was issued here.
    pub fn has_issued(&self, login_code: &str) -> bool {
        self.state().login_codes.contains_key(login_code)
    }

    /// Each user's present `session_key`.
    pub fn session_keys(&self) -> HashMap<String, String> {
        self.state().session_keys.clone()
    }

    /// Gives these users these session keys.
    pub fn restore_session_keys(&self, kept: HashMap<String, String>) {
        self.state().session_keys.extend(kept);
    }

    /// Users and codes, for whoever wants to show them.
    pub fn overview(&self) -> Value {
        let state = self.state();
        let mut users: Vec<&String> = state.session_keys.keys().collect();
        users.sort();
        let mut login_codes: Vec<_> = state.login_codes.iter().map(|(text, issued)| issued.overview(text)).collect();
        login_codes.sort_by_key(|code| std::cmp::Reverse(code["issued_at"].as_u64()));
        let phone_codes: Vec<_> = state.phone_codes.iter().map(|(text, issued)| issued.overview(text)).collect();
        json!({
            "now": state.clock.now().seconds(),
            "users": users,
            "login_codes": login_codes,
            "phone_codes": phone_codes,
            "numbers_sold": state.numbers_sold,
            "forced_refreshes": state.tokens.forced.len(),
        })
    }
}

impl State {
    /// Issues the code that DevTools has invented, if such codes are accepted.
    pub(super) fn take_invented_login_code(&mut self, text: &str) {
        if let Some(devtools) = &self.devtools
            && !self.login_codes.contains_key(text)
        {
            let code = LoginCode { openid: devtools.openid.clone(), ..LoginCode::default() };
            self.remember(text, code, Standing::Fresh);
        }
    }

    /// What stands behind a code of the phone button that DevTools has invented.
    pub(super) fn invented_phone_code(&self) -> PhoneCode {
        PhoneCode { phone: DEVTOOLS_PHONE.into(), ..PhoneCode::default() }
    }
}
