//! AppId, AppSecret and the keyring, from Secrets Manager, kept in memory for a while.

use crate::aws::{self, Fault};
use crate::clock::{Clock, Timestamp};
use crate::keyring::Keyring;
use crate::scope::Scope;
use crate::text::strip_bom;
use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout_at;

/// Time after which a secret is read again.
pub const FRESH_FOR: Duration = Duration::from_secs(300);

/// Minimum time between two extra reads because WeChat refused the secret. Whoever reads between WeChat's reset and
/// the operator's new value fails all logins until the next one.
pub const REREAD_EVERY: Duration = Duration::from_secs(1);

/// Time after which a failed refresh is retried.
pub const RETRY_REFRESH: Duration = Duration::from_secs(10);

const WORDS: aws::Words = aws::Words {
    unavailable: "Secrets Manager: no answer",
    denied: "Secrets Manager: access denied",
    missing: "Secrets Manager: secret not found",
    rejected: "Secrets Manager: request rejected",
};

/// Why a secret is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Secrets Manager did not hand it out.
    #[error(transparent)]
    Aws(#[from] Fault),
    /// It is there, but not what it should be.
    #[error("{0}")]
    Malformed(&'static str),
}

/// The credentials of a mini-program at WeChat.
#[derive(Clone, Debug, Deserialize)]
pub struct Credentials {
    /// The AppId (`wx…`); no secret.
    #[serde(rename = "AppId")]
    pub app_id: String,
    /// The AppSecret.
    #[serde(rename = "AppSecret")]
    pub app_secret: SecretString,
}

impl Credentials {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let credentials: Self =
            serde_json::from_str(text).map_err(|_| "secret: not {\"AppId\": \"…\", \"AppSecret\": \"…\"}")?;
        if credentials.app_id.is_empty() || credentials.app_secret.expose_secret().is_empty() {
            return Err("secret: AppId or AppSecret is empty");
        }
        Ok(credentials)
    }

    fn differ(&self, other: &Self) -> bool {
        self.app_id != other.app_id || self.app_secret.expose_secret() != other.app_secret.expose_secret()
    }
}

/// Both secrets of a deployment.
pub struct Secrets {
    source: Source,
    credentials: Cached<Credentials>,
    keyring: Cached<Keyring>,
}

impl Secrets {
    /// Secrets with these names or ARNs. Nothing is read yet.
    pub fn new(client: Client, clock: Clock, wechat_secret_id: String, key_secret_id: String) -> Self {
        Self {
            source: Source { client, clock },
            credentials: Cached::new(wechat_secret_id, Credentials::parse),
            keyring: Cached::new(key_secret_id, Keyring::parse),
        }
    }

    /// AppId, AppSecret and the keyring, at most [`FRESH_FOR`] old, or older while Secrets Manager fails.
    ///
    /// # Errors
    /// If one of them was never read and cannot be read now.
    pub async fn get(&self, scope: &Scope) -> Result<(Arc<Credentials>, Arc<Keyring>), Error> {
        tokio::try_join!(self.credentials.get(&self.source, scope), self.keyring.get(&self.source, scope))
    }

    /// The keyring alone, for functions that do not speak to WeChat and may not read the AppSecret.
    ///
    /// # Errors
    /// As [`Secrets::get`].
    pub async fn keyring(&self, scope: &Scope) -> Result<Arc<Keyring>, Error> {
        self.keyring.get(&self.source, scope).await
    }

    /// Reads AppId and AppSecret again because WeChat refused `refused`, at most every [`REREAD_EVERY`].
    /// `None` if they have not changed, or cannot be read.
    pub async fn reread(&self, refused: &Credentials, scope: &Scope) -> Option<Arc<Credentials>> {
        let mut state = timeout_at(scope.deadline.instant(), self.credentials.state.lock()).await.ok()?;
        let now = self.source.clock.now();
        let changed = |held: &Option<Arc<Credentials>>| held.clone().filter(|held| held.differ(refused));
        if let Some(changed) = changed(&state.value) {
            return Some(changed);
        }
        if state.reread_at.is_none_or(|at| now.since(at) >= REREAD_EVERY) {
            state.reread_at = Some(now);
            self.credentials.read(&self.source, &mut state, scope).await.ok()?;
        }
        changed(&state.value)
    }
}

/// Where secrets come from, and by whose time they age.
struct Source {
    client: Client,
    clock: Clock,
}

/// One secret, in the form that is used.
struct Cached<T> {
    id: String,
    parse: fn(&str) -> Result<T, &'static str>,
    /// Held while the secret is read, so that one caller reads for all.
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Option<Arc<T>>,
    /// No read before this moment, whether the last one succeeded or not.
    fresh_until: Option<Timestamp>,
    reread_at: Option<Timestamp>,
}

impl<T> Cached<T> {
    fn new(id: String, parse: fn(&str) -> Result<T, &'static str>) -> Self {
        Self { id, parse, state: Mutex::new(State { value: None, fresh_until: None, reread_at: None }) }
    }

    async fn get(&self, source: &Source, scope: &Scope) -> Result<Arc<T>, Error> {
        let mut state = timeout_at(scope.deadline.instant(), self.state.lock())
            .await
            .map_err(|_| Error::Aws(Fault::Unavailable(WORDS.unavailable)))?;
        let fresh = state.fresh_until.is_some_and(|until| source.clock.now() < until);
        match &state.value {
            Some(value) if fresh => Ok(Arc::clone(value)),
            // A refresh that fails is tried again later: the old value serves on, and only one request waits.
            Some(old) => {
                let old = Arc::clone(old);
                Ok(self.read(source, &mut state, scope).await.unwrap_or_else(|_| {
                    scope.log.stale_secret();
                    old
                }))
            }
            None => self.read(source, &mut state, scope).await,
        }
    }

    /// Reads the secret now. On success the state holds the new value, on failure the old one.
    async fn read(&self, source: &Source, state: &mut State<T>, scope: &Scope) -> Result<Arc<T>, Error> {
        state.fresh_until = Some(source.clock.now() + RETRY_REFRESH);
        let answer = timeout_at(scope.deadline.instant(), source.client.get_secret_value().secret_id(&self.id).send())
            .await
            .map_err(|_| Error::Aws(Fault::Unavailable(WORDS.unavailable)))?
            .map_err(|error| Error::Aws(WORDS.read(&error)))?;
        let text: SecretString = answer.secret_string.unwrap_or_default().into();
        let value = Arc::new((self.parse)(strip_bom(text.expose_secret())).map_err(Error::Malformed)?);
        state.value = Some(Arc::clone(&value));
        state.fresh_until = Some(source.clock.now() + FRESH_FOR);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_read_by_its_two_names() {
        let credentials = Credentials::parse(r#"{"AppId":"wx1","AppSecret":"s"}"#).unwrap();
        assert_eq!(credentials.app_id, "wx1");
        assert_eq!(credentials.app_secret.expose_secret(), "s");
    }

    #[test]
    fn a_secret_without_both_values_is_refused() {
        for text in [
            "",
            "wx1",
            "{}",
            r#"{"AppId":"wx1"}"#,
            r#"{"AppId":"","AppSecret":"s"}"#,
            r#"{"AppId":"wx1","AppSecret":""}"#,
            r#"{"AppId":1,"AppSecret":"s"}"#,
        ] {
            assert!(Credentials::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_app_secret() {
        let credentials = Credentials::parse(r#"{"AppId":"wx1","AppSecret":"canary"}"#).unwrap();
        assert!(!format!("{credentials:?}").contains("canary"));
    }
}
