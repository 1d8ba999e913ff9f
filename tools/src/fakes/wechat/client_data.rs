//! What the WeChat client encrypts and signs for a user, and the rules of the calls about the key that it does so with.

use super::{State, WeChat};
use crate::random_text;
use aes::Aes128;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use miniprogram::hex::hex;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use ring::hmac;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The `session_key` of the sample user, whenever they log in.
pub const SAMPLE_SESSION_KEY: &str = "c2FtcGxlLXNlc3Npb24taw==";

/// What the client hands to the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientData {
    /// The object with its watermark, encrypted.
    pub encrypted_data: String,
    /// The initialization vector.
    pub iv: String,
    /// The object without its watermark, as text.
    pub raw_data: String,
    /// The signature of that text.
    pub signature: String,
}

impl ClientData {
    /// The fields as `POST /decrypt` takes them.
    pub fn json(&self) -> Value {
        serde_json::to_value(self).expect("JSON")
    }
}

impl WeChat {
    /// What the client makes of `data` for this user, who has logged in before.
    pub fn client_data(&self, openid: &str, data: &Value) -> ClientData {
        let watermark = {
            let state = self.state();
            json!({"timestamp": state.clock.now().seconds(), "appid": state.app_id})
        };
        self.watermarked(openid, data, &watermark)
    }

    /// The same with this watermark.
    pub fn watermarked(&self, openid: &str, data: &Value, watermark: &Value) -> ClientData {
        let mut marked = data.clone();
        marked["watermark"] = watermark.clone();
        let key = self.session_key(openid).expect("a user who has logged in");
        let iv = STANDARD.encode(random_text(16));
        ClientData {
            encrypted_data: encrypt(&key, &iv, marked.to_string().as_bytes()),
            iv,
            raw_data: data.to_string(),
            signature: sign(&key, &data.to_string()),
        }
    }

    /// Any bytes, encrypted with this user's key: what they hold, and the initialization vector.
    pub fn encrypted(&self, openid: &str, plain: &[u8]) -> (String, String) {
        let iv = STANDARD.encode(random_text(16));
        (encrypt(&self.session_key(openid).expect("a user who has logged in"), &iv, plain), iv)
    }

    /// The user's present `session_key`; `None` if they never logged in.
    pub fn session_key(&self, openid: &str) -> Option<String> {
        self.state().session_keys.get(openid).cloned()
    }
}

fn encrypt(key: &str, iv: &str, plain: &[u8]) -> String {
    let bytes = |text: &str| -> [u8; 16] { STANDARD.decode(text).expect("base64").try_into().expect("sixteen bytes") };
    let cipher = cbc::Encryptor::<Aes128>::new(&bytes(key).into(), &bytes(iv).into());
    STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(plain))
}

fn sign(key: &str, raw_data: &str) -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(raw_data.as_bytes());
    digest.update(key.as_bytes());
    hex(digest.finish().as_ref())
}

/// Sixteen bytes in base64 that begin with a slash: WeChat escapes it as `\/`.
pub(super) fn new_session_key() -> String {
    let mut bytes = random_text(16).into_bytes();
    bytes[0] = 0xff;
    STANDARD.encode(bytes)
}

impl State {
    /// `GET /wxa/checksession`.
    pub(super) fn check_session(&mut self, query: &HashMap<String, String>) -> Value {
        match self.check_signature(query) {
            Ok(_) => json!({"errcode": 0, "errmsg": "ok"}),
            Err(error) => error,
        }
    }

    /// `GET /wxa/resetusersessionkey`.
    pub(super) fn reset_session_key(&mut self, query: &HashMap<String, String>) -> Value {
        match self.check_signature(query) {
            Ok(openid) => {
                let key = new_session_key();
                self.session_keys.insert(openid.clone(), key.clone());
                json!({"errcode": 0, "errmsg": "ok", "openid": openid, "session_key": key})
            }
            Err(error) => error,
        }
    }

    fn check_signature(&mut self, query: &HashMap<String, String>) -> Result<String, Value> {
        let get = |name: &str| query.get(name).map(String::as_str);
        if let Some(error) = self.check_access_token(get("access_token")) {
            return Err(error);
        }
        if get("sig_method") != Some("hmac_sha256") {
            return Err(self.error(87008, "invalid sig_method"));
        }
        let openid = get("openid").unwrap_or_default().to_owned();
        let Some(key) = self.session_keys.get(&openid) else {
            return Err(self.error(87007, "session_key is not existd or expired"));
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        if get("signature") != Some(&hex(hmac::sign(&key, b"").as_ref())) {
            return Err(self.error(87009, "invalid signature"));
        }
        Ok(openid)
    }
}
