//! The one write of a login.

use super::item::{self, member, text};
use super::{Error, Store, WORDS, pauses, within};
use crate::aws::Fault;
use crate::clock::Timestamp;
use crate::log::rfc3339;
use crate::scope::Scope;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::sleep;
use uuid::Uuid;

/// A user has at most this many sessions; the oldest gives way.
pub const MOST_SESSIONS: usize = 20;

/// What became of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The session was opened.
    Opened,
    /// A live session with this token was there already: somebody was faster with the same code.
    AlreadyOpen(Session),
}

/// How the new session finds its place among the user's.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The user has room, or does not exist yet.
    Free,
    /// The user had `seen`; the oldest give way, so that `kept` remain with the new one among them.
    Made { seen: Vec<String>, kept: Vec<String> },
}

/// What one attempt came to.
enum Attempt {
    Done(Login),
    /// The user's sessions are not what was expected.
    Again(Place),
    /// Another transaction had hold of the user, or capacity was short.
    Busy,
}

impl Store {
    /// Makes or keeps the user and opens the session, atomically. A user who is new gets a random id.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; the write may have gone through all the same.
    pub async fn log_in(&self, hash: &TokenHash, session: &Session, scope: &Scope) -> Result<Login, Error> {
        let id = Uuid::new_v4().to_string();
        let mut pauses = pauses();
        let contended = AtomicBool::new(false);
        let attempts = async {
            let mut place = Place::Free;
            // Kept while the same is sent again, so that of two requests on their way at once one is a no-op.
            let mut request_token = Uuid::new_v4().to_string();
            loop {
                match self.attempt(hash, session, &id, &place, &request_token).await? {
                    Attempt::Done(login) => return Ok(login),
                    Attempt::Again(next) if place == Place::Free => place = next,
                    // Others are at it too. What was seen now is stale after a pause: look afresh.
                    Attempt::Again(_) => {
                        place = Place::Free;
                        contended.store(true, Ordering::Relaxed);
                        sleep(pauses.next().ok_or(Error::Contention)?).await;
                    }
                    // The SDK does not retry a cancelled transaction, and two devices of one user do meet.
                    Attempt::Busy => {
                        contended.store(true, Ordering::Relaxed);
                        sleep(pauses.next().ok_or(Error::Contention)?).await;
                        continue;
                    }
                }
                request_token = Uuid::new_v4().to_string();
            }
        };
        within(scope, attempts).await.map_err(|error| match error {
            Error::Aws(Fault::Unavailable(_)) if contended.into_inner() => Error::Contention,
            error => error,
        })
    }

    async fn attempt(
        &self,
        hash: &TokenHash,
        session: &Session,
        id: &str,
        place: &Place,
        request_token: &str,
    ) -> Result<Attempt, Error> {
        let member = member(hash, session);
        let mut items = vec![self.user(session, id, &member, place), self.session_opened(hash, session)];
        items.extend(place.gone().map(|hash| self.session_gone(hash)));
        let items = items.into_iter().collect::<Result<Vec<_>, _>>();
        let sent = self
            .client
            .transact_write_items()
            .client_request_token(request_token)
            .set_transact_items(Some(items.map_err(|_| Error::Corrupt)?))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Attempt::Done(Login::Opened)),
            Err(error) => refusal(&error, member, session),
        }
    }

    /// What a login writes to its user, whoever comes first.
    fn user(&self, session: &Session, id: &str, member: &str, place: &Place) -> Result<TransactWriteItem, BuildError> {
        let mut set = "SET id = if_not_exists(id, :id), \
                       created_at = if_not_exists(created_at, :created_at), appid = :appid"
            .to_owned();
        let mut update = Update::builder()
            .table_name(&self.users)
            .key(item::OPENID, text(&session.openid))
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":id", text(id))
            .expression_attribute_values(":created_at", text(&rfc3339(session.created_at)))
            .expression_attribute_values(":appid", text(&session.appid))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(unionid) = &session.unionid {
            set += ", unionid = :unionid";
            update = update.expression_attribute_values(":unionid", text(unionid));
        }
        let update = match place {
            // ADD works on a user who has no set yet.
            Place::Free => update
                .update_expression(set + " ADD #sessions :new")
                .condition_expression("attribute_not_exists(#sessions) OR size(#sessions) < :most")
                .expression_attribute_values(":new", AttributeValue::Ss(vec![member.to_owned()]))
                .expression_attribute_values(":most", item::number(MOST_SESSIONS as u64)),
            Place::Made { seen, kept } => update
                .update_expression(set + ", #sessions = :kept")
                .condition_expression("#sessions = :seen")
                .expression_attribute_values(":seen", AttributeValue::Ss(seen.clone()))
                .expression_attribute_values(":kept", AttributeValue::Ss(kept.clone())),
        };
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// Puts the session unless a live one is there.
    fn session_opened(&self, hash: &TokenHash, session: &Session) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder()
            .table_name(&self.sessions)
            .set_item(Some(item::from_session(hash, session)))
            .condition_expression("attribute_not_exists(token_hash) OR expires_at <= :now")
            .expression_attribute_values(":now", item::number(session.created_at.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn session_gone(&self, hash: &str) -> Result<TransactWriteItem, BuildError> {
        let delete = Delete::builder().table_name(&self.sessions).key(item::TOKEN_HASH, text(hash)).build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

impl Place {
    /// Room among `seen` for `member`. Sessions of before `horizon` have expired, and give way in any case.
    fn among(seen: &[String], member: String, horizon: Timestamp) -> Self {
        if seen.is_empty() {
            return Self::Free;
        }
        // Members begin with the time of their login, so the first in order are the oldest.
        let lives = |old: &&String| **old != member && item::login_time(old) > Some(horizon);
        let ordered: BTreeSet<&String> = seen.iter().filter(lives).collect();
        let excess = (ordered.len() + 1).saturating_sub(MOST_SESSIONS);
        let mut kept: Vec<String> = ordered.into_iter().skip(excess).cloned().collect();
        kept.push(member);
        Self::Made { seen: seen.to_vec(), kept }
    }

    /// The token hashes of the sessions that give way.
    fn gone(&self) -> impl Iterator<Item = &str> {
        let (seen, kept): (&[String], &[String]) = match self {
            Self::Free => (&[], &[]),
            Self::Made { seen, kept } => (seen, kept),
        };
        // A hash may stand there twice, if a code that never wears out (a sample) was used again after its session
        // had expired: the session lives on with the newer one.
        seen.iter().map(|member| hash_in(member)).filter(move |hash| kept.iter().all(|kept| hash_in(kept) != *hash))
    }
}

fn hash_in(member: &str) -> &str {
    member.split_once('#').map_or(member, |(_, hash)| hash)
}

/// What to make of a refused transaction.
fn refusal(error: &SdkError<TransactWriteItemsError>, member: String, session: &Session) -> Result<Attempt, Error> {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
            return Ok(Attempt::Busy);
        }
        _ => return Err(Error::Aws(WORDS.read(error))),
    };
    let failed = |index: usize| reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"));
    if let Some(session) = failed(1) {
        let session = session.item().and_then(item::session);
        return Ok(Attempt::Done(Login::AlreadyOpen(session.ok_or(Error::Corrupt)?)));
    }
    if let Some(user) = failed(0) {
        let seen = user.item().map_or(&[][..], item::members);
        let life = session.expires_at.since(session.created_at);
        return Ok(Attempt::Again(Place::among(seen, member, session.created_at - life)));
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    let is_passing = |reason: &CancellationReason| reason.code().is_some_and(|code| passing.contains(&code));
    if reasons.iter().any(is_passing) {
        return Ok(Attempt::Busy);
    }
    Err(Error::Aws(Fault::Misconfigured(WORDS.rejected)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG_AGO: Timestamp = Timestamp::from_millis(0);

    fn members(times: impl IntoIterator<Item = u32>) -> Vec<String> {
        times.into_iter().map(|time| format!("{time:013}#hash{time}")).collect()
    }

    #[test]
    fn a_user_without_sessions_has_room() {
        assert_eq!(Place::among(&[], "new".into(), LONG_AGO), Place::Free);
    }

    #[test]
    fn the_oldest_gives_way_to_the_twenty_first() {
        // DynamoDB keeps no order in a set.
        let seen = members((1..=20).rev());
        let place = Place::among(&seen, "0000000000021#hash21".into(), LONG_AGO);
        assert_eq!(place.gone().collect::<Vec<_>>(), ["hash1"]);
        let expected = Place::Made { seen, kept: members(2..=21) };
        assert_eq!(place, expected);
    }

    #[test]
    fn nobody_gives_way_while_there_is_room() {
        let place = Place::among(&members(1..=19), "0000000000021#hash21".into(), LONG_AGO);
        assert_eq!(place.gone().count(), 0);
    }

    #[test]
    fn sessions_that_have_expired_give_way() {
        let seen = members(1..=20);
        let place = Place::among(&seen, "0000000000021#hash21".into(), Timestamp::from_millis(18));
        assert_eq!(place, Place::Made { seen, kept: members(19..=21) });
    }

    #[test]
    fn a_session_that_was_opened_anew_outlives_its_older_entry() {
        let mut seen = members(2..=20);
        seen.push("0000000000001#hash21".into());
        let place = Place::among(&seen, "0000000000021#hash21".into(), LONG_AGO);
        assert_eq!(place.gone().count(), 0);
    }
}
