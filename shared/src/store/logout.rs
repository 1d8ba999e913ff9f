//! The ends of sessions, and of users: each one transaction, so that no crash leaves half of it.

use super::item::{self, member, number, text};
use super::transact::Pauses;
use super::{Error, Store};
use crate::clock::{Clock, Timestamp};
use crate::scope::Scope;
use crate::session::Caller;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use std::collections::BTreeSet;

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every session of the user.
    Sessions,
    /// The user, with all that is stored of them.
    User,
}

impl Store {
    /// Ends the caller's session at `now`. Nobody can open it again, with whatever was on its way.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; the session may have ended all the same.
    pub async fn log_out(&self, caller: &Caller, now: Timestamp, scope: &Scope) -> Result<(), Error> {
        let member = member(&caller.hash, &caller.session);
        let items = [self.without(caller, &member), self.ended(caller.hash.as_str(), now)];
        let items = items.into_iter().collect::<Result<Vec<_>, _>>().map_err(|_| Error::Corrupt)?;
        let pauses = Pauses::new();
        let end = async {
            match self.transact(items, &pauses).await? {
                Ok(()) => Ok(()),
                // There is no user: somebody took the item away, or brought an older table back.
                Err(_) => self.end_alone(caller, now, &pauses).await,
            }
        };
        pauses.within(scope, end).await
    }

    /// Ends the caller's session, and touches no user.
    async fn end_alone(&self, caller: &Caller, now: Timestamp, pauses: &Pauses) -> Result<(), Error> {
        let tombstone = self.ended(caller.hash.as_str(), now).map_err(|_| Error::Corrupt)?;
        // It has no condition that could fail.
        self.transact(vec![tombstone], pauses).await.map(drop)
    }

    /// Ends every session of the caller, or the user with them, if the session still is that user's: `false` if it is not. A
    /// login that began before the write was sent, by `clock`, comes too late.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; it may have been done all the same.
    pub async fn end_all(&self, caller: &Caller, end: End, clock: &Clock, scope: &Scope) -> Result<bool, Error> {
        let pauses = Pauses::new();
        let attempts = async {
            loop {
                let user = self.user_item(caller, scope).await?;
                // As late as can be: what begins from here on is after the end.
                let now = clock.now();
                let Some(user) = user else {
                    self.end_alone(caller, now, &pauses).await?;
                    return Ok(false);
                };
                let items = self.all_ended(caller, item::members(&user), end, now).map_err(|_| Error::Corrupt)?;
                match self.transact(items, &pauses).await? {
                    Ok(()) => return Ok(true),
                    // Another session came or went meanwhile.
                    Err(_) => pauses.pause().await,
                }
            }
        };
        pauses.within(scope, attempts).await
    }

    /// The items of the transaction: at most 100, DynamoDB's limit, because a user has at most twenty sessions.
    fn all_ended(
        &self,
        caller: &Caller,
        seen: &[String],
        end: End,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let openid = &caller.session.openid;
        let seen_set = AttributeValue::Ss(seen.to_vec());
        let mut items = Vec::new();
        match end {
            End::Sessions => {
                let update = Update::builder()
                    .table_name(&self.users)
                    .key(item::OPENID, text(openid))
                    .update_expression("SET ended_at = :now REMOVE #sessions")
                    .condition_expression("#sessions = :seen")
                    .expression_attribute_names("#sessions", item::SESSIONS)
                    .expression_attribute_values(":seen", seen_set)
                    .expression_attribute_values(":now", number(now.millis()));
                items.push(TransactWriteItem::builder().update(update.build()?).build());
            }
            End::User => {
                let delete = Delete::builder()
                    .table_name(&self.users)
                    .key(item::OPENID, text(openid))
                    .condition_expression("#sessions = :seen")
                    .expression_attribute_names("#sessions", item::SESSIONS)
                    .expression_attribute_values(":seen", seen_set);
                items.push(TransactWriteItem::builder().delete(delete.build()?).build());
                items.push(self.ended(&item::erased_key(&caller.session.appid, openid), now)?);
            }
        }
        // A hash may stand there twice (see `Place::gone`), and a transaction takes an item once.
        let hashes: BTreeSet<&str> = seen.iter().map(|member| item::hash_in(member)).collect();
        for hash in hashes {
            items.push(self.ended(hash, now)?);
        }
        Ok(items)
    }

    /// Takes `member` out of the user's set.
    fn without(&self, caller: &Caller, member: &str) -> Result<TransactWriteItem, BuildError> {
        let update = Update::builder()
            .table_name(&self.users)
            .key(item::OPENID, text(&caller.session.openid))
            .update_expression("DELETE #sessions :gone")
            // An update of an item that is not there would make it.
            .condition_expression("attribute_exists(openid)")
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":gone", AttributeValue::Ss(vec![member.to_owned()]));
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// Puts a tombstone in the place of a session, or of an erased user.
    fn ended(&self, key: &str, now: Timestamp) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder().table_name(&self.sessions).set_item(Some(item::tombstone(key, now)));
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }
}
