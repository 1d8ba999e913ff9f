//! One generated secret, a key for each purpose, and what is sealed with them.
//!
//! The keyring is `{"current": "k1", "k1": "<64 random letters and digits>"}`. The current key seals; older ones
//! stay for reading. Every purpose derives its own key from a ring key with HKDF-SHA256 (RFC 5869), so that no key
//! serves two ends. A sealed value is `<key name>:<base64 of nonce, ciphertext and tag>`, AES-256-GCM with a
//! fresh nonce, bound to the place it belongs to: moved to another item it does not open.

#[cfg(test)]
mod fuzz;

use crate::hex::hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{self, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

/// Minimum length of a key, in characters; a generated one has 64.
const MIN_KEY_LENGTH: usize = 32;

/// The keys of this deployment.
#[derive(Debug)]
pub struct Keyring {
    current: String,
    keys: BTreeMap<String, SecretString>,
}

/// The place that a sealed value is bound to. All three parts are authenticated with it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The kind of table, such as `sessions`; not its physical name, which a restore changes.
    pub table: &'static str,
    /// The item's key.
    pub key: &'a str,
    /// The attribute.
    pub field: &'static str,
}

/// A value could not be sealed or does not open: damaged, moved, or under a key that the ring no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The ring has no key of that name.
    #[error("keyring: a key is gone that sealed a value")]
    NoKey,
    /// It is damaged, was moved, or was never sealed.
    #[error("a sealed value does not open")]
    Broken,
}

impl Keyring {
    /// Reads the secret's text.
    ///
    /// # Errors
    /// The problem, without quoting the secret.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut entries: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|_| "keyring: not a JSON object of strings")?;
        let current = entries.remove("current").ok_or("keyring: no `current`")?;
        if !entries.contains_key(&current) {
            return Err("keyring: `current` names no key");
        }
        if entries.keys().any(|name| name.contains(':')) {
            return Err("keyring: a key's name has a colon");
        }
        if entries.values().any(|key| key.chars().count() < MIN_KEY_LENGTH) {
            return Err("keyring: a key is shorter than 32 characters");
        }
        if entries.values().any(|key| key.chars().zip(key.chars().skip(1)).all(|(one, next)| one == next)) {
            return Err("keyring: a key is one repeated character");
        }
        let keys = entries.into_iter().map(|(name, key)| (name, key.into())).collect();
        Ok(Self { current, keys })
    }

    /// The key of `purpose` derived from every ring key, the current one first.
    pub fn derive_all(&self, purpose: &str) -> Vec<Zeroizing<[u8; 32]>> {
        let older = self.keys.keys().filter(|name| **name != self.current);
        std::iter::once(&self.current).chain(older).filter_map(|name| self.derive(name, b"", purpose).ok()).collect()
    }

    /// The keyed hash (HMAC-SHA256, in hex) of `parts` under the key of `purpose` from every ring key, the current
    /// one's first. Whoever lacks the key can neither make it nor guess at what it was made from.
    pub fn hash_all(&self, purpose: &str, parts: &[&str]) -> Vec<String> {
        let hash = |key: &Zeroizing<[u8; 32]>| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
            hex(hmac::sign(&key, parts.join("\0").as_bytes()).as_ref())
        };
        self.derive_all(purpose).iter().map(hash).collect()
    }

    /// Seals `plain` for `place` under the current key, with `salt` mixed into the key: whoever lacks the salt
    /// cannot open it, keyring or not.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn seal(&self, plain: &str, salt: &[u8], place: Place<'_>) -> Result<String, SealError> {
        let cipher = self.cipher(&self.current, salt, place)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Broken)?;
        let mut body = plain.as_bytes().to_vec();
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.aad(&self.current, place), &mut body)
            .map_err(|_| SealError::Broken)?;
        let sealed = [nonce.as_slice(), &body].concat();
        Ok(format!("{}:{}", self.current, STANDARD.encode(sealed)))
    }

    /// Opens what [`Keyring::seal`] made with the same `salt` for the same `place`.
    ///
    /// # Errors
    /// If it was made otherwise, or damaged.
    pub fn open(&self, sealed: &str, salt: &[u8], place: Place<'_>) -> Result<SecretString, SealError> {
        let (name, encoded) = sealed.split_once(':').ok_or(SealError::Broken)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SealError::Broken)?;
        let (nonce, body) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self
            .cipher(name, salt, place)?
            .open_in_place(nonce, self.aad(name, place), &mut body)
            .map_err(|_| SealError::Broken)?;
        let text = std::str::from_utf8(plain).map_err(|_| SealError::Broken)?;
        Ok(text.to_owned().into())
    }

    /// Returns whether `sealed` was made under the current key.
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.split_once(':').is_some_and(|(name, _)| name == self.current)
    }

    fn cipher(&self, name: &str, salt: &[u8], place: Place<'_>) -> Result<LessSafeKey, SealError> {
        let key = self.derive(name, salt, &format!("seal {} {}", place.table, place.field))?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| SealError::Broken)?;
        Ok(LessSafeKey::new(key))
    }

    fn aad(&self, name: &str, place: Place<'_>) -> Aad<String> {
        aead::Aad::from(format!("{name}\0{}\0{}\0{}", place.table, place.key, place.field))
    }

    fn derive(&self, name: &str, salt: &[u8], purpose: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let key = self.keys.get(name).ok_or(SealError::NoKey)?;
        let mut derived = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(key.expose_secret().as_bytes())
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(derived.as_mut_slice()))
            .map_err(|_| SealError::Broken)?;
        Ok(derived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    const HERE: Place<'static> = Place { table: "sessions", key: "a", field: "session_key" };

    fn ring(current: &str) -> Keyring {
        Keyring::parse(&format!(r#"{{"current":"{current}","k1":"{OLD}","k2":"{NEW}"}}"#)).unwrap()
    }

    fn opened(ring: &Keyring, sealed: &str, salt: &[u8], place: Place<'_>) -> Option<String> {
        let plain = ring.open(sealed, salt, place).ok()?;
        Some(plain.expose_secret().to_owned())
    }

    #[test]
    fn what_was_sealed_opens_again() {
        let sealed = ring("k1").seal("hello", b"salt", HERE).unwrap();
        assert_eq!(opened(&ring("k1"), &sealed, b"salt", HERE).as_deref(), Some("hello"));
    }

    #[test]
    fn an_old_key_opens_after_a_rotation() {
        let sealed = ring("k1").seal("hello", b"", HERE).unwrap();
        assert_eq!(opened(&ring("k2"), &sealed, b"", HERE).as_deref(), Some("hello"));
    }

    #[test]
    fn a_sealed_value_names_its_key() {
        assert!(ring("k2").seal("hello", b"", HERE).unwrap().starts_with("k2:"));
    }

    #[test]
    fn after_a_rotation_what_the_old_key_sealed_is_not_current() {
        let sealed = ring("k1").seal("hello", b"", HERE).unwrap();
        assert!(ring("k1").is_current(&sealed));
        assert!(!ring("k2").is_current(&sealed));
    }

    #[test]
    fn what_is_not_sealed_is_not_current() {
        for text in ["", "k1", "k12:AAAA", "hello"] {
            assert!(!ring("k1").is_current(text), "{text}");
        }
    }

    #[test]
    fn the_same_text_never_seals_to_the_same_value() {
        let ring = ring("k1");
        assert_ne!(ring.seal("hello", b"", HERE), ring.seal("hello", b"", HERE));
    }

    #[test]
    fn a_sealed_value_does_not_open_elsewhere() {
        let ring = ring("k1");
        let sealed = ring.seal("hello", b"", HERE).unwrap();
        let other_item = Place { key: "b", ..HERE };
        let other_table = Place { table: "users", ..HERE };
        let other_field = Place { field: "phone", ..HERE };
        for place in [other_item, other_table, other_field] {
            assert_eq!(opened(&ring, &sealed, b"", place), None, "{place:?}");
        }
    }

    #[test]
    fn a_sealed_value_does_not_open_with_another_salt() {
        let ring = ring("k1");
        let sealed = ring.seal("hello", b"one", HERE).unwrap();
        assert_eq!(opened(&ring, &sealed, b"two", HERE), None);
    }

    #[test]
    fn a_damaged_value_does_not_open() {
        let ring = ring("k1");
        for sealed in ["", "k1", "k1:", "k1:AAAA", "k1:!!!", "k9:AAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(opened(&ring, sealed, b"", HERE), None, "{sealed}");
        }
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let ring = ring("k1");
        assert_ne!(ring.derive_all("one"), ring.derive_all("two"));
    }

    #[test]
    fn a_keyed_hash_depends_on_purpose_key_and_every_part() {
        let hash = |ring: Keyring, purpose, parts: &[&str]| ring.hash_all(purpose, parts).remove(0);
        let one = hash(ring("k1"), "x", &["a", "b"]);
        assert_eq!(one, hash(ring("k1"), "x", &["a", "b"]));
        assert_ne!(one, hash(ring("k2"), "x", &["a", "b"]));
        assert_ne!(one, hash(ring("k1"), "y", &["a", "b"]));
        assert_ne!(one, hash(ring("k1"), "x", &["ab", ""]));
    }

    #[test]
    fn the_current_key_comes_first() {
        assert_eq!(ring("k2").derive_all("x")[0], ring("k1").derive_all("x")[1]);
    }

    #[test]
    fn a_keyring_that_cannot_be_used_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"current":"k1"}"#,
            r#"{"current":"k1","k1":"short"}"#,
            r#"{"current":"k1","k1":"0123456789abcdef0123456789abcdef","k2":7}"#,
            r#"{"current":"k:","k:":"0123456789abcdef0123456789abcdef"}"#,
        ] {
            assert!(Keyring::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_key() {
        let shown = format!("{:?}", ring("k1"));
        assert!(!shown.contains(OLD) && !shown.contains(NEW), "{shown}");
    }
}
