//! The two writes of a login: it enrols its session with the user, then opens it.

use super::item::{self, member, number, text};
use super::write::{conditionally, put_conditionally};
use super::{Error, Store, conditions};
use crate::clock::Timestamp;
use crate::scope::Scope;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use conditions::{ENROL, MARGIN, MAX_AHEAD, OPEN};
use futures_util::future::try_join_all;
use uuid::Uuid;

/// Maximum number of sessions of a user; the oldest is evicted.
pub const MAX_SESSIONS: usize = 20;

/// Maximum number of live sessions that one login evicts: the one that it pushed out itself, and a few that a crash left. Of a
/// thousand racing logins each would else bury what all the others do.
const MAX_EVICTED: usize = 5;

/// The outcome of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The session was opened.
    Opened,
    /// A live session with this token was there already: somebody was faster with the same code.
    AlreadyOpen(Session),
    /// The user logged out everywhere, was erased, or ended this very session, after the login had begun.
    Ended,
}

/// The session that a login opens.
struct Opening<'a> {
    hash: &'a TokenHash,
    session: &'a Session,
    began: Timestamp,
    user_hash: String,
    member: String,
}

impl Store {
    /// Makes or keeps the user, and opens the session. A user who is new gets a random id. `began` is when the login's request
    /// came in; the session's `created_at` is not before it.
    ///
    /// A crash between the writes leaves a member without a session, which the next logins evict.
    ///
    /// # Errors
    /// If DynamoDB does not respond in time; the writes may have gone through all the same.
    pub async fn log_in(
        &self,
        hash: &TokenHash,
        session: &Session,
        began: Timestamp,
        scope: &Scope,
    ) -> Result<Login, Error> {
        let user_hash = item::user_hash(&session.appid, &session.openid);
        let opening = Opening { hash, session, began, user_hash, member: member(hash, session) };
        let Some(members) = self.enrol(&opening, scope).await? else {
            return Ok(Login::Ended);
        };
        let evicted = evicted(&members, &opening);
        let buried = evicted.iter().map(|member| self.bury_evicted(member, &members, &opening, scope));
        let buried: Vec<String> = try_join_all(buried).await?.into_iter().flatten().collect();
        if evicted.contains(&opening.member) {
            self.take_out(&opening.user_hash, &buried, session.created_at, scope).await?;
            return Ok(Login::Ended);
        }
        let take_out = async {
            if buried.is_empty() {
                return Ok(());
            }
            self.take_out(&opening.user_hash, &buried, session.created_at, scope).await
        };
        let (login, ()) = tokio::try_join!(self.open(&opening, scope), take_out)?;
        Ok(login)
    }

    /// Adds the session to the user's set: the set, or `None` if the user ended their sessions since the login began.
    async fn enrol(&self, opening: &Opening<'_>, scope: &Scope) -> Result<Option<Vec<String>>, Error> {
        let session = opening.session;
        let mut set = "SET id = if_not_exists(id, :id), created_at = if_not_exists(created_at, :login_at), \
                       appid = :appid, openid = :openid"
            .to_owned();
        let mut update = self
            .update_user(&opening.user_hash)
            .condition_expression(ENROL)
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":id", text(&Uuid::new_v4().to_string()))
            .expression_attribute_values(":login_at", number(session.created_at.millis()))
            .expression_attribute_values(":appid", text(&session.appid))
            .expression_attribute_values(":openid", text(&session.openid))
            .expression_attribute_values(":began", number(opening.began.millis()))
            .expression_attribute_values(":ahead", number((session.created_at + MARGIN + MAX_AHEAD).millis()))
            .expression_attribute_values(":new", AttributeValue::Ss(vec![opening.member.clone()]))
            .return_values(ReturnValue::AllNew);
        if let Some(unionid) = &session.unionid {
            set += ", unionid = :unionid";
            update = update.expression_attribute_values(":unionid", text(unionid));
        }
        let update = update.update_expression(set + " REMOVE expires_at ADD #sessions :new");
        Ok(match conditionally(update, scope).await? {
            Ok(user) => Some(user.as_ref().map(item::members).unwrap_or_default().to_vec()),
            // It went through before, and the response was lost.
            Err(Some(user)) if item::members(&user).contains(&opening.member) => Some(item::members(&user).to_vec()),
            Err(_) => None,
        })
    }

    /// Ends an evicted session: the member to take out, or `None` if its own user is ending it and must find it listed.
    async fn bury_evicted(
        &self,
        evicted: &str,
        members: &[String],
        opening: &Opening<'_>,
        scope: &Scope,
    ) -> Result<Option<String>, Error> {
        let hash = item::hash_in(evicted);
        // A code that never wears out (a sample) opens a session again after it has expired: the newer entry lives on.
        if members.iter().any(|other| other.as_str() > evicted && item::hash_in(other) == hash) {
            return Ok(Some(evicted.to_owned()));
        }
        let now = opening.session.created_at;
        let tombstone = self.bury(hash, item::login_time(evicted).unwrap_or(now), now, None, scope).await?;
        let unfinished = tombstone.is_some_and(|tombstone| tombstone.keeps_member(now));
        Ok((!unfinished).then(|| evicted.to_owned()))
    }

    /// Puts the session unless a live one is there, or one that was ended since the login began.
    async fn open(&self, opening: &Opening<'_>, scope: &Scope) -> Result<Login, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.sessions)
            .set_item(Some(item::from_session(opening.hash, opening.session)))
            .condition_expression(OPEN)
            .expression_attribute_values(":now", number(opening.session.created_at.seconds()))
            .expression_attribute_values(":began", number(opening.began.millis()));
        let Err(there) = put_conditionally(put, scope).await? else {
            return Ok(Login::Opened);
        };
        let there = there.ok_or(Error::Corrupt)?;
        if item::is_tombstone(&there) {
            return Ok(Login::Ended);
        }
        let session = item::session(&there).ok_or(Error::Corrupt)?;
        let same = (&session.openid, session.created_at) == (&opening.session.openid, opening.session.created_at);
        // It went through before, and the response was lost.
        Ok(if same { Login::Opened } else { Login::AlreadyOpen(session) })
    }
}

/// The members that must go: those that have expired or are damaged; this login's own, where [`MAX_SESSIONS`] newer ones came
/// before it; and the next [`MAX_EVICTED`] beyond them.
fn evicted(members: &[String], opening: &Opening<'_>) -> Vec<String> {
    let Session { created_at, expires_at, .. } = *opening.session;
    let horizon = created_at - expires_at.since(created_at);
    let lives = |member: &&String| item::login_time(member).is_some_and(|time| time > horizon);
    let (mut live, dead): (Vec<&String>, Vec<&String>) = members.iter().partition(lives);
    // Members begin with the time of their login, so the last in order are the newest.
    live.sort_unstable_by(|a, b| b.cmp(a));
    let beyond = live.into_iter().skip(MAX_SESSIONS).enumerate();
    let next = beyond.filter(|(index, member)| *index < MAX_EVICTED || **member == opening.member);
    next.map(|(_, member)| member).chain(dead).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn members(times: impl IntoIterator<Item = u64>) -> Vec<String> {
        times.into_iter().map(|time| format!("{time:013}#hash{time}")).collect()
    }

    /// The members that a login at `now` evicts, if sessions live for `ttl` ms.
    fn gone(members: &[String], now: u64, ttl: u64) -> Vec<String> {
        gone_by("", members, now, ttl)
    }

    /// The same, by the login of `own`.
    fn gone_by(own: &str, members: &[String], now: u64, ttl: u64) -> Vec<String> {
        let created_at = Timestamp::from_millis(now);
        let session = Session {
            openid: "o".to_owned(),
            unionid: None,
            appid: "wx".to_owned(),
            session_key: String::new(),
            created_at,
            expires_at: created_at + Duration::from_millis(ttl),
        };
        let hash = crate::session::Token::parse(&"0".repeat(32)).unwrap().hash();
        let opening = Opening {
            hash: &hash,
            session: &session,
            began: created_at,
            user_hash: String::new(),
            member: own.to_owned(),
        };
        evicted(members, &opening)
    }

    #[test]
    fn nobody_is_evicted_while_there_is_room() {
        assert!(gone(&members(1..=20), 20, 1_000_000).is_empty());
    }

    #[test]
    fn the_oldest_is_evicted_by_the_twenty_first() {
        // DynamoDB keeps no order in a set.
        assert_eq!(gone(&members((1..=21).rev()), 21, 1_000_000), members([1]));
    }

    #[test]
    fn sessions_that_have_expired_are_evicted() {
        assert_eq!(gone(&members(1_001..=1_010), 11_004, 10_000), members(1_001..=1_004));
    }

    #[test]
    fn a_damaged_member_is_evicted() {
        let damaged = vec!["no time".to_owned()];
        assert_eq!(gone(&damaged, 20, 1_000_000), damaged);
    }

    #[test]
    fn of_many_too_many_the_newest_few_are_evicted() {
        // Those are what this login pushed out itself; each of the others pushed out its own.
        assert_eq!(gone(&members(1..=100), 100, 1_000_000), members((76..=80).rev()));
    }

    #[test]
    fn a_login_that_many_newer_ones_overtook_evicts_itself() {
        let overtaken = members([1]).remove(0);
        assert!(gone_by(&overtaken, &members(1..=100), 1, 1_000_000).contains(&overtaken));
    }
}
