//! The rules of `POST /cgi-bin/stable_token`.

use super::State;
use crate::random_text;
use serde_json::{Value, json};

/// A token's life.
const LIFE_SECONDS: u64 = 7200;

/// In the last five minutes of a token a new one is handed out, and both work.
const OVERLAP_SECONDS: u64 = 300;

const FORCE_EVERY_SECONDS: u64 = 30;
const FORCED_A_DAY: usize = 20;
const CALLS_A_MINUTE: usize = 10_000;
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The access tokens of the mini-program.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    current: Option<Token>,
    /// The one before, while both work.
    previous: Option<Token>,
    pub(super) forced: Vec<u64>,
    calls: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Token {
    text: String,
    expires_at: u64,
    /// WeChat refuses it, and goes on handing it out.
    void: bool,
}

/// What becomes of the access token when a test revokes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Normal mode hands out a new one.
    Forgotten,
    /// Normal mode repeats the refused one; only force replaces it.
    Repeated,
}

impl State {
    pub(super) fn stable_token(&mut self, body: &[u8]) -> Value {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return self.error(47001, "data format error");
        };
        if body["grant_type"] != "client_credential" {
            return self.error(40002, "invalid grant_type");
        }
        if let Some(error) = self.check_credentials(body["appid"].as_str(), body["secret"].as_str()) {
            return error;
        }
        let now = self.clock.now().seconds();
        let tokens = &mut self.tokens;
        tokens.calls.retain(|at| now < at + 60);
        if tokens.calls.len() >= CALLS_A_MINUTE {
            return self.error(45011, "api minute-quota reach limit");
        }
        tokens.calls.push(now);
        let mut force = body["force_refresh"] == true;
        if force {
            tokens.forced.retain(|at| now < at + DAY_SECONDS);
            if tokens.forced.iter().any(|at| now < at + FORCE_EVERY_SECONDS) {
                force = false;
            } else if tokens.forced.len() >= FORCED_A_DAY {
                return self.error(45009, "reach max api daily quota limit");
            } else {
                tokens.forced.push(now);
            }
        }
        self.tokens.hand_out(now, force)
    }

    /// What is wrong with a token that comes with a call, if anything.
    pub(super) fn check_access_token(&mut self, token: Option<&str>) -> Option<Value> {
        let now = self.clock.now().seconds();
        if token.and_then(|token| self.plain_tokens.get(token)).is_some_and(|expires_at| now < *expires_at) {
            return None;
        }
        let known = [&self.tokens.current, &self.tokens.previous];
        let found = known.into_iter().flatten().find(|known| Some(known.text.as_str()) == token && !known.void);
        let (errcode, errmsg) = match (token, found) {
            (None | Some(""), _) => (41001, "access_token missing"),
            (_, Some(known)) if now < known.expires_at => return None,
            (_, Some(_)) => (42001, "access_token expired"),
            _ => (
                40001,
                "invalid credential, access_token is invalid or not latest, could get access_token by \
                 getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
            ),
        };
        Some(self.error(errcode, errmsg))
    }
}

impl Tokens {
    fn hand_out(&mut self, now: u64, force: bool) -> Value {
        let fresh = || Token { text: format!("70_{}", random_text(133)), expires_at: now + LIFE_SECONDS, void: false };
        let current = match self.current.take() {
            Some(current) if !force && now + OVERLAP_SECONDS < current.expires_at => current,
            old => {
                self.previous = if force { None } else { old };
                fresh()
            }
        };
        let answer = json!({"access_token": current.text, "expires_in": current.expires_at - now});
        self.current = Some(current);
        answer
    }

    pub(super) fn revoke(&mut self, how: Revoked) {
        self.previous = None;
        match (how, &mut self.current) {
            (Revoked::Repeated, Some(current)) => current.void = true,
            (_, current) => *current = None,
        }
    }
}
