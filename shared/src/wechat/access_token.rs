//! The server's own access token: the *stable* one of `POST /cgi-bin/stable_token`, never that of `/cgi-bin/token`, each
//! call of which voids the one before.
//!
//! The call itself is in [`super::stable_token`].
//!
//! It is read through memory, then DynamoDB, then WeChat. Asking WeChat twice is harmless: within a token's life every
//! call answers the same one, and in its last five minutes a new one, while both work. So there is no lease; the newest
//! wins. Only a forced refresh, which voids the old token at once, is claimed first.
//!
//! # Walkthrough: WeChat refuses the token
//!
//! ```text
//! refused (40001, 40014, 41001, 42001)
//!    |
//!    v
//! another one in memory or in DynamoDB? ----- yes --> use it
//!    | no
//!    v
//! normal mode: does WeChat give another one? -- yes --> store it, use it
//!    | no, the refused one again
//!    v
//! 42001, merely expired? -------------------- yes --> give up (the next normal call renews it)
//!    | no
//!    v
//! claim a forced refresh in DynamoDB
//!    |-- granted ----> force_refresh --> store it, use it
//!    |-- exhausted --> give up (WeChat allows 20 a day)
//!    `-- taken ------> wait for the holder's token in DynamoDB
//!                         |-- there ----> use it
//!                         `-- timed out -> normal mode again; still the refused one: give up
//! ```

use super::stable_token::Mode;
use super::{CALL, Client, Error, Kind, RESERVE, WORTH_STARTING};
use crate::clock::Timestamp;
use crate::keyring::{Keyring, Place};
use crate::log::Renewal;
use crate::replay::{Look, search};
use crate::scope::Scope;
use crate::store::{Claim, StoredToken};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A token is renewed this long before its end, in seconds: after WeChat hands out a new one (300 s), and long enough
/// before the end that somebody comes by. Random, so that instances do not all do it at once.
const RENEW_BEFORE: std::ops::RangeInclusive<u64> = 60..=290;

/// Time after which a failed renewal is retried.
const RETRY_RENEWAL: Duration = Duration::from_secs(15);

/// A token is not used in its last seconds: WeChat may get the call when it has ended.
const LAST_SECONDS: Duration = Duration::from_secs(5);

/// Maximum duration of another instance's forced refresh: its call to WeChat, and the write after it.
const FORCED_REFRESH: Duration = CALL.saturating_add(Duration::from_secs(1));

/// Time that must be left after that wait: for a last request to WeChat, and for the request's own call.
const AFTER_WAIT: Duration = RESERVE.saturating_add(WORTH_STARTING).saturating_add(WORTH_STARTING);

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) app_id: String,
    text: SecretString,
    pub(super) obtained_at: Timestamp,
    expires_at: Timestamp,
    renew_at: Timestamp,
}

/// The token of this instance.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    token: Mutex<Option<AccessToken>>,
    /// Held by the one who fetches a token for all.
    fetching: tokio::sync::Mutex<()>,
}

impl AccessToken {
    pub(super) fn new(app_id: &str, text: SecretString, obtained_at: Timestamp, expires_at: Timestamp) -> Self {
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

impl TokenCache {
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
    /// everybody if it fails or is dropped. It runs concurrently with a call, and ends before the response: Lambda freezes what
    /// is left over.
    pub(super) async fn renew_access_token(&self, scope: &Scope) {
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
        if renewal.await.is_err() {
            scope.log.access_token(Renewal::Failed);
        }
    }

    /// A token instead of `refused`, which WeChat refused with `error`: the one that others have stored meanwhile, or
    /// a renewed one; by a forced refresh only if WeChat repeats the refused one and does not just call it expired (42001).
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

    /// Forces a refresh, or waits for the instance that is doing so.
    async fn force(&self, refused: &AccessToken, error: Error, scope: &Scope) -> Result<AccessToken, Error> {
        let now = self.clock.now();
        let since = match self.store.claim_forced_refresh(&refused.app_id, now, scope).await? {
            Claim::Granted => return self.obtain(Mode::Force, Some(refused), scope).await,
            Claim::Exhausted => return Err(error),
            Claim::Taken(since) => since,
        };
        // Whoever claimed it longer ago has done it, or never will.
        let patience = FORCED_REFRESH.saturating_sub(now.since(since));
        let left = scope.deadline.instant().saturating_duration_since(Instant::now());
        let patience = patience.min(left.saturating_sub(AFTER_WAIT));
        let (_, keyring) = self.secrets.get(scope).await?;
        let other = |token: &AccessToken| !token.is(refused) && token.serves(&refused.app_id, self.clock.now());
        let look = || async {
            let stored = self.store.access_token(&refused.app_id, scope).await?;
            let token = stored.and_then(|stored| open(&keyring, &refused.app_id, &stored)).filter(other);
            Ok::<_, Error>(token.map_or(Look::NotYet, Look::Found))
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

    /// The token that instances share, if it has not ended. One that does not open (its key is gone) is ignored.
    async fn stored(&self, scope: &Scope) -> Result<Option<AccessToken>, Error> {
        let (credentials, keyring) = self.secrets.get(scope).await?;
        let app_id = &credentials.app_id;
        let stored = self.store.access_token(app_id, scope).await?;
        let token = stored.and_then(|stored| open(&keyring, app_id, &stored));
        Ok(token.filter(|token| token.serves(app_id, self.clock.now())))
    }

    /// Asks WeChat, and shares the token unless it is the `refused` one again.
    async fn obtain(&self, mode: Mode, refused: Option<&AccessToken>, scope: &Scope) -> Result<AccessToken, Error> {
        let (_, keyring) = self.secrets.get(scope).await?;
        let token =
            self.call_with_credentials(scope, |credentials| self.stable_token(credentials, mode, scope)).await?;
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

    #[test]
    fn a_token_is_renewed_in_its_last_five_minutes_and_not_in_its_last() {
        let start = Timestamp::from_seconds(0);
        for _ in 0..1000 {
            let token = AccessToken::new("wx", String::new().into(), start, start + Duration::from_secs(7200));
            assert!((6910..=7140).contains(&token.renew_at.seconds()), "{token:?}");
        }
    }
}
