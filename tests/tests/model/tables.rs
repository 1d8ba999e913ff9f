//! The tables as DynamoDB keeps them: every write is atomic, and holds its conditions or does nothing.

use super::design::{Design, Part};

/// How many codes of `wx.login` there are, and so how many sessions can be. Code, token and session have one number:
/// the token is a function of the code.
pub const CODES: usize = 3;

/// A login: which code, when it began, when WeChat had answered, and the how manyth it was of all (for the promises only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login {
    pub code: usize,
    pub began: u8,
    pub created: u8,
    pub serial: u8,
}

/// An item of the sessions table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    Absent,
    Open(Login),
    Ended { at: u8 },
}

/// The user's sessions: by code, when each was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Members(pub [Option<u8>; CODES]);

impl Members {
    pub fn len(&self) -> usize {
        self.codes().count()
    }

    pub fn has(&self, code: usize) -> bool {
        self.0[code].is_some()
    }

    pub fn codes(&self) -> impl Iterator<Item = usize> + use<> {
        let set = self.0;
        (0..CODES).filter(move |code| set[*code].is_some())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone {
    /// The login whose session brought it.
    pub by: Login,
    pub at: u8,
    /// The code of the phone button.
    pub code: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    pub members: Members,
    pub ended_at: Option<u8>,
    pub phone: Option<Phone>,
    /// The login that made the user; `None` if something else did.
    pub made_by: Option<u8>,
}

/// How a login finds room in the user's set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Free,
    Made { seen: Members, kept: Members },
}

/// A write on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Write {
    LogIn { login: Login, place: Place, now: u8 },
    LogOut { code: usize, now: u8 },
    LogOutAll { seen: Members, now: u8 },
    Erase { seen: Members, now: u8 },
    Phone(Phone),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The session is there already, and lives.
    AlreadyOpen,
    /// What the write belongs to has ended.
    Refused,
    /// The user's sessions are others than expected: these.
    Others(Members),
    /// A newer phone number is there.
    Newer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tables {
    pub user: Option<User>,
    pub sessions: [Row; CODES],
    /// The tombstone of the erased user.
    pub erased_at: Option<u8>,
}

impl Tables {
    /// Does what `write` says if its conditions hold. `most` sessions a user has at most; each lives for `life`.
    pub fn apply(&mut self, write: &Write, design: Design, most: usize, life: u8) -> Outcome {
        match *write {
            Write::LogIn { login, place, now } => self.log_in(login, place, now, design, (most, life)),
            Write::LogOut { code, now } => {
                if self.user.is_none() && design.has(Part::LogoutNeedsUser) {
                    return Outcome::Refused;
                }
                // Like DynamoDB's `UpdateItem`: without a condition it makes the item that it does not find.
                self.user.get_or_insert_default().members.0[code] = None;
                let tombstone = design.has(Part::LogoutLeavesTombstone);
                self.sessions[code] = if tombstone { Row::Ended { at: now } } else { Row::Absent };
                Outcome::Done
            }
            Write::LogOutAll { seen, now } => {
                let compares = design.has(Part::LogoutOfAllComparesSet);
                let user = self.user.as_mut().filter(|user| !compares || user.members == seen);
                let Some(user) = user else { return Outcome::Refused };
                user.members = Members::default();
                user.ended_at = Some(now);
                self.end(seen, now);
                Outcome::Done
            }
            Write::Erase { seen, now } => {
                let compares = design.has(Part::EraseComparesSet);
                if compares && self.user.is_none_or(|user| user.members != seen) {
                    return Outcome::Refused;
                }
                self.user = None;
                self.erased_at = Some(now);
                self.end(seen, now);
                Outcome::Done
            }
            Write::Phone(phone) => {
                let member = |user: &&mut User| !design.has(Part::PhoneNeedsSession) || user.members.has(phone.by.code);
                let Some(user) = self.user.as_mut().filter(member) else { return Outcome::Refused };
                if design.has(Part::NewestPhoneWins) && user.phone.is_some_and(|there| there.at > phone.at) {
                    return Outcome::Newer;
                }
                user.phone = Some(phone);
                Outcome::Done
            }
        }
    }

    fn log_in(&mut self, login: Login, place: Place, now: u8, design: Design, (most, life): (usize, u8)) -> Outcome {
        let strictly = design.has(Part::SameTimeIsBefore);
        let counts_after = |end: u8| login.began > end || (!strictly && login.began == end);
        match self.sessions[login.code] {
            Row::Open(there) if login.created < there.created.saturating_add(life) => return Outcome::AlreadyOpen,
            Row::Ended { at } if design.has(Part::LoginChecksEndOfSession) && !counts_after(at) => {
                return Outcome::Refused;
            }
            _ => {}
        }
        let user = self.user.unwrap_or(User { made_by: Some(login.serial), ..User::default() });
        let erased_at = self.erased_at.filter(|_| design.has(Part::LoginChecksErase));
        let ended_at = user.ended_at.filter(|_| design.has(Part::LoginChecksLogoutOfAll));
        if [erased_at, ended_at].into_iter().flatten().any(|end| !counts_after(end)) {
            return Outcome::Refused;
        }
        let mut members = user.members;
        match place {
            Place::Free if members.len() >= most => return Outcome::Others(members),
            Place::Made { seen, .. } if design.has(Part::MakingRoomComparesSet) && members != seen => {
                return Outcome::Others(members);
            }
            Place::Free => members.0[login.code] = Some(login.created),
            Place::Made { seen, kept } => {
                let tombstone = design.has(Part::GivingWayLeavesTombstone);
                for code in seen.codes().filter(|code| !kept.has(*code)) {
                    self.sessions[code] = if tombstone { Row::Ended { at: now } } else { Row::Absent };
                }
                members = kept;
            }
        }
        self.sessions[login.code] = Row::Open(login);
        self.user = Some(User { members, ..user });
        Outcome::Done
    }

    fn end(&mut self, members: Members, now: u8) {
        for code in members.codes() {
            self.sessions[code] = Row::Ended { at: now };
        }
    }
}
