//! The session's token: made from the code, parsed from a header, stored as a hash.

#[cfg(test)]
mod fuzz;

use crate::clock::Timestamp;
use crate::code::Code;
use crate::hex::hex;
use crate::keyring::{Keyring, Place, SealError};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Time in which a code may be sent again after a lost response.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(120);

/// Purpose of the token's key.
const TOKEN_PURPOSE: &str = "session token";

/// The bearer token of a page: 32 lower-case hex digits.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// The token of `code` under the ring's current key: HMAC-MD5 over AppId, a zero byte and the code. Whoever has
    /// neither key nor code cannot guess it, and whoever holds the code can be answered again. (MD5 gives the shape
    /// that pages know; as a keyed PRF, HMAC-MD5 is not broken.)
    ///
    /// # Errors
    /// If the key cannot be derived.
    pub fn from_code(keyring: &Keyring, app_id: &str, code: &Code) -> Result<Self, SealError> {
        let mut candidates = Self::candidates(keyring, app_id, code).into_iter();
        candidates.next().ok_or(SealError::NoKey)
    }

    /// The tokens of `code` under every key of the ring, the current key's first: which one a session was opened with
    /// is not known while the keyring is being rotated.
    pub fn candidates(keyring: &Keyring, app_id: &str, code: &Code) -> Vec<Self> {
        keyring
            .derive_all(TOKEN_PURPOSE)
            .iter()
            .filter_map(|key| {
                let mut mac = Hmac::<Md5>::new_from_slice(key.as_slice()).ok()?;
                mac.update(app_id.as_bytes());
                mac.update(&[0]);
                mac.update(code.expose().as_bytes());
                Some(Self(hex(&mac.finalize().into_bytes()).into()))
            })
            .collect()
    }

    /// Accepts what can be a token.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 32 && is_hex).then(|| Self(text.to_owned().into()))
    }

    /// The token of an `Authorization` header, `Bearer <token>`; `None` if it holds none that could be one of ours.
    pub fn from_bearer(header: &str) -> Option<Self> {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Self::parse(token.trim_matches([' ', '\t'])))?
    }

    /// The token itself, for the reply to the page.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The key of the session's item: the token's SHA-256 in hex. From a token of 128 random bits that cannot be
    /// turned back.
    pub fn hash(&self) -> TokenHash {
        TokenHash(hex(digest(&SHA256, self.expose().as_bytes()).as_ref()))
    }

    /// Seals the `session_key` so that only the holder of this token can open it.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn seal(&self, keyring: &Keyring, session_key: &SecretString) -> Result<String, SealError> {
        let hash = self.hash();
        keyring.seal(session_key.expose_secret(), self.expose().as_bytes(), place(&hash))
    }

    /// Opens what [`Token::seal`] sealed.
    ///
    /// # Errors
    /// If it was sealed for another token, or damaged.
    pub fn open(&self, keyring: &Keyring, sealed: &str) -> Result<SecretString, SealError> {
        let hash = self.hash();
        keyring.open(sealed, self.expose().as_bytes(), place(&hash))
    }
}

fn place(hash: &TokenHash) -> Place<'_> {
    Place { table: "sessions", key: hash.as_str(), field: "session_key" }
}

/// The SHA-256 of a token, in hex: the key of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The caller: the holder of a live session's token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token that was presented.
    pub token: Token,
    /// Its hash.
    pub hash: TokenHash,
    /// Its session.
    pub session: Session,
}

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub openid: String,
    /// The user across the apps of one open-platform account.
    pub unionid: Option<String>,
    /// The mini-program.
    pub appid: String,
    /// WeChat's `session_key`, sealed by [`Token::seal`].
    pub session_key: String,
    /// When the login was.
    pub created_at: Timestamp,
    /// When it ends, in whole seconds, the unit of DynamoDB's TTL.
    pub expires_at: Timestamp,
}

impl Session {
    /// The user: mini-program, and openid within it.
    pub fn user(&self) -> (&str, &str) {
        (&self.appid, &self.openid)
    }

    /// Returns whether it is valid at `now`. DynamoDB removes expired items hours to days late.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Returns whether the code that it was made from may be answered again.
    pub fn may_replay(&self, now: Timestamp) -> bool {
        self.is_live(now) && now.since(self.created_at) < REPLAY_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::parse(r#"{"current":"k1","k1":"0123456789abcdef0123456789abcdef"}"#).unwrap()
    }

    fn token(app_id: &str, code: &str) -> Token {
        let code = Code::parse(code).unwrap();
        Token::from_code(&keyring(), app_id, &code).unwrap()
    }

    fn session() -> Session {
        Session {
            openid: "o".into(),
            unionid: None,
            appid: "wx".into(),
            session_key: String::new(),
            created_at: Timestamp::from_seconds(1_000),
            expires_at: Timestamp::from_seconds(2_000),
        }
    }

    #[test]
    fn a_token_is_32_lower_case_hex_digits() {
        let token = token("wx", "code");
        assert_eq!(token.expose().len(), 32);
        assert!(token.expose().bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        assert!(Token::parse("0123456789abcdef0123456789abcdef").is_some());
        for text in [
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcdeg",
        ] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_same_code_gives_the_same_token() {
        assert_eq!(token("wx", "code").expose(), token("wx", "code").expose());
    }

    #[test]
    fn another_code_or_another_app_gives_another_token() {
        assert_ne!(token("wx", "code").expose(), token("wx", "edoc").expose());
        assert_ne!(token("wx", "code").expose(), token("xw", "code").expose());
    }

    #[test]
    fn a_session_key_opens_with_its_own_token_only() {
        let sealed = token("wx", "one").seal(&keyring(), &"key".to_owned().into()).unwrap();
        assert_eq!(token("wx", "one").open(&keyring(), &sealed).unwrap().expose_secret(), "key");
        assert!(token("wx", "two").open(&keyring(), &sealed).is_err());
    }

    #[test]
    fn the_debug_form_shows_no_token() {
        let token = token("wx", "code");
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn a_session_ends_at_its_expiry_to_the_second() {
        assert!(session().is_live(Timestamp::from_millis(1_999_999)));
        assert!(!session().is_live(Timestamp::from_millis(2_000_000)));
    }

    #[test]
    fn a_replay_is_allowed_for_two_minutes() {
        assert!(session().may_replay(Timestamp::from_millis(1_119_999)));
        assert!(!session().may_replay(Timestamp::from_millis(1_120_000)));
    }

    #[test]
    fn an_expired_session_is_not_replayed() {
        let short = Session { expires_at: Timestamp::from_seconds(1_010), ..session() };
        assert!(!short.may_replay(Timestamp::from_seconds(1_010)));
    }
}
