//! The rules of `GET /cgi-bin/token`, which most SDKs log in by. The product never calls it: servers that overwrite each
//! other's token are the most reported fault of every SDK. It and `stable_token` are isolated from each other.

use super::State;
use crate::random_text;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A token's life.
const LIFE_SECONDS: u64 = 7200;

/// How long the token before still works once a new one is handed out.
const OVERLAP_SECONDS: u64 = 300;

/// The tokens that still work: each with the second at which it stops.
pub(super) type Tokens = HashMap<String, u64>;

impl State {
    pub(super) fn token(&mut self, query: &HashMap<String, String>) -> Value {
        let get = |name: &str| query.get(name).map(String::as_str);
        if get("grant_type") != Some("client_credential") {
            return self.error(40002, "invalid grant_type");
        }
        if let Some(error) = self.check_credentials(get("appid"), get("secret")) {
            return error;
        }
        let now = self.clock.now().seconds();
        self.plain_tokens.retain(|_, expires_at| now < *expires_at);
        for expires_at in self.plain_tokens.values_mut() {
            *expires_at = (now + OVERLAP_SECONDS).min(*expires_at);
        }
        let text = format!("70_{}", random_text(133));
        self.plain_tokens.insert(text.clone(), now + LIFE_SECONDS);
        json!({"access_token": text, "expires_in": LIFE_SECONDS})
    }
}
