//! The server's own access token: the *stable* one of `POST /cgi-bin/stable_token`, never that of `/cgi-bin/token`, each
//! call of which voids the one before.
//!
//! It is read through memory, then DynamoDB, then WeChat. Asking WeChat twice is harmless: within a token's life every
//! call answers the same one, and in its last five minutes a new one, while both work. So there is no lease; the newest
//! wins. Only a replacement by force, which voids the old token at once, is claimed first.

use super::answer::{scalar, text};
use super::{CALL, Client, Error, Kind, Next, RESERVE, Tries, WORTH_STARTING, call};
use crate::clock::Timestamp;
use crate::keyring::{Keyring, Place};
use crate::log::Renewal;
use crate::replay::{Look, search};
use crate::scope::Scope;
use crate::secrets::Credentials;
use crate::store::{Claim, StoredToken};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// A token is renewed this long before its end, in seconds: after WeChat hands out a new one (300 s), and long enough
/// before the end that somebody comes by. Random, so that instances do not all do it at once.
const RENEW_BEFORE: std::ops::RangeInclusive<u64> = 60..=290;

/// How long a reply may wait for a renewal that goes on beside it. What is not done by then is tried again by the next
/// request; the old token works until its end.
const RENEWAL: Duration = Duration::from_secs(2);

/// How long after a renewal that failed the next one is tried.
const RETRY_RENEWAL: Duration = Duration::from_secs(15);

/// A token is not used in its last seconds: WeChat may get the call when it has ended.
const LAST_SECONDS: Duration = Duration::from_secs(5);

/// How long another instance may take to replace a token by force: its call to WeChat, and the write after it.
const REPLACEMENT: Duration = CALL.saturating_add(Duration::from_secs(1));

/// What must be left of the request after that wait: for a last question to WeChat, and for the request's own call.
const AFTER_WAIT: Duration = RESERVE.saturating_add(WORTH_STARTING).saturating_add(WORTH_STARTING);

/// The longest token that is taken. WeChat says to keep room for 512 characters.
const LONGEST: usize = 2048;

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) app_id: String,
    text: SecretString,
    obtained_at: Timestamp,
    expires_at: Timestamp,
    renew_at: Timestamp,
}

/// The token of this instance.
#[derive(Debug, Default)]
pub(super) struct Held {
    token: Mutex<Option<AccessToken>>,
    /// Held by the one who fetches a token for all.
    fetching: tokio::sync::Mutex<()>,
}

/// How WeChat is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Normal,
    Force,
}

impl AccessToken {
    fn new(app_id: &str, text: SecretString, obtained_at: Timestamp, expires_at: Timestamp) -> Self {
        let before = Duration::from_secs(fastrand::u64(RENEW_BEFORE));
        let life = expires_at.since(obtained_at);
        let renew_at = obtained_at + life.saturating_sub(before);
        Self { app_id: app_id.to_owned(), text, obtained_at, expires_at, renew_at }
    }

    /// The token itself.
    pub(super) fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    fn serves(&self, app_id: &str, now: Timestamp) -> bool {
        self.app_id == app_id && now + LAST_SECONDS < self.expires_at
    }

    fn is(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Held {
    fn get(&self) -> Option<AccessToken> {
        self.lock().clone()
    }

    fn set(&self, token: &AccessToken) {
        *self.lock() = Some(token.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Option<AccessToken>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// A token that works, as far as anybody knows.
    pub(super) async fn access_token(&self, scope: &Scope) -> Result<AccessToken, Error> {
        let (credentials, _) = self.secrets.get(scope).await?;
        let held = || self.access_token.get().filter(|token| token.serves(&credentials.app_id, self.clock.now()));
        if let Some(token) = held() {
            return Ok(token);
        }
        let _fetching = self.fetch_alone(scope).await?;
        if let Some(token) = held() {
            return Ok(token);
        }
        let token = match self.stored(scope).await? {
            Some(stored) => stored,
            None => self.obtain(Mode::Normal, None, scope).await?,
        };
        self.access_token.set(&token);
        Ok(token)
    }

    /// Renews this instance's token if it nears its end. Whoever needs one meanwhile goes on with the old one; and so does
    /// everybody if it fails. It belongs beside a request's own work, and ends before the reply: Lambda freezes what is
    /// left over.
    pub async fn renew_access_token(&self, scope: &Scope) {
        let Ok(_fetching) = self.access_token.fetching.try_lock() else {
            return;
        };
        let now = self.clock.now();
        let Some(token) = self.access_token.get().filter(|token| token.renew_at <= now && now < token.expires_at)
        else {
            return;
        };
        // If it fails, it is tried again, but not by the very next request.
        self.access_token.set(&AccessToken { renew_at: now + RETRY_RENEWAL, ..token.clone() });
        let renewal = async {
            let newer = |stored: &AccessToken| stored.expires_at > token.expires_at;
            match self.stored(scope).await?.filter(newer) {
                Some(stored) => self.access_token.set(&stored),
                None => drop(self.obtain(Mode::Normal, None, scope).await?),
            }
            Ok::<(), Error>(())
        };
        if !matches!(timeout(RENEWAL, renewal).await, Ok(Ok(()))) {
            scope.log.access_token(Renewal::Failed);
        }
    }

    /// A token instead of `refused`, which WeChat refused with `error`: the one that others have stored meanwhile, or
    /// a renewed one; by force only if WeChat repeats the refused one and does not just call it expired (42001).
    pub(super) async fn replace(
        &self,
        refused: &AccessToken,
        error: Error,
        scope: &Scope,
    ) -> Result<AccessToken, Error> {
        let _fetching = self.fetch_alone(scope).await?;
        let other = |token: &AccessToken| !token.is(refused);
        if let Some(token) = self.access_token.get().filter(other) {
            return Ok(token);
        }
        let token = match self.stored(scope).await?.filter(other) {
            Some(stored) => stored,
            None => match Some(self.obtain(Mode::Normal, Some(refused), scope).await?).filter(other) {
                Some(renewed) => renewed,
                None if error.errcode == Some(42001) => return Err(error),
                None => self.force(refused, error, scope).await?,
            },
        };
        self.access_token.set(&token);
        Ok(token)
    }

    /// Replaces the token by force, or waits for the one who is doing so.
    async fn force(&self, refused: &AccessToken, error: Error, scope: &Scope) -> Result<AccessToken, Error> {
        let now = self.clock.now();
        let since = match self.store.claim_forced_refresh(&refused.app_id, now, scope).await? {
            Claim::Granted => return self.obtain(Mode::Force, Some(refused), scope).await,
            Claim::Exhausted => return Err(error),
            Claim::Taken(since) => since,
        };
        // Whoever claimed it longer ago has done it, or never will.
        let patience = REPLACEMENT.saturating_sub(now.since(since));
        let left = scope.deadline.instant().saturating_duration_since(Instant::now());
        let patience = patience.min(left.saturating_sub(AFTER_WAIT));
        let (_, keyring) = self.secrets.get(scope).await?;
        let other = |token: &AccessToken| !token.is(refused) && token.serves(&refused.app_id, self.clock.now());
        let look = || async {
            let stored = self.store.access_token(&refused.app_id, scope).await?;
            let token = stored.and_then(|stored| open(&keyring, &refused.app_id, &stored)).filter(other);
            Ok(token.map_or(Look::NotYet, Look::Found))
        };
        match search(patience, scope, look).await? {
            Some(replaced) => Ok(replaced),
            None if patience.is_zero() => Err(error),
            // WeChat may have replaced it, and the way to the table been cut.
            None => Some(self.obtain(Mode::Normal, Some(refused), scope).await?).filter(other).ok_or(error),
        }
    }

    async fn fetch_alone(&self, scope: &Scope) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        let lock = timeout_at(scope.deadline.instant(), self.access_token.fetching.lock()).await;
        lock.map_err(|_| Kind::OutOfTime.into())
    }

    /// The token that instances share, if it has not ended. One that does not open (its key is gone) is none.
    async fn stored(&self, scope: &Scope) -> Result<Option<AccessToken>, Error> {
        let (credentials, keyring) = self.secrets.get(scope).await?;
        let app_id = &credentials.app_id;
        let stored = self.store.access_token(app_id, scope).await?;
        let token = stored.and_then(|stored| open(&keyring, app_id, &stored));
        Ok(token.filter(|token| token.serves(app_id, self.clock.now())))
    }

    /// Asks WeChat, and shares the answer unless it is `refused` once more.
    async fn obtain(&self, mode: Mode, refused: Option<&AccessToken>, scope: &Scope) -> Result<AccessToken, Error> {
        let (mut credentials, keyring) = self.secrets.get(scope).await?;
        let mut tries = Tries::new(Kind::Credentials);
        let token = loop {
            let error = match self.stable_token(&credentials, mode, scope).await {
                Ok(token) => break token,
                Err(error) => error,
            };
            match tries.after(error).await {
                Next::Repeat => {}
                Next::Renew(error) => credentials = self.secrets.reread(&credentials, scope).await.ok_or(error)?,
                Next::GiveUp(error) => return Err(error),
            }
        };
        scope.log.access_token(match mode {
            Mode::Normal => Renewal::Renewed,
            Mode::Force => Renewal::Forced,
        });
        if refused.is_some_and(|refused| token.is(refused)) {
            return Ok(token);
        }
        self.access_token.set(&token);
        if let Ok(sealed) = keyring.seal(token.expose(), b"", place(&token.app_id)) {
            let stored = StoredToken { token: sealed, obtained_at: token.obtained_at, expires_at: token.expires_at };
            // The token works whether or not others get to know it.
            let _ = self.store.put_access_token(&token.app_id, &stored, scope).await;
        }
        Ok(token)
    }

    /// One call of `POST /cgi-bin/stable_token`.
    async fn stable_token(&self, credentials: &Credentials, mode: Mode, scope: &Scope) -> Result<AccessToken, Error> {
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
    let token = text(&mut answer, "access_token")
        .filter(|token| token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or(Kind::Unavailable("WeChat: success without access_token"))?;
    let seconds = scalar(&mut answer, "expires_in")
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .filter(|seconds| (1..=24 * 60 * 60).contains(seconds))
        .ok_or(Kind::Unavailable("WeChat: success without expires_in"))?;
    Ok((token.into(), Duration::from_secs(seconds)))
}

fn open(keyring: &Keyring, app_id: &str, stored: &StoredToken) -> Option<AccessToken> {
    let text = keyring.open(&stored.token, b"", place(app_id)).ok()?;
    Some(AccessToken::new(app_id, text, stored.obtained_at, stored.expires_at))
}

fn place(app_id: &str) -> Place<'_> {
    Place { table: "access_tokens", key: app_id, field: "token" }
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

    #[test]
    fn a_token_is_renewed_in_its_last_five_minutes_and_not_in_its_last() {
        let start = Timestamp::from_seconds(0);
        for _ in 0..1000 {
            let token = AccessToken::new("wx", String::new().into(), start, start + Duration::from_secs(7200));
            assert!((6910..=7140).contains(&token.renew_at.seconds()), "{token:?}");
        }
    }
}
