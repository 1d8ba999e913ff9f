//! Every secret that was seen, and whether one of them stands where it must not.

use crate::faults::{Proxy, Service};
use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A secret shorter than this is found by chance, and not looked for.
const SHORTEST: usize = 8;

/// The secrets, and what was printed and replied. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Canaries(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The kind of each secret.
    secrets: BTreeMap<String, &'static str>,
    seen: Vec<String>,
}

/// What was looked through, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// How many secrets of each kind.
    pub kinds: BTreeMap<&'static str, usize>,
    /// How many lines of logs and replies.
    pub lines: usize,
    /// The lines that hold a secret, each with its kind.
    pub leaks: Vec<String>,
}

impl Canaries {
    /// Adds a secret.
    pub fn add(&self, kind: &'static str, secret: &str) {
        if secret.len() >= SHORTEST {
            self.state().secrets.insert(secret.to_owned(), kind);
        }
    }

    /// Adds all that `other` knows and has kept.
    pub fn absorb(&self, other: &Self) {
        let State { secrets, seen } = std::mem::take(&mut *other.state());
        let mut state = self.state();
        state.secrets.extend(secrets);
        state.seen.extend(seen);
    }

    /// Learns the secrets that pass through a proxy in front of WeChat.
    pub fn watch(&self, proxy: &Proxy) {
        let canaries = self.clone();
        proxy.observe(move |exchange| {
            if exchange.service == Service::WeChat {
                canaries.learn(exchange.target, exchange.request, exchange.response);
            }
        });
    }

    /// Adds what is secret in an exchange with WeChat.
    pub fn learn(&self, target: &str, request: &[u8], answer: &[u8]) {
        let url = reqwest::Url::parse(&format!("http://localhost{target}"));
        for (name, value) in url.iter().flat_map(|url| url.query_pairs()) {
            self.known(&name, &value);
        }
        for text in [request, answer] {
            let body: Value = serde_json::from_slice(text).unwrap_or_default();
            for object in [&body, &body["phone_info"]] {
                for (name, value) in object.as_object().into_iter().flatten() {
                    self.known(name, value.as_str().unwrap_or_default());
                }
            }
        }
    }

    fn known(&self, name: &str, value: &str) {
        match name {
            "secret" => self.add("AppSecret", value),
            "code" | "js_code" => self.add("code", value),
            "session_key" => self.add("session_key", value),
            "access_token" => self.add("access token", value),
            "phoneNumber" | "purePhoneNumber" => self.add("phone number", value),
            _ => {}
        }
    }

    /// Keeps what a function printed.
    pub fn printed(&self, text: &str) {
        self.state().seen.extend(text.lines().map(str::to_owned));
    }

    /// Keeps what a function replied. Token and number belong in it at one place each, and nowhere else.
    pub fn replied(&self, body: &Value) {
        let mut body = body.clone();
        for (name, kind) in [("token", "token"), ("phone", "phone number"), ("purePhoneNumber", "phone number")] {
            if let Some(Value::String(secret)) = body["data"].as_object_mut().and_then(|data| data.remove(name)) {
                self.add(kind, &secret);
            }
        }
        self.printed(&body.to_string());
    }

    /// The kinds of the secrets in `text`: plain, in base64 or percent-encoded.
    pub fn found_in(&self, text: &str) -> Vec<&'static str> {
        self.search([text]).into_iter().map(|(_, kind)| kind).collect()
    }

    /// Looks through all that was printed and replied.
    pub fn look(&self) -> Search {
        let seen = std::mem::take(&mut self.state().seen);
        let mut search = Search { lines: seen.len(), ..Search::default() };
        for kind in self.state().secrets.values() {
            *search.kinds.entry(kind).or_default() += 1;
        }
        search.leaks =
            self.search(seen.iter().map(String::as_str)).iter().map(|(line, kind)| format!("{kind}: {line}")).collect();
        search
    }

    fn search<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, &'static str)> {
        let state = self.state();
        let forms: Vec<(String, &'static str)> =
            state.secrets.iter().flat_map(|(secret, kind)| forms(secret).map(|form| (form, *kind))).collect();
        let needles = AhoCorasick::new(forms.iter().map(|(form, _)| form)).expect("an automaton of this size");
        let found = |line: &'a str| needles.find(line).map(|hit| (line, forms[hit.pattern().as_usize()].1));
        lines.into_iter().filter_map(found).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a secret may look: as it is, in base64 at any of the three offsets that it can have there, with every byte
/// percent-encoded, and as a query has it.
fn forms(secret: &str) -> impl Iterator<Item = String> {
    let every: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let query = secret.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let offsets = (0..3_usize).flat_map(|offset| {
        let padded = [&vec![0; offset][..], secret.as_bytes()].concat();
        // The first and the last digits depend on the neighbours.
        let first = [0, 2, 3][offset];
        [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)].map(|text| {
            let whole = padded.len() * 8 / 6;
            text[first..whole].to_owned()
        })
    });
    offsets.chain([secret.to_owned(), every.to_lowercase(), every, query]).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let canaries = Canaries::default();
        canaries.add("code", "canary/secret+1=");
        for text in [
            "x canary/secret+1= y".to_owned(),
            "canary%2Fsecret%2B1%3D".to_owned(),
            "%63%61%6e%61%72%79%2f%73%65%63%72%65%74%2b%31%3d".to_owned(),
            STANDARD.encode("canary/secret+1="),
            STANDARD.encode("a canary/secret+1= b"),
            STANDARD.encode("{\"code\":\"canary/secret+1=\"}"),
        ] {
            assert_eq!(canaries.found_in(&text), ["code"], "{text}");
        }
        assert!(canaries.found_in("canary/secret+2=").is_empty());
    }

    #[test]
    fn a_token_is_allowed_in_its_place_only() {
        let canaries = Canaries::default();
        canaries.replied(&json!({"data": {"token": "0123456789abcdef"}}));
        assert!(canaries.look().leaks.is_empty());
        canaries.replied(&json!({"msg": "0123456789abcdef"}));
        assert_eq!(canaries.look().leaks.len(), 1);
    }

    #[test]
    fn wechats_secrets_are_learnt_from_the_wire() {
        let canaries = Canaries::default();
        canaries.learn("/x?secret=canary%2Dsecret", br#"{"code":"canary-code"}"#, br#"{"session_key":"canary\/key"}"#);
        assert_eq!(canaries.found_in("canary-secret"), ["AppSecret"]);
        assert_eq!(canaries.found_in("canary-code"), ["code"]);
        assert_eq!(canaries.found_in("canary/key"), ["session_key"]);
    }
}
