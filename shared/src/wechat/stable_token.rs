//! `getStableAccessToken`, `POST /cgi-bin/stable_token`: one call.

use super::access_token::AccessToken;
use super::answer::{scalar, word};
use super::{Client, Error, Kind, call};
use crate::scope::Scope;
use crate::secrets::Credentials;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Maximum length of a token. WeChat says to keep room for 512 characters.
const MAX_LENGTH: usize = 2048;

/// The mode of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Gives the same token for the whole of its life.
    Normal,
    /// Replaces the token at once.
    Force,
}

impl Client {
    /// Asks WeChat once.
    pub(super) async fn stable_token(
        &self,
        credentials: Arc<Credentials>,
        mode: Mode,
        scope: &Scope,
    ) -> Result<AccessToken, Error> {
        // Life is counted from before the request was sent, so that it never seems longer than it is.
        let asked_at = self.clock.now();
        let request = self.http.post(format!("{}/cgi-bin/stable_token", self.base_url)).json(&json!({
            "grant_type": "client_credential",
            "appid": credentials.app_id,
            "secret": credentials.app_secret.expose_secret(),
            "force_refresh": mode == Mode::Force,
        }));
        let (text, life) = read(call(request, scope).await.map_err(read_error)?)?;
        let mut token = AccessToken::new(&credentials.app_id, text, asked_at, asked_at + life);
        if mode == Mode::Force {
            // It is newer than what anybody was answered before it was made, whenever they asked.
            token.obtained_at = self.clock.now();
        }
        Ok(token)
    }
}

/// Here there is no access token yet that could be refused: WeChat's other token call says 40001 of a wrong AppSecret.
pub(super) fn read_error(error: Error) -> Error {
    match error.kind {
        Kind::AccessToken => Error { kind: Kind::Credentials, ..error },
        _ => error,
    }
}

/// Reads a successful answer: the token and how long it lives.
pub(super) fn read(mut answer: Map<String, Value>) -> Result<(SecretString, Duration), Error> {
    let token = word(&mut answer, "access_token", MAX_LENGTH)
        .ok_or(Kind::Unavailable("WeChat: success without access_token"))?;
    let seconds = scalar(&mut answer, "expires_in")
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .filter(|seconds| (1..=24 * 60 * 60).contains(seconds))
        .ok_or(Kind::Unavailable("WeChat: success without expires_in"))?;
    Ok((token.into(), Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Result<(SecretString, Duration), Error> {
        super::super::answer::read(body.as_bytes()).and_then(read)
    }

    #[test]
    fn a_token_and_its_life_are_read() {
        let (token, life) = answer(r#"{"access_token":"70_abc","expires_in":7200}"#).unwrap();
        assert_eq!((token.expose_secret(), life.as_secs()), ("70_abc", 7200));
    }

    #[test]
    fn a_life_may_be_a_text() {
        let (_, life) = answer(r#"{"access_token":"70_abc","expires_in":"7200"}"#).unwrap();
        assert_eq!(life.as_secs(), 7200);
    }

    #[test]
    fn a_success_without_what_must_be_there_is_none() {
        for body in [
            "{}",
            r#"{"access_token":"","expires_in":7200}"#,
            r#"{"access_token":"a b","expires_in":7200}"#,
            r#"{"access_token":"70_abc"}"#,
            r#"{"access_token":"70_abc","expires_in":0}"#,
            r#"{"access_token":"70_abc","expires_in":-1}"#,
            r#"{"access_token":"70_abc","expires_in":99999999999}"#,
        ] {
            assert!(answer(body).is_err(), "{body}");
        }
    }
}
