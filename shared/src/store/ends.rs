//! The ends of sessions and of users. Each is a chain of single-item writes, and every link is repeatable: after a crash the same
//! call, with the same token, goes on where it stopped.
//!
//! - A **logout** buries the session (a tombstone in its place), then takes its member out of the user's set.
//! - A **logout of all** and an **erase** bury the caller's session first, with a mark of what is unfinished; shut the user's door
//!   (`ended_at`: no login that began before it enrols any more); bury every session of the very item that the door returned; and
//!   take those members out, or wipe the user.
//!
//! The conditions, and what each is for, are in [`super::conditions`].

use super::conditions::{BURY, DOOR, MARGIN, MAX_AHEAD, TAKE_OUT, TAKE_OUT_ALL, TAKE_OUT_OLDER};
use super::item::{self, Item, get_number, get_text, number, text};
use super::write::{conditionally, put_conditionally};
use super::{Error, Found, Store};
use crate::clock::{Clock, Timestamp};
use crate::scope::Scope;
use crate::session::TokenHash;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures_util::future::try_join_all;
use std::time::Duration;

/// The extent of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The caller's session.
    Session,
    /// Every session of the user.
    Sessions,
    /// The user, with all that is stored of them.
    User,
}

impl End {
    fn mark(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Sessions => "sessions",
            Self::User => "user",
        }
    }
}

/// The remains of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The end that may not be finished, with the user and the member that it is about.
    unfinished: Option<(End, String, String)>,
    expires_at: Timestamp,
}

impl Tombstone {
    pub(super) fn read(item: &Item) -> Self {
        let mark = get_text(item, item::UNFINISHED);
        let end = [End::Session, End::Sessions, End::User].into_iter().find(|end| mark.as_deref() == Some(end.mark()));
        let of = get_text(item, item::USER_HASH).zip(get_text(item, item::MEMBER));
        Self {
            unfinished: end.zip(of).map(|(end, (user_hash, member))| (end, user_hash, member)),
            expires_at: Timestamp::from_seconds(get_number(item, item::EXPIRES_AT).unwrap_or_default()),
        }
    }

    /// Returns whether an end of all sessions goes on from here, for which the member must stay listed.
    pub(super) fn keeps_member(&self, now: Timestamp) -> bool {
        now < self.expires_at && matches!(self.unfinished, Some((End::Sessions | End::User, ..)))
    }

    fn is_unfinished(&self, end: End) -> bool {
        self.unfinished.as_ref().is_some_and(|(unfinished, ..)| *unfinished == end)
    }
}

/// An end, as its caller asks for it.
#[derive(Clone, Debug)]
pub struct Ending {
    end: End,
    hash: String,
    user_hash: String,
    member: String,
    login_at: Timestamp,
    /// The caller's session has been buried for this very end.
    repeated: bool,
}

impl Ending {
    /// The end that the holder of the token with this `hash` may ask for, by what is stored of its session: `None` if it is
    /// neither live nor buried for this very end.
    pub fn of(found: &Found, hash: &TokenHash, end: End, now: Timestamp) -> Option<Self> {
        let (user_hash, member, repeated) = match found {
            Found::Session(session) if session.is_live(now) => {
                (item::user_hash(&session.appid, &session.openid), item::member(hash, session), false)
            }
            Found::Ended(tombstone) if tombstone.is_unfinished(end) && now < tombstone.expires_at => {
                let (_, user_hash, member) = tombstone.unfinished.clone()?;
                (user_hash, member, true)
            }
            _ => return None,
        };
        let login_at = item::login_time(&member)?;
        Some(Self { end, hash: hash.as_str().to_owned(), user_hash, member, login_at, repeated })
    }
}

/// The door that an end has shut.
pub(super) struct Door {
    pub(super) at: Timestamp,
    /// The user's item behind it.
    pub(super) user: Item,
}

/// What follows on the last step of an end.
pub(super) enum Next {
    /// Nothing.
    Done,
    /// The same step, behind another's newer door that nobody came through. Two callers who each shut a door again would do so
    /// in turn for ever.
    Finish(Door),
    /// The door must be shut again.
    Shut,
}

/// The time of a door that is shut now, if the one that was there already is at `there`: each has a time of its own.
pub(super) fn door_time(clock: &Clock, there: Option<Timestamp>) -> Timestamp {
    let at = clock.now() + MARGIN;
    there.map_or(at, |there| at.max(there + Duration::from_millis(1)))
}

/// The newest login that came through a door at `at`, which took long on its way: a late copy of it would make the user again. Logins
/// from beyond `ahead` come from a broken clock.
pub(super) fn came_through(user: &Item, at: Timestamp, ahead: Timestamp) -> Option<Timestamp> {
    let times = item::members(user).iter().filter_map(|member| item::login_time(member));
    times.filter(|time| *time > at && *time <= ahead).max()
}

/// The time past which a stored time comes from a broken clock.
pub(super) fn ahead(clock: &Clock) -> Timestamp {
    clock.now() + MARGIN + MAX_AHEAD
}

impl Store {
    /// Ends what `ending` says: `false` if the token is no longer worth anything, so that nothing was done. No login that began
    /// before this call counts any more, on any instance whose clock differs by less than [`MARGIN`].
    ///
    /// # Errors
    /// If DynamoDB does not respond in time; the same call goes on then.
    pub async fn end(&self, ending: &Ending, clock: &Clock, scope: &Scope) -> Result<bool, Error> {
        if !ending.repeated {
            let there = self.bury(&ending.hash, ending.login_at, clock.now(), Some(ending), scope).await?;
            if there.is_some_and(|tombstone| !tombstone.is_unfinished(ending.end)) {
                return Ok(false);
            }
        }
        if ending.end == End::Session {
            self.take_out(&ending.user_hash, std::slice::from_ref(&ending.member), clock.now(), scope).await?;
            return Ok(true);
        }
        let (mut repeated, mut adopted) = (ending.repeated, None);
        loop {
            let door = match adopted.take() {
                Some(door) => door,
                None => match self.shut(ending, clock, scope).await? {
                    Ok(door) => door,
                    Err(user) => return Ok(repeated && done_without_member(ending, user.as_ref())),
                },
            };
            match self.finish(ending.end, Some(&ending.member), &ending.user_hash, &door, clock, scope).await? {
                Next::Done => return Ok(true),
                Next::Finish(door) => adopted = Some(door),
                Next::Shut => {}
            }
            repeated = true;
        }
    }

    /// Shuts the user's door; the inner error is the user's item, if the caller is not listed there.
    async fn shut(&self, ending: &Ending, clock: &Clock, scope: &Scope) -> Result<Result<Door, Option<Item>>, Error> {
        let mut at = door_time(clock, None);
        loop {
            let update = self
                .update_user(&ending.user_hash)
                .update_expression("SET ended_at = :at")
                .condition_expression(DOOR)
                .expression_attribute_names("#sessions", item::SESSIONS)
                .expression_attribute_values(":member", text(&ending.member))
                .expression_attribute_values(":at", number(at.millis()))
                .expression_attribute_values(":ahead", number(ahead(clock).millis()))
                .return_values(ReturnValue::AllNew);
            match conditionally(update, scope).await? {
                Ok(user) => {
                    let user = user.ok_or(Error::Corrupt)?;
                    match came_through(&user, at, ahead(clock)) {
                        None => return Ok(Ok(Door { at, user })),
                        Some(newest) => at = door_time(clock, Some(newest)),
                    }
                }
                // Another door is as new, or the response to this one was lost.
                Err(Some(user)) if item::members(&user).contains(&ending.member) => {
                    at = door_time(clock, Some(item::ended_at(&user).ok_or(Error::Corrupt)?));
                }
                Err(user) => return Ok(Err(user)),
            }
        }
    }

    /// Buries the sessions behind the door, but for the caller's own, and takes them out or wipes the user.
    pub(super) async fn finish(
        &self,
        end: End,
        own: Option<&String>,
        user_hash: &str,
        door: &Door,
        clock: &Clock,
        scope: &Scope,
    ) -> Result<Next, Error> {
        let members = item::members(&door.user);
        let others = members.iter().filter(|member| Some(*member) != own);
        try_join_all(others.map(|member| {
            let login_at = item::login_time(member).unwrap_or(door.at);
            self.bury(item::hash_in(member), login_at, door.at, None, scope)
        }))
        .await?;
        let Err(user) = (match end {
            End::User => {
                self.record_erasure(user_hash, door.at, scope).await?;
                self.wipe(user_hash, door, scope).await?
            }
            End::Session | End::Sessions if members.is_empty() => return Ok(Next::Done),
            End::Session | End::Sessions => {
                let update = self
                    .update_user(user_hash)
                    .update_expression("DELETE #sessions :members")
                    .condition_expression(TAKE_OUT_ALL)
                    .expression_attribute_names("#sessions", item::SESSIONS)
                    .expression_attribute_values(":members", AttributeValue::Ss(members.to_vec()))
                    .expression_attribute_values(":at", number(door.at.millis()));
                conditionally(update, scope).await?
            }
        }) else {
            return Ok(Next::Done);
        };
        let Some(user) = user.filter(|user| user.contains_key(item::ID)) else {
            return Ok(Next::Done);
        };
        let listed = own.is_some_and(|own| item::members(&user).contains(own));
        if !listed {
            return Ok(if end == End::User { Next::Shut } else { Next::Done });
        }
        let at = item::ended_at(&user).ok_or(Error::Corrupt)?;
        let nobody_came = came_through(&user, at, ahead(clock)).is_none();
        Ok(if nobody_came && at <= ahead(clock) { Next::Finish(Door { at, user }) } else { Next::Shut })
    }

    /// Puts a tombstone in the place of the session of a login at `login_at`: the tombstone that is there already, if any.
    pub(super) async fn bury(
        &self,
        hash: &str,
        login_at: Timestamp,
        now: Timestamp,
        unfinished: Option<&Ending>,
        scope: &Scope,
    ) -> Result<Option<Tombstone>, Error> {
        // Never older than the login itself: no clock matters to a late copy of it.
        let mut tombstone = item::tombstone(item::TOKEN_HASH, hash, now.max(login_at));
        if let Some(ending) = unfinished {
            tombstone.insert(item::UNFINISHED.to_owned(), text(ending.end.mark()));
            tombstone.insert(item::USER_HASH.to_owned(), text(&ending.user_hash));
            tombstone.insert(item::MEMBER.to_owned(), text(&ending.member));
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.sessions)
            .set_item(Some(tombstone))
            .condition_expression(BURY)
            .expression_attribute_values(":login_at", number(login_at.millis()));
        Ok(match put_conditionally(put, scope).await? {
            Ok(_) => None,
            Err(there) => Some(Tombstone::read(&there.unwrap_or_default())),
        })
    }

    /// Takes buried members out of the user's set, and remembers how new they were.
    pub(super) async fn take_out(
        &self,
        user_hash: &str,
        members: &[String],
        now: Timestamp,
        scope: &Scope,
    ) -> Result<(), Error> {
        let update = |expression: &str, condition: &str| {
            self.update_user(user_hash)
                .update_expression(format!("{expression}DELETE #sessions :members"))
                .condition_expression(condition)
                .expression_attribute_names("#sessions", item::SESSIONS)
                .expression_attribute_values(":members", AttributeValue::Ss(members.to_vec()))
        };
        if let Some(newest) = members.iter().filter_map(|member| item::login_time(member)).max() {
            let update = update("SET gone_at = :newest ", TAKE_OUT)
                .expression_attribute_values(":newest", number(newest.millis()))
                .expression_attribute_values(":ahead", number((now + MARGIN + MAX_AHEAD).millis()));
            let Err(Some(user)) = conditionally(update, scope).await? else {
                return Ok(());
            };
            if !members.iter().any(|member| item::members(&user).contains(member)) {
                return Ok(());
            }
        }
        conditionally(update("", TAKE_OUT_OLDER), scope).await.map(drop)
    }
}

/// Returns whether an end whose caller is no longer listed has been done by another attempt.
fn done_without_member(ending: &Ending, user: Option<&Item>) -> bool {
    match ending.end {
        End::Session | End::Sessions => true,
        End::User => user.is_none_or(|user| !user.contains_key(item::ID) || created_at(user) > ending.login_at),
    }
}

pub(super) fn created_at(user: &Item) -> Timestamp {
    Timestamp::from_millis(get_number(user, item::CREATED_AT).unwrap_or_default())
}
