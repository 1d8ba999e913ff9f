//! The tables as DynamoDB keeps them: every write is atomic, and holds its condition or does nothing.

use super::condition::{Item, Values};
use super::design::{Conditions, Design, Part};

/// How many codes of `wx.login` there are, and so how many sessions can be. Code, token and session have one number:
/// the token is a function of the code, and WeChat exchanges a code once.
pub const CODES: usize = 3;

/// Times beyond this come from a broken clock.
pub const AHEAD: u8 = 50;

/// A login: when it began, when WeChat had answered, and the how manyth it was of all (for the promises only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    pub began: u8,
    pub created: u8,
    pub serial: u8,
}

/// What a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Session,
    Sessions,
    User,
}

/// An item of the sessions table. Which login opened it follows from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    Absent,
    Open,
    Tombstone { at: u8, unfinished: Option<Kind> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone {
    /// The code of the session that brought it.
    pub by: usize,
    pub at: u8,
    /// The code of the phone button: each page has one.
    pub code: usize,
}

/// An item of the users table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// The serial of the login that made the user, and its time; `None` in a tombstone.
    pub id: Option<(u8, u8)>,
    /// The members as bits, one a code.
    pub set: u8,
    pub ended_at: Option<u8>,
    pub gone_at: Option<u8>,
    pub phone: Option<Phone>,
}

/// A write on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Write {
    Enrol { code: usize },
    Open { code: usize, now: u8 },
    Bury { code: usize, at: u8, unfinished: Option<Kind> },
    TakeOut { members: u8, newest: u8 },
    TakeOutOlder { members: u8 },
    Door { by: usize, at: u8 },
    DoorOfEvent { event: u8, at: u8 },
    TakeOutAll { members: u8, at: u8 },
    Record { at: u8 },
    Wipe { seen: u8, at: u8 },
    Phone(Phone),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tables {
    pub user: Option<User>,
    pub sessions: [Row; CODES],
    /// The record of the user's last erase.
    pub erased_at: Option<u8>,
    /// The login of each code that WeChat has exchanged: what each write carries along.
    pub logins: [Option<Login>; CODES],
}

impl Tables {
    pub fn has(&self, code: usize) -> bool {
        self.user.is_some_and(|user| user.set & bit(code) != 0)
    }

    pub fn login(&self, code: usize) -> Login {
        self.logins[code].expect("a code that was exchanged")
    }

    pub fn unfinished(&self, code: usize) -> Option<Kind> {
        match self.sessions[code] {
            Row::Tombstone { unfinished, .. } => unfinished,
            _ => None,
        }
    }

    fn user_item(&self) -> Item {
        let Some(user) = self.user else { return Item::default() };
        Item::default()
            .with("id", user.id.map(|_| 0))
            .with("created_at", user.id.map(|(_, created)| created))
            // DynamoDB keeps no empty set.
            .with("#sessions", Some(user.set).filter(|set| *set != 0))
            .with("ended_at", user.ended_at)
            .with("gone_at", user.gone_at)
            .with("phone_at", user.phone.map(|phone| phone.at))
    }

    fn session_item(&self, code: usize, life: u8) -> Item {
        let item = Item::default().with("token_hash", Some(0));
        match self.sessions[code] {
            Row::Absent => Item::default(),
            Row::Open => item.with("expires_at", Some(self.login(code).created.saturating_add(life))),
            Row::Tombstone { at, .. } => item.with("ended_at", Some(at)).with("expires_at", Some(u8::MAX)),
        }
    }

    /// Does what `write` says if its condition holds: whether it did. Each session lives for `life`.
    pub fn apply(&mut self, write: &Write, conditions: &Conditions, design: Design, life: u8) -> bool {
        let values = Values::default().with(":ahead", AHEAD);
        let user_item = self.user_item();
        // `UpdateItem` makes the item that it does not find.
        let user = self.user.unwrap_or_default();
        match *write {
            Write::Enrol { code } => {
                let login = self.login(code);
                let values = values.with(":began", login.began).with(":login_at", login.created);
                if !conditions.enrol.holds(&user_item, &values) {
                    return false;
                }
                let id = user.id.or(Some((login.serial, login.created)));
                self.user = Some(User { id, set: user.set | bit(code), ..user });
            }
            Write::Open { code, now } => {
                let values = values.with(":now", now).with(":began", self.login(code).began);
                if !conditions.open.holds(&self.session_item(code, life), &values) {
                    return false;
                }
                self.sessions[code] = Row::Open;
            }
            Write::Bury { code, at, unfinished } => {
                let values = values.with(":login_at", self.login(code).created);
                if !conditions.bury.holds(&self.session_item(code, life), &values) {
                    return false;
                }
                let leaves = match unfinished {
                    None => design.has(Part::BuriedLeaveTombstones),
                    Some(_) => design.has(Part::CallersLeaveTombstones),
                };
                self.sessions[code] = if leaves { Row::Tombstone { at, unfinished } } else { Row::Absent };
            }
            Write::TakeOut { members, newest } => {
                if !conditions.take_out.holds(&user_item, &values.with(":newest", newest)) {
                    return false;
                }
                let gone_at = if design.has(Part::TakeOutRaisesGoneAt) { Some(newest) } else { user.gone_at };
                self.user = Some(User { set: user.set & !members, gone_at, ..user });
            }
            Write::TakeOutOlder { members } => {
                if !conditions.take_out_older.holds(&user_item, &values) {
                    return false;
                }
                self.user = Some(User { set: user.set & !members, ..user });
            }
            Write::Door { by, at } => {
                let values = values.with(":member", bit(by)).with(":at", at);
                if !conditions.door.holds(&user_item, &values) {
                    return false;
                }
                self.user = Some(User { ended_at: Some(at), ..user });
            }
            Write::DoorOfEvent { event, at } => {
                if !conditions.door_of_event.holds(&user_item, &values.with(":event", event).with(":at", at)) {
                    return false;
                }
                self.user = Some(User { ended_at: Some(at), ..user });
            }
            Write::TakeOutAll { members, at } => {
                if !conditions.take_out_all.holds(&user_item, &values.with(":at", at)) {
                    return false;
                }
                self.user = Some(User { set: user.set & !members, ..user });
            }
            Write::Record { at } => {
                let item = Item::default().with("erased_at", self.erased_at);
                if !conditions.erasure.holds(&item, &values.with(":at", at)) {
                    return false;
                }
                self.erased_at = Some(at);
            }
            Write::Wipe { seen, at } => {
                let wipe = if seen == 0 { &conditions.wipe_without_sessions } else { &conditions.wipe };
                if !wipe.holds(&user_item, &values.with(":seen", seen).with(":at", at)) {
                    return false;
                }
                let tombstone = User { ended_at: Some(at), gone_at: user.gone_at, ..User::default() };
                self.user = Some(tombstone).filter(|_| design.has(Part::WipeLeavesTombstone));
            }
            Write::Phone(phone) => {
                let values = values.with(":member", bit(phone.by)).with(":phone_at", phone.at);
                if !conditions.phone.holds(&user_item, &values) {
                    return false;
                }
                self.user = Some(User { phone: Some(phone), ..user });
            }
        }
        true
    }
}

pub const fn bit(code: usize) -> u8 {
    1 << code
}

pub fn codes(set: u8) -> impl Iterator<Item = usize> {
    (0..CODES).filter(move |code| set & bit(*code) != 0)
}
