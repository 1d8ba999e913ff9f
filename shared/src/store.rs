//! Users and sessions in DynamoDB. Items never leave this module.
//!
//! | table | key | attributes |
//! | --- | --- | --- |
//! | users | `openid` | `id`, `appid`, `unionid`, `created_at` (RFC 3339), `sessions` (set of `<login time in ms>#<token hash>`) |
//! | sessions | `token_hash` | `openid`, `unionid`, `appid`, `session_key` (sealed), `created_at` (ms), `expires_at` (s, the TTL) |
//!
//! A login is one `TransactWriteItems`: the user is made or kept, its new session goes into the user's set, the
//! session is put. It is atomic, so no session lives without its user; and the SDK sends a client request token
//! with it, so a late retry of the same request within 10 minutes changes nothing (DynamoDB's documentation of
//! `TransactWriteItems`).

mod item;
mod login;

use crate::aws::{self, Fault};
use crate::deadline::{Deadline, OutOfTime};
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use std::time::Duration;
use tokio::time::timeout;

pub use login::{Login, MOST_SESSIONS};

const WORDS: aws::Words = aws::Words {
    unavailable: "DynamoDB: no answer",
    denied: "DynamoDB: access denied",
    missing: "DynamoDB: table not found",
    rejected: "DynamoDB: request rejected",
};

/// Why the store did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// DynamoDB did not answer as it should.
    Aws(Fault),
    /// Others kept changing the same user until the time was up.
    Contention,
    /// An item lacks what must be there.
    Corrupt,
}

impl From<OutOfTime> for Error {
    fn from(_: OutOfTime) -> Self {
        Self::Aws(Fault::Unavailable(WORDS.unavailable))
    }
}

/// The tables.
pub struct Store {
    client: Client,
    users: String,
    sessions: String,
}

impl Store {
    /// Tables with these names.
    pub fn new(client: Client, users: String, sessions: String) -> Self {
        Self {
            client,
            users,
            sessions,
        }
    }

    /// Opens the connection to DynamoDB by reading an item that does not exist.
    pub async fn connect(&self, deadline: Deadline) {
        // Whether it worked shows when the connection is needed.
        let _ = self.get_session("-", deadline).await;
    }

    /// The session of a token, expired or not, by a strongly consistent read.
    ///
    /// # Errors
    /// If DynamoDB does not answer, or the item is malformed.
    pub async fn session(&self, hash: &TokenHash, deadline: Deadline) -> Result<Option<Session>, Error> {
        self.get_session(hash.as_str(), deadline).await
    }

    async fn get_session(&self, key: &str, deadline: Deadline) -> Result<Option<Session>, Error> {
        let limit = deadline.allow(aws::CALL, Duration::ZERO)?;
        let read = self
            .client
            .get_item()
            .table_name(&self.sessions)
            .key(item::TOKEN_HASH, AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .send();
        let answer = timeout(limit, read)
            .await
            .map_err(|_| Error::from(OutOfTime))?
            .map_err(|error| Error::Aws(WORDS.read(&error)))?;
        answer
            .item
            .map(|item| item::session(&item).ok_or(Error::Corrupt))
            .transpose()
    }
}
