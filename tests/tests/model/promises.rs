//! What must always hold, and what must be possible.

use super::scenario::Call;
use super::sessions::Sessions;
use super::state::{Answer, Sent, State, Step};
use super::tables::{AHEAD, CODES, Kind, Row, Tables, Write, bit, codes};
use stateright::{Expectation, Property};

pub const ENDED: &str = "a session that has ended never works again, nor does one of a login that was under way";
pub const ERASED: &str = "an erased user does not come back, nor does their phone number";
pub const OWNED: &str = "no session works without its user, whose set has it";
pub const RECORDED: &str = "a user who is erased is recorded as erased, and one who came back as newer";
pub const PHONE: &str = "a phone number never lands after the end of its session was answered";
pub const RELISTED: &str = "a session that has ended is not listed again, nor makes a user";
pub const NEWEST: &str = "a phone number never takes the place of a newer one";
pub const LATE: &str = "a code whose session has ended is not answered with the token";
pub const REFUSED: &str = "a login whose session is nobody's to end is not refused";
pub const ROOM: &str = "a user never has more sessions than may be";
pub const AGAIN: &str = "a call that has finished ends nothing when it is repeated";
pub const SPARED: &str = "a withdrawal spares a user made since";
pub const LOCKED: &str = "a time in the far future locks nobody out";
pub const STUCK: &str = "nobody waits for what never comes";
/// The one that must be possible.
pub const ANSWERED: &str = "everybody is answered in the end";

/// Those of them that a single step breaks.
const BY_A_STEP: [&str; 8] = [RELISTED, PHONE, NEWEST, LATE, REFUSED, AGAIN, SPARED, LOCKED];

/// What must hold from now on. No part of the product: the checker's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Promises {
    /// How many logins have begun.
    pub logins: u8,
    /// The sessions that were buried: they never work again.
    buried: u8,
    /// The sessions whose own logout was answered.
    logged_out: u8,
    /// The sessions of all logins before this one have ended for good.
    ended_before: u8,
    /// What logins before this one have brought is erased.
    erased_before: u8,
    /// How many logins had begun when a token's last door was sent, of those that were shut; the last is the
    /// withdrawal's.
    doors: [u8; CODES + 1],
    /// The tokens whose logout of all or erase went through to its last write.
    finished: u8,
    /// An hour has passed since.
    forgotten: bool,
    /// The promises of `BY_A_STEP` that were broken, as bits.
    broken: u8,
}

impl Promises {
    pub fn breaks(&mut self, promise: &str) {
        let index = BY_A_STEP.iter().position(|known| *known == promise).expect("one of them");
        self.broken |= 1 << index;
    }

    fn has_broken(&self, promise: &str) -> bool {
        BY_A_STEP.iter().enumerate().any(|(index, known)| *known == promise && self.broken & (1 << index) != 0)
    }

    /// After an hour a call that crashed no longer goes on: nothing is promised of it.
    pub fn forget(&mut self) {
        self.forgotten = true;
    }

    /// What a write promises that went through; `before` are the tables before it.
    pub fn remember(&mut self, sent: &Sent, before: &Tables, after: &Tables) {
        match sent.write {
            Write::Bury { code, .. } => self.buried |= bit(code),
            Write::Enrol { code } if self.buried & bit(code) != 0 && !before.has(code) => self.breaks(RELISTED),
            Write::Door { by, .. } => {
                if self.finished & bit(by) != 0 {
                    self.breaks(AGAIN);
                }
                self.doors[by] = self.doors[by].max(sent.logins_before);
            }
            Write::DoorOfEvent { event, .. } => {
                if before.user.and_then(|user| user.id).is_some_and(|(_, created)| created > event) {
                    self.breaks(SPARED);
                }
                self.doors[CODES] = self.doors[CODES].max(sent.logins_before);
            }
            Write::TakeOutAll { .. } | Write::Wipe { .. } => {
                let gone = before.user.map_or(0, |user| user.set) & !after.user.map_or(0, |user| user.set);
                for code in codes(gone).filter(|code| self.doors[*code] > 0) {
                    self.finished |= bit(code);
                }
            }
            Write::Phone(phone) => {
                let ended = before.login(phone.by).serial < self.ended_before || self.logged_out & bit(phone.by) != 0;
                if ended {
                    self.breaks(PHONE);
                }
                if before.user.and_then(|user| user.phone).is_some_and(|there| there.at > phone.at) {
                    self.breaks(NEWEST);
                }
            }
            _ => {}
        }
    }

    /// What the response to a call promises.
    pub fn answer(&mut self, call: Call, answer: Answer, tables: &Tables) {
        match (call, answer) {
            (Call::LogOut(code), Answer::Done) => self.logged_out |= bit(code),
            (Call::LogOutAll(code) | Call::Erase(code), Answer::Done) => {
                let before = self.doors[code];
                self.ended_before = self.ended_before.max(before);
                if matches!(call, Call::Erase(_)) {
                    self.erased_before = self.erased_before.max(before);
                }
            }
            (Call::LogOutAll(code), Answer::Unauthorized) => {
                // An hour later it is forgotten; and of two kinds of calls the first counts.
                let ours = match tables.sessions[code] {
                    Row::Absent => false,
                    Row::Open => true,
                    Row::Tombstone { unfinished, .. } => unfinished.is_none_or(|kind| kind == Kind::Sessions),
                };
                if ours && !self.forgotten {
                    self.ended_before = self.ended_before.max(self.doors[code]);
                }
            }
            // Another session's logout of all has ended everything; the user stays.
            (Call::Erase(code), Answer::Unauthorized) if tables.unfinished(code) == Some(Kind::User) => {
                self.ended_before = self.ended_before.max(self.doors[code]);
            }
            (Call::Withdraw(_), Answer::Done) => {
                self.ended_before = self.ended_before.max(self.doors[CODES]);
                self.erased_before = self.erased_before.max(self.doors[CODES]);
            }
            _ => {}
        }
    }

    /// A login was refused, by the user's item as it stands, or by its session's tombstone.
    pub fn refuse(&mut self, tables: &Tables, code: usize) {
        let buried = matches!(tables.sessions[code], Row::Tombstone { .. });
        if tables.has(code) && !buried {
            self.breaks(REFUSED);
        }
        let login = tables.login(code);
        let Some(user) = tables.user.filter(|_| !buried) else { return };
        let in_the_way = |time: Option<u8>, than: u8| time.is_some_and(|time| time <= AHEAD && time >= than);
        if !in_the_way(user.ended_at, login.began) && !in_the_way(user.gone_at, login.created) {
            self.breaks(LOCKED);
        }
    }
}

pub fn all() -> Vec<Property<Sessions>> {
    let always = Property::<Sessions>::always;
    let mut all = vec![
        always(ENDED, |_, state| {
            let promises = &state.promises;
            open(state).all(|code| {
                promises.buried & bit(code) == 0 && state.tables.login(code).serial >= promises.ended_before
            })
        }),
        always(ERASED, |_, state| {
            let stays_erased = |serial: u8| serial >= state.promises.erased_before;
            state.tables.user.is_none_or(|user| {
                user.id.is_none_or(|(serial, _)| stays_erased(serial))
                    && user.phone.is_none_or(|phone| stays_erased(state.tables.login(phone.by).serial))
            })
        }),
        always(OWNED, |model, state| {
            open(state).all(|code| state.tables.has(code) || !state.lives(code, model.scenario.life))
        }),
        always(RECORDED, |_, state| match state.tables.user {
            Some(user) if user.id.is_none() => user.ended_at <= state.tables.erased_at,
            Some(user) => user.id.is_none_or(|(serial, created)| {
                // An erase that crashed has its record too.
                let came_back = serial > 0 && serial >= state.promises.erased_before;
                !came_back
                    || state.promises.erased_before == 0
                    || state.tables.erased_at.is_none_or(|at| created > at)
                    || state.promises.doors.iter().any(|door| *door > serial)
            }),
            None => true,
        }),
        always(ROOM, |model, state| {
            open(state).filter(|code| state.lives(*code, model.scenario.life)).count() <= model.scenario.most
        }),
        always(STUCK, |model, state| {
            (0..state.instances.len()).all(|index| {
                let acts = match state.instances[index].step {
                    Step::Idle | Step::AskWho { .. } | Step::Look | Step::LookForNumber | Step::Answered(_) => true,
                    _ => state.waits(index),
                };
                acts || model.call(state, index).is_none()
            })
        }),
        Property {
            expectation: Expectation::Sometimes,
            name: ANSWERED,
            condition: |model, state| {
                let finished =
                    |index: usize| state.instances[index].step == Step::Idle && model.call(state, index).is_none();
                (0..state.instances.len()).all(finished)
            },
        },
    ];
    all.extend([
        always(RELISTED, |_, state| !state.promises.has_broken(RELISTED)),
        always(PHONE, |_, state| !state.promises.has_broken(PHONE)),
        always(NEWEST, |_, state| !state.promises.has_broken(NEWEST)),
        always(LATE, |_, state| !state.promises.has_broken(LATE)),
        always(REFUSED, |_, state| !state.promises.has_broken(REFUSED)),
        always(AGAIN, |_, state| !state.promises.has_broken(AGAIN)),
        always(SPARED, |_, state| !state.promises.has_broken(SPARED)),
        always(LOCKED, |_, state| !state.promises.has_broken(LOCKED)),
    ]);
    all
}

fn open(state: &State) -> impl Iterator<Item = usize> {
    state.tables.sessions.iter().enumerate().filter(|(_, row)| **row == Row::Open).map(|(code, _)| code)
}
