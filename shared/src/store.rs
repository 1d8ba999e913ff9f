//! Users and sessions in DynamoDB. Items never leave this module.
//!
//! | table | key | attributes |
//! | --- | --- | --- |
//! | users | `user_hash` | `openid`, `appid`, `id`, `unionid`, `name`, `avatar`, `created_at` (ms), `sessions` (set of `<login time in ms>#<token hash>`), `phone` (sealed), `country_code`, `phone_at` (ms), `phone_code` (keyed hash), `ended_at` (ms, of the last logout of all or erase), `gone_at` (ms, the login time of the newest session ever taken out); or a tombstone: `ended_at`, `gone_at`, `expires_at` |
//! | sessions | `token_hash` | `openid`, `unionid`, `appid`, `session_key` (sealed), `created_at` (ms), `expires_at` (s, the TTL); or a tombstone: `ended_at` (ms), `expires_at`, and of the caller of an end `unfinished`, `user_hash`, `member` |
//! | access tokens | `appid` | `token` (sealed), `obtained_at` (ms), `expires_at` (s), `forced` (set of times in ms), `claimed_by` (random, of the last of them) |
//! | erasures | `user_hash` | `erased_at` (ms), `expires_at` (s, the TTL) |
//!
//! Every write touches one item, on a condition of [`conditions`]; there are no transactions. A login enrols its session with the
//! user, then opens it (`login`); `ends` has the walkthrough of what ends. The model in `tests/tests/model` runs these very
//! conditions with crashes, lost responses, late copies and clocks that differ.

mod access_token;
pub mod conditions;
mod ends;
mod erase;
mod import;
mod item;
mod login;
mod phone;
mod profile;
mod reseal;
mod restore;
mod write;

use crate::aws::{self, Fault};
use crate::config::Config;
use crate::deadline::{OutOfTime, WORTH_STARTING};
use crate::log::Service;
use crate::scope::Scope;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::Client;
use aws_types::SdkConfig;
use item::Item;
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

pub use access_token::{Claim, FORCE_AT_MOST, FORCE_EVERY, StoredToken};
pub use ends::{End, Ending, Tombstone};
pub use import::{Import, ImportedUser};
pub use item::user_hash;
pub use login::{Login, MAX_SESSIONS};
pub use phone::{SealedPhone, StoredPhone};
pub use profile::{Change, StoredUser};
pub use reseal::{PhonesPage, UserPhone};
pub use restore::{ErasuresReplayed, SessionsEnded};

const WORDS: aws::Words = aws::Words {
    unavailable: "DynamoDB: no answer",
    denied: "DynamoDB: access denied",
    missing: "DynamoDB: table not found",
    rejected: "DynamoDB: request rejected",
};

/// Why a call to the store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// DynamoDB failed.
    #[error(transparent)]
    Aws(Fault),
    /// Too little time left to start the call.
    #[error("too little time left")]
    OutOfTime,
    /// An item lacks what must be there.
    #[error("DynamoDB: item malformed")]
    Corrupt,
}

impl From<OutOfTime> for Error {
    fn from(_: OutOfTime) -> Self {
        Self::OutOfTime
    }
}

/// The remains or the session of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its session, expired or not.
    Session(Session),
    /// It was ended, by its user or by the 21st login.
    Ended(Tombstone),
    /// Nothing is stored, or no longer.
    Nothing,
}

/// The tables.
pub struct Store {
    client: Client,
    users: String,
    sessions: String,
    access_tokens: String,
    erasures: Option<String>,
}

impl Store {
    /// Tables that `sdk` reaches, with the names that `config` gives them.
    pub fn new(sdk: &SdkConfig, config: &Config) -> Self {
        let mut settings = aws_sdk_dynamodb::config::Builder::from(sdk);
        if let Some(endpoint) = &config.dynamodb_endpoint {
            settings = settings.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(settings.build()),
            users: config.users_table.clone(),
            sessions: config.sessions_table.clone(),
            access_tokens: config.access_tokens_table.clone(),
            erasures: config.erasures_table.clone(),
        }
    }

    /// Opens the connection to DynamoDB by reading an item that does not exist.
    pub async fn connect(&self, scope: &Scope) {
        // Whether it worked shows when the connection is needed.
        let _ = self.read(&self.sessions, item::TOKEN_HASH, "-", scope).await;
    }

    /// Looks up the session of a token, by a strongly consistent read.
    ///
    /// # Errors
    /// If DynamoDB does not answer, or the item is malformed.
    pub async fn session(&self, hash: &TokenHash, scope: &Scope) -> Result<Found, Error> {
        match self.read(&self.sessions, item::TOKEN_HASH, hash.as_str(), scope).await? {
            None => Ok(Found::Nothing),
            Some(item) if item::is_tombstone(&item) => Ok(Found::Ended(Tombstone::read(&item))),
            Some(item) => item::session(&item).map(Found::Session).ok_or(Error::Corrupt),
        }
    }

    /// One item, by a strongly consistent read.
    async fn read(&self, table: &str, key: &str, value: &str, scope: &Scope) -> Result<Option<Item>, Error> {
        let read = self.client.get_item().table_name(table).key(key, item::text(value)).consistent_read(true);
        let send = async { read.send().await.map_err(|error| Error::Aws(WORDS.read(&error))) };
        Ok(within(scope, send).await?.item)
    }
}

/// Runs a call within its limit and the request's, and adds its time to the log line.
async fn within<T>(scope: &Scope, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let limit = scope.deadline.allow(aws::CALL, Duration::ZERO, WORTH_STARTING)?;
    // The SDK's futures are large; boxed here, they are not part of every future above.
    let called = scope.log.time(Service::DynamoDb, timeout(limit, Box::pin(call))).await;
    called.map_err(|_| Error::Aws(Fault::Unavailable(WORDS.unavailable)))?
}
