//! The one write of a login.

use super::item::{self, member, number, text};
use super::transact::{Pauses, failed};
use super::{Error, Store};
use crate::clock::Timestamp;
use crate::log::rfc3339;
use crate::scope::Scope;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use std::collections::BTreeSet;
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
    /// The user logged out everywhere, was erased, or ended this very session, after the login had begun.
    Ended,
}

/// The condition that no end came after the login began.
const NOT_ENDED: &str = "attribute_not_exists(ended_at) OR ended_at <= :began";

/// The session that a login opens.
struct Opening<'a> {
    hash: &'a TokenHash,
    session: &'a Session,
    began: Timestamp,
    /// The user's, if there is none yet.
    id: String,
    member: String,
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
}

impl Store {
    /// Makes or keeps the user and opens the session, atomically. A user who is new gets a random id. `began` is when the
    /// login's request came in.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; the write may have gone through all the same.
    pub async fn log_in(
        &self,
        hash: &TokenHash,
        session: &Session,
        began: Timestamp,
        scope: &Scope,
    ) -> Result<Login, Error> {
        let opening = Opening { hash, session, began, id: Uuid::new_v4().to_string(), member: member(hash, session) };
        let pauses = Pauses::new();
        let attempts = async {
            let mut place = Place::Free;
            loop {
                let items = self.opened(&opening, &place).map_err(|_| Error::Corrupt)?;
                let Err(reasons) = self.transact(items, &pauses).await? else {
                    return Ok(Login::Opened);
                };
                match refusal(&reasons, &opening)? {
                    Attempt::Done(login) => return Ok(login),
                    Attempt::Again(next) if place == Place::Free => place = next,
                    // Others are at it too. What was seen now is stale after a pause: look afresh.
                    Attempt::Again(_) => {
                        place = Place::Free;
                        pauses.pause().await;
                    }
                }
            }
        };
        pauses.within(scope, attempts).await
    }

    /// The items of the transaction. [`refusal`] counts on their order.
    fn opened(&self, opening: &Opening<'_>, place: &Place) -> Result<Vec<TransactWriteItem>, BuildError> {
        let mut items = vec![self.user_kept(opening, place)?, self.session_opened(opening)?, self.not_erased(opening)?];
        for hash in place.gone() {
            items.push(self.session_gone(hash)?);
        }
        Ok(items)
    }

    /// What a login writes to its user, whoever comes first.
    fn user_kept(&self, opening: &Opening<'_>, place: &Place) -> Result<TransactWriteItem, BuildError> {
        let session = opening.session;
        let mut set = "SET id = if_not_exists(id, :id), \
                       created_at = if_not_exists(created_at, :created_at), appid = :appid"
            .to_owned();
        let mut update = Update::builder()
            .table_name(&self.users)
            .key(item::OPENID, text(&session.openid))
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":id", text(&opening.id))
            .expression_attribute_values(":created_at", text(&rfc3339(session.created_at)))
            .expression_attribute_values(":appid", text(&session.appid))
            .expression_attribute_values(":began", number(opening.began.millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(unionid) = &session.unionid {
            set += ", unionid = :unionid";
            update = update.expression_attribute_values(":unionid", text(unionid));
        }
        let update = match place {
            // ADD works on a user who has no set yet.
            Place::Free => update
                .update_expression(set + " ADD #sessions :new")
                .condition_expression(format!(
                    "(attribute_not_exists(#sessions) OR size(#sessions) < :most) AND ({NOT_ENDED})"
                ))
                .expression_attribute_values(":new", AttributeValue::Ss(vec![opening.member.clone()]))
                .expression_attribute_values(":most", number(MOST_SESSIONS as u64)),
            Place::Made { seen, kept } => update
                .update_expression(set + ", #sessions = :kept")
                .condition_expression(format!("#sessions = :seen AND ({NOT_ENDED})"))
                .expression_attribute_values(":seen", AttributeValue::Ss(seen.clone()))
                .expression_attribute_values(":kept", AttributeValue::Ss(kept.clone())),
        };
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// Puts the session unless a live one is there, or one that was ended since the login began.
    fn session_opened(&self, opening: &Opening<'_>) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder()
            .table_name(&self.sessions)
            .set_item(Some(item::from_session(opening.hash, opening.session)))
            .condition_expression("attribute_not_exists(token_hash) OR expires_at <= :now OR ended_at <= :began")
            .expression_attribute_values(":now", number(opening.session.created_at.seconds()))
            .expression_attribute_values(":began", number(opening.began.millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Checks that the user was not erased since the login began.
    fn not_erased(&self, opening: &Opening<'_>) -> Result<TransactWriteItem, BuildError> {
        let key = item::erased_key(&opening.session.appid, &opening.session.openid);
        let check = ConditionCheck::builder()
            .table_name(&self.sessions)
            .key(item::TOKEN_HASH, text(&key))
            .condition_expression(NOT_ENDED)
            .expression_attribute_values(":began", number(opening.began.millis()))
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
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
        // had expired: the session lives on with the newer one. A transaction takes an item once.
        seen.iter()
            .map(|member| item::hash_in(member))
            .filter(move |hash| kept.iter().all(|kept| item::hash_in(kept) != *hash))
            .collect::<BTreeSet<_>>()
            .into_iter()
    }
}

/// What to make of a transaction whose conditions did not hold.
fn refusal(reasons: &[CancellationReason], opening: &Opening<'_>) -> Result<Attempt, Error> {
    if let Some(session) = failed(reasons, 1) {
        let there = session.item().ok_or(Error::Corrupt)?;
        if item::ended_at(there).is_some() {
            return Ok(Attempt::Done(Login::Ended));
        }
        return Ok(Attempt::Done(Login::AlreadyOpen(item::session(there).ok_or(Error::Corrupt)?)));
    }
    if failed(reasons, 2).is_some() {
        return Ok(Attempt::Done(Login::Ended));
    }
    let user = failed(reasons, 0).and_then(CancellationReason::item).ok_or(Error::Corrupt)?;
    if item::ended_at(user).is_some_and(|ended_at| opening.began < ended_at) {
        return Ok(Attempt::Done(Login::Ended));
    }
    let Session { created_at, expires_at, .. } = *opening.session;
    let horizon = created_at - expires_at.since(created_at);
    Ok(Attempt::Again(Place::among(item::members(user), opening.member.clone(), horizon)))
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
