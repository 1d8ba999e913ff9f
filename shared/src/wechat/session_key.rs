//! `checkSessionKey` and `resetUserSessionKey`: whether a `session_key` is still the user's, and another one instead.

use super::answer::{text, word};
use super::{Client, Error, Kind};
use crate::hex::hex;
use crate::scope::Scope;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

impl Client {
    /// Asks whether `session_key` is the one of `openid`.
    ///
    /// # Errors
    /// [`Kind::SessionKey`] if it is not; or what stood in the way.
    pub async fn check_session_key(
        &self,
        openid: &str,
        session_key: &SecretString,
        scope: &Scope,
    ) -> Result<(), Error> {
        self.signed("/wxa/checksession", openid, session_key, scope).await.map(drop)
    }

    /// Lets WeChat replace the `session_key` of `openid`, and gives the new one. What the client encrypts from then on needs it.
    ///
    /// # Errors
    /// [`Kind::SessionKey`] if `session_key` is not the user's, or has ended; or what stood in the way: the key may have been
    /// replaced all the same.
    pub async fn reset_user_session_key(
        &self,
        openid: &str,
        session_key: &SecretString,
        scope: &Scope,
    ) -> Result<SecretString, Error> {
        let mut answer = self.signed("/wxa/resetusersessionkey", openid, session_key, scope).await?;
        if text(&mut answer, "openid").as_deref() != Some(openid) {
            return Err(Kind::Unavailable("WeChat: success for another openid").into());
        }
        let key = word(&mut answer, "session_key", 128);
        key.map(SecretString::from).ok_or_else(|| Kind::Unavailable("WeChat: success without session_key").into())
    }

    /// One call in the name of a user, whose `session_key` signs the empty text.
    async fn signed(
        &self,
        path: &str,
        openid: &str,
        session_key: &SecretString,
        scope: &Scope,
    ) -> Result<Map<String, Value>, Error> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, session_key.expose_secret().as_bytes());
        let signature = hex(hmac::sign(&key, b"").as_ref());
        self.call_with_token(
            scope,
            |error| error,
            |token| {
                self.http.get(format!("{}{path}", self.base_url)).query(&[
                    ("access_token", token.expose()),
                    ("openid", openid),
                    ("signature", &signature),
                    ("sig_method", "hmac_sha256"),
                ])
            },
        )
        .await
    }
}
