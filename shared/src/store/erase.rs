//! The end of a user: the record of it, the tombstone in the user's place, and the erasures that nobody's session asks for.

use super::conditions::{DOOR_OF_EVENT, ERASURE, MAX_AHEAD, WIPE, WIPE_WITHOUT_SESSIONS};
use super::ends::{Door, End, Next, ahead, came_through, created_at, door_time};
use super::item::{self, Item, number, text};
use super::write::{Written, conditionally, put_conditionally};
use super::{Error, Store};
use crate::aws::Fault;
use crate::clock::{Clock, Timestamp};
use crate::scope::Scope;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use std::time::Duration;

/// Lifetime of the record of an erasure: longer than that of any backup (point-in-time recovery goes back 35 days).
const ERASURE_TTL: Duration = Duration::from_secs(36 * 24 * 60 * 60);

impl Store {
    /// Erases the user of `user_hash` for an event of WeChat's, or an erasure, at `event`, unless the user was made after it:
    /// whether anything was there to erase.
    ///
    /// # Errors
    /// As [`Store::end`].
    pub async fn erase_for_event(
        &self,
        user_hash: &str,
        event: Timestamp,
        clock: &Clock,
        scope: &Scope,
    ) -> Result<bool, Error> {
        let mut at = door_time(clock, None);
        loop {
            let update = self
                .update_user(user_hash)
                .update_expression("SET ended_at = :at")
                .condition_expression(DOOR_OF_EVENT)
                .expression_attribute_values(":event", number(event.millis()))
                .expression_attribute_values(":at", number(at.millis()))
                .expression_attribute_values(":ahead", number(ahead(clock).millis()))
                .return_values(ReturnValue::AllNew);
            let user = match conditionally(update, scope).await? {
                Ok(user) => {
                    let user = user.ok_or(Error::Corrupt)?;
                    if let Some(newest) = came_through(&user, at, ahead(clock)) {
                        at = door_time(clock, Some(newest));
                        continue;
                    }
                    user
                }
                Err(Some(user)) if user.contains_key(item::ID) && created_at(&user) <= event => {
                    at = door_time(clock, Some(item::ended_at(&user).ok_or(Error::Corrupt)?));
                    continue;
                }
                Err(_) => return Ok(false),
            };
            let next = self.finish(End::User, None, user_hash, &Door { at, user }, clock, scope).await?;
            if matches!(next, Next::Done) {
                return Ok(true);
            }
        }
    }

    /// Puts the user's tombstone in the user's place, if no session came or went since the door was shut.
    pub(super) async fn wipe(&self, user_hash: &str, door: &Door, scope: &Scope) -> Result<Written, Error> {
        let mut tombstone = item::tombstone(item::USER_HASH, user_hash, door.at);
        if let Some(gone_at) = door.user.get(item::GONE_AT) {
            tombstone.insert(item::GONE_AT.to_owned(), gone_at.clone());
        }
        let members = item::members(&door.user);
        let put = self
            .client
            .put_item()
            .table_name(&self.users)
            .set_item(Some(tombstone))
            .condition_expression(if members.is_empty() { WIPE_WITHOUT_SESSIONS } else { WIPE })
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":at", number(door.at.millis()));
        let put = match members {
            [] => put,
            members => put.expression_attribute_values(":seen", AttributeValue::Ss(members.to_vec())),
        };
        put_conditionally(put, scope).await
    }

    /// Records an erasure, so that it can be repeated after a restore of the users table.
    pub(super) async fn record_erasure(&self, user_hash: &str, at: Timestamp, scope: &Scope) -> Result<(), Error> {
        let table = self.erasures_table()?;
        let record = Item::from([
            (item::USER_HASH.to_owned(), text(user_hash)),
            (item::ERASED_AT.to_owned(), number(at.millis())),
            (item::EXPIRES_AT.to_owned(), number((at + ERASURE_TTL).seconds())),
        ]);
        let put = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(record))
            .condition_expression(ERASURE)
            .expression_attribute_values(":at", number(at.millis()))
            .expression_attribute_values(":ahead", number((at + MAX_AHEAD).millis()));
        // A later record stays.
        put_conditionally(put, scope).await.map(drop)
    }

    /// The name of the erasures table, which not every function is told.
    pub(super) fn erasures_table(&self) -> Result<&str, Error> {
        self.erasures.as_deref().ok_or(Error::Aws(Fault::Misconfigured("ERASURES_TABLE is not set")))
    }
}
