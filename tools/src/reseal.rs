//! Sealing the stored phone numbers again, after the keyring got another current key.

use miniprogram::Scope;
use miniprogram::deadline::Deadline;
use miniprogram::keyring::{Keyring, SealError};
use miniprogram::store::{SealedPhone, Store, UserPhone};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the walk goes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many users are read at once.
    pub page: i32,
    /// How many users are written in a second, at most.
    pub per_second: u32,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// What became of the numbers so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Numbers that were looked at.
    pub seen: usize,
    /// Numbers that were sealed under the current key, or would have been.
    pub sealed: usize,
    /// Numbers that were no longer what they were when it came to writing them, and were left alone.
    pub changed: usize,
    /// Numbers that do not open, and were left alone.
    pub closed: usize,
}

/// A walk through the users table. It keeps no mark of where it is: what is sealed under the current key is
/// passed by, so a walk that was stopped is finished by the next one.
pub struct Walk<'a> {
    store: &'a Store,
    keyring: &'a Keyring,
    options: Options,
    pace: Interval,
    /// Where the next page begins; `None` after the last one.
    next: Option<Start>,
    report: Report,
}

enum Start {
    First,
    After(String),
}

impl<'a> Walk<'a> {
    /// A walk that begins with the first user.
    pub fn new(store: &'a Store, keyring: &'a Keyring, options: Options) -> Self {
        let mut pace = interval(Duration::from_secs(1) / options.per_second.max(1));
        // After a slow write the next ones come no faster.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { store, keyring, options, pace, next: Some(Start::First), report: Report::default() }
    }

    /// What became of the numbers so far.
    pub fn report(&self) -> Report {
        self.report
    }

    /// Reads the next page; `None` after the last one.
    ///
    /// # Errors
    /// If DynamoDB does not answer. The walk may go on with the same page.
    pub async fn read(&mut self) -> Result<Option<Vec<UserPhone>>, String> {
        let after = match &self.next {
            None => return Ok(None),
            Some(Start::First) => None,
            Some(Start::After(user_hash)) => Some(user_hash.as_str()),
        };
        let page = self.store.phones(after, self.options.page, &scope()).await.map_err(stopped)?;
        self.next = page.next.map(Start::After);
        Ok(Some(page.phones))
    }

    /// Seals what of a page is not sealed under the current key.
    ///
    /// # Errors
    /// If DynamoDB does not answer. Another walk finds what is left.
    pub async fn seal(&mut self, phones: &[UserPhone]) -> Result<(), String> {
        for user in phones {
            self.report.seen += 1;
            if self.keyring.is_current(&user.phone.number) {
                continue;
            }
            let Ok(new) = self.sealed_again(user) else {
                self.report.closed += 1;
                continue;
            };
            if self.options.dry_run {
                self.report.sealed += 1;
                continue;
            }
            self.pace.tick().await;
            let replaced = self
                .store
                .replace_phone(&user.user_hash, &user.phone.number, &new.number, &scope())
                .await
                .map_err(stopped)?;
            *(if replaced { &mut self.report.sealed } else { &mut self.report.changed }) += 1;
        }
        Ok(())
    }

    fn sealed_again(&self, user: &UserPhone) -> Result<SealedPhone, SealError> {
        let (whose, SealedPhone { country_code, at, .. }) = ((user.appid.as_str(), user.openid.as_str()), &user.phone);
        let number = user.phone.open(self.keyring, whose)?;
        SealedPhone::seal(self.keyring, whose, &number, country_code, *at)
    }
}

fn scope() -> Scope {
    Scope::until(Deadline::of_invocation(PATIENCE))
}

fn stopped(error: miniprogram::store::Error) -> String {
    let cause = miniprogram::Error::from(error).cause;
    format!("stopped ({cause}): run it again, and it goes on with what is left")
}
