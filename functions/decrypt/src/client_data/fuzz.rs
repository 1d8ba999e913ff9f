//! Fuzzing of encrypted client data: nothing panics, and what opens is the object that was encrypted.

use super::{BLOCK, Encrypted, SessionKey};
use aes::Aes128;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use mutations::{fuzz, run};
use secrecy::SecretString;
use serde_json::Value;

const IV: [u8; BLOCK] = *b"sample-iv-000001";
const KEY: [u8; BLOCK] = *b"sample-session-k";
const OBJECT: &[u8] = br#"{"nickName":"Band","gender":1,"watermark":{"appid":"wx","timestamp":1700000000}}"#;
const PHONE: &[u8] = br#"{"purePhoneNumber":"13800000000","countryCode":"86","watermark":{"appid":"wx"}}"#;

fn key() -> SecretString {
    STANDARD.encode(KEY).into()
}

fn encrypted(plain: &[u8]) -> String {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + BLOCK, 0);
    let cipher = cbc::Encryptor::<Aes128>::new(&KEY.into(), &IV.into());
    STANDARD.encode(cipher.encrypt_padded::<Pkcs7>(&mut buffer, plain.len()).unwrap())
}

#[test]
fn what_opens_is_the_object_that_was_encrypted() {
    let text = key();
    let key = SessionKey::parse(&text).unwrap();
    let iv = STANDARD.encode(IV);
    fuzz("client data", &[OBJECT, PHONE], |plain| {
        let opened = key.open(&Encrypted::parse(&encrypted(plain), &iv).unwrap());
        let there: Option<Value> = serde_json::from_slice(plain).ok();
        assert_eq!(opened, there.filter(|object| object["watermark"]["appid"].is_string()));
        opened.is_some()
    });
}

#[test]
fn whatever_is_handed_over_opens_as_an_object_with_a_watermark_or_not_at_all() {
    let text = key();
    let key = SessionKey::parse(&text).unwrap();
    let iv = STANDARD.encode(IV);
    let samples = [OBJECT, PHONE].map(|plain| format!("{iv}\n{}", encrypted(plain)));
    let target = |bytes: &[u8]| {
        let Some((iv, data)) = std::str::from_utf8(bytes).ok().and_then(|text| text.split_once('\n')) else {
            return false;
        };
        let opened = Encrypted::parse(data, iv).and_then(|encrypted| key.open(&encrypted));
        opened.is_some_and(|object| object["watermark"]["appid"].is_string())
    };
    // Some do: a change of the initialization vector changes the first letters only, and nothing else tells.
    run(&samples.each_ref().map(String::as_bytes), target, |runs, opened| {
        println!("encrypted data: {runs} runs, of which {opened} opened though changed");
    });
}

#[test]
fn a_session_key_is_16_bytes_in_base64() {
    let sample = STANDARD.encode(KEY);
    fuzz("session_key", &[sample.as_bytes()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let decoded = STANDARD.decode(text).ok().filter(|key| key.len() == BLOCK);
        let key = SecretString::from(text.to_owned());
        assert_eq!(SessionKey::parse(&key).map(|key| key.key.to_vec()), decoded);
        decoded.is_some()
    });
}
