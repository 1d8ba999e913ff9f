//! Data that the WeChat client encrypts and signs, by WeChat's page on signature checks and decryption of open data: AES-128-CBC with
//! PKCS#7 padding, and SHA-1 over the data and the key's text.

#[cfg(test)]
mod fuzz;

use aes::Aes128;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// AES's block, in bytes; also the length of the key and of the initialization vector.
const BLOCK: usize = 16;

/// `encryptedData` and `iv`, as they may be.
pub struct Encrypted {
    data: Vec<u8>,
    iv: [u8; BLOCK],
}

impl Encrypted {
    /// Reads both from base64. `None` if they cannot be what they should, with whatever key.
    pub fn parse(data: &str, iv: &str) -> Option<Self> {
        let data = STANDARD.decode(data).ok()?;
        let iv = STANDARD.decode(iv).ok()?.try_into().ok()?;
        (!data.is_empty() && data.len().is_multiple_of(BLOCK)).then_some(Self { data, iv })
    }
}

/// The `session_key` of a session, as text and as a key.
pub struct SessionKey<'a> {
    text: &'a str,
    key: Zeroizing<[u8; BLOCK]>,
}

impl<'a> SessionKey<'a> {
    /// Reads the key from WeChat's base64. `None` if it is malformed.
    pub fn parse(text: &'a SecretString) -> Option<Self> {
        let text = text.expose_secret();
        let key = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(Self { text, key: Zeroizing::new(key.as_slice().try_into().ok()?) })
    }

    /// Returns whether `signature` is that of `raw_data` under this key: the SHA-1 of the data followed by the key's text, in hex.
    pub fn signed(&self, raw_data: &str, signature: &str) -> bool {
        let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        digest.update(raw_data.as_bytes());
        digest.update(self.text.as_bytes());
        let expected: String = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        expected.as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// The object that was encrypted under this key; `None` if it was another key: then the padding is wrong, or what comes out
    /// is no JSON object with a watermark.
    pub fn open(&self, encrypted: &Encrypted) -> Option<Value> {
        let cipher = cbc::Decryptor::<Aes128>::new(&(*self.key).into(), &encrypted.iv.into());
        let mut data = Zeroizing::new(encrypted.data.clone());
        let plain = cipher.decrypt_padded::<Pkcs7>(&mut data).ok()?;
        let object: Map<String, Value> = serde_json::from_slice(plain).ok()?;
        object.get("watermark")?.get("appid")?.as_str()?;
        Some(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // WeChat's own sample, from its page on the decryption of open data.
    const SESSION_KEY: &str = "tiihtNczf5v6AKRyjwEUhQ==";
    const IV: &str = "r7BXXKkLb8qrSNn05n0qiA==";
    const ENCRYPTED: &str = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==";

    fn open(key: &str, data: &str, iv: &str) -> Option<Value> {
        let key = SecretString::from(key.to_owned());
        SessionKey::parse(&key)?.open(&Encrypted::parse(data, iv)?)
    }

    #[test]
    fn wechats_own_sample_opens() {
        let object = open(SESSION_KEY, ENCRYPTED, IV).unwrap();
        assert_eq!(object["nickName"], "Band");
        assert_eq!(object["watermark"]["appid"], "wx4f4bc4dec97d474b");
    }

    #[test]
    fn another_key_opens_nothing() {
        for byte in 0..=255 {
            let other = STANDARD.encode([byte; BLOCK]);
            assert_eq!(open(&other, ENCRYPTED, IV), None);
        }
    }

    #[test]
    fn what_cannot_be_encrypted_data_is_none() {
        for (data, iv) in
            [("", IV), ("####", IV), ("AAAA", IV), (ENCRYPTED, ""), (ENCRYPTED, "AAAA"), (ENCRYPTED, "####")]
        {
            assert!(Encrypted::parse(data, iv).is_none(), "{data} {iv}");
        }
    }

    #[test]
    fn a_signature_fits_its_data_and_key_only() {
        let key = SecretString::from("HyVFkGl5F5OQWJZZaNzBBg==".to_owned());
        let key = SessionKey::parse(&key).unwrap();
        // WeChat's own sample, from its page on signature checks.
        let raw = r#"{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}"#;
        let signature = "75e81ceda165f4ffa64f4068af58c64b8f54b88c";
        assert!(key.signed(raw, signature));
        assert!(!key.signed(&raw.replace("Band", "Bond"), signature));
        assert!(!key.signed(raw, "75e81ceda165f4ffa64f4068af58c64b8f54b88d"));
        assert!(!key.signed(raw, ""));
    }

    #[test]
    fn a_session_key_that_is_none_is_told() {
        for text in ["", "short", "####", "AAAA"] {
            assert!(SessionKey::parse(&text.to_owned().into()).is_none(), "{text}");
        }
    }
}
