//! What follows on a restore of the users table, which brings back users who were erased since the backup, and forgets the
//! sessions that were opened since. Both walks may run while users log in, and may be repeated.

use super::ends::ahead;
use super::item::{self, Item, get_number, get_text, text};
use super::{Error, Store, WORDS, within};
use crate::clock::{Clock, Timestamp};
use crate::scope::Scope;
use crate::session::Session;

/// The outcome of a page of erasures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasuresReplayed {
    /// Users who had come back with the backup, and were erased again.
    pub erased: usize,
    /// Users who logged in after their erasure was recorded, and stay.
    pub kept: usize,
    /// Erasures whose time lies ahead: a broken clock wrote them. They were left alone.
    pub ahead: usize,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<String>,
}

/// The outcome of a page of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionsEnded {
    /// Live sessions that their users did not know, and were ended.
    pub ended: usize,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<String>,
}

impl Store {
    /// Repeats a page of at most `max` erasures, from the beginning or after the end of the page before.
    ///
    /// # Errors
    /// If DynamoDB does not respond in time. The page may be repeated.
    pub async fn replay_erasures(
        &self,
        after: Option<&str>,
        max: i32,
        clock: &Clock,
        scope: &Scope,
    ) -> Result<ErasuresReplayed, Error> {
        let (items, next) = self.page(self.erasures_table()?, item::USER_HASH, after, max, scope).await?;
        let mut report = ErasuresReplayed { next, ..ErasuresReplayed::default() };
        for erasure in &items {
            let user_hash = get_text(erasure, item::USER_HASH).ok_or(Error::Corrupt)?;
            let erased_at = Timestamp::from_millis(get_number(erasure, item::ERASED_AT).ok_or(Error::Corrupt)?);
            if erased_at > ahead(clock) {
                report.ahead += 1;
                continue;
            }
            let Some(user) = self.read(&self.users, item::USER_HASH, &user_hash, scope).await? else {
                continue;
            };
            // An erase that crashed before its end, and was not repeated, has a user who used the back end since.
            if was_active_since(&user, erased_at) {
                report.kept += 1;
                continue;
            }
            let erased = self.erase_for_event(&user_hash, erased_at, clock, scope).await?;
            *(if erased { &mut report.erased } else { &mut report.kept }) += usize::from(user.contains_key(item::ID));
        }
        Ok(report)
    }

    /// Ends, of a page of at most `max` sessions, those that their users' sets do not list: a logout of all, and an erase, would
    /// miss them. A login enrols before it opens, so one that is under way is listed.
    ///
    /// # Errors
    /// If DynamoDB does not respond in time. The page may be repeated.
    pub async fn end_unlisted_sessions(
        &self,
        after: Option<&str>,
        max: i32,
        clock: &Clock,
        scope: &Scope,
    ) -> Result<SessionsEnded, Error> {
        let (items, next) = self.page(&self.sessions, item::TOKEN_HASH, after, max, scope).await?;
        let mut report = SessionsEnded { ended: 0, next };
        for item in items.iter().filter(|item| !item::is_tombstone(item)) {
            let hash = get_text(item, item::TOKEN_HASH).ok_or(Error::Corrupt)?;
            let Some(session) = item::session(item).filter(|session| session.is_live(clock.now())) else {
                continue;
            };
            let Session { appid, openid, created_at, .. } = &session;
            let user = self.read(&self.users, item::USER_HASH, &item::user_hash(appid, openid), scope).await?;
            let member = item::member_of(&hash, *created_at);
            if !user.is_some_and(|user| item::members(&user).contains(&member)) {
                self.bury(&hash, *created_at, clock.now(), None, scope).await?;
                report.ended += 1;
            }
        }
        Ok(report)
    }

    /// A page of a table, and where the next one begins.
    async fn page(
        &self,
        table: &str,
        key: &str,
        after: Option<&str>,
        max: i32,
        scope: &Scope,
    ) -> Result<(Vec<Item>, Option<String>), Error> {
        let start = after.map(|after| Item::from([(key.to_owned(), text(after))]));
        let scan = self.client.scan().table_name(table).consistent_read(true).limit(max).set_exclusive_start_key(start);
        let send = async { scan.send().await.map_err(|error| Error::Aws(WORDS.read(&error))) };
        let page = within(scope, send).await?;
        let next = page.last_evaluated_key().and_then(|last| get_text(last, key));
        Ok((page.items.unwrap_or_default(), next))
    }
}

/// Returns whether a session of this user was opened after `time`.
fn was_active_since(user: &Item, time: Timestamp) -> bool {
    let gone_at = get_number(user, item::GONE_AT).map(Timestamp::from_millis);
    let opened = item::members(user).iter().filter_map(|member| item::login_time(member));
    opened.chain(gone_at).any(|opened| opened > time)
}
