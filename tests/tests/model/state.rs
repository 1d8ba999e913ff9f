//! A state of everything: tables, what is on its way, the instances, and what was promised.

use super::promises::Promises;
use super::scenario::{ACTORS, Scenario};
use super::tables::{CODES, Kind, Login, Row, Tables, User, Write, bit};
use std::collections::BTreeSet;

/// The response that a page gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The token of the code.
    Token,
    /// Done; for the phone: the number.
    Done,
    InvalidCode,
    Unauthorized,
}

/// Where an instance is in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The page has not called yet, or will repeat its call.
    Idle,
    /// Login: about to ask WeChat.
    AskWho {
        began: u8,
        serial: u8,
    },
    /// Login: WeChat says that the code was used; about to look for its session.
    Look,
    /// Login: waits for the writes of this name.
    Enrolling,
    Evicting {
        evicted: u8,
    },
    /// Opens the session, unless there is an answer already; and takes the evicted out.
    Opening {
        answer: Option<Answer>,
        taking: bool,
    },
    /// Logout, logout of all, erase: buries the caller's session.
    Marking {
        kind: Kind,
        seen: u8,
    },
    TakingOut,
    /// `again` if this is a repetition, or has shut a door before.
    ShuttingDoor {
        again: bool,
        seen: u8,
    },
    Burying {
        set: u8,
        at: u8,
    },
    Recording {
        set: u8,
        at: u8,
    },
    TakingOutAll,
    Wiping {
        at: u8,
    },
    /// Only without [`super::design::Part::RecordBeforeWipe`].
    RecordingLast,
    /// Phone: WeChat refuses the code; about to look for its number.
    LookForNumber,
    KeepingPhone,
    /// The answer is on its way to the page.
    Answered(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Which call of the script.
    pub call: u8,
    pub step: Step,
    /// The session of the code had ended before this call began.
    pub too_late: bool,
}

/// A write on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    pub write: Write,
    /// Who waits for it.
    pub by: Option<u8>,
    /// It has arrived before.
    pub copy: bool,
    /// Door only: how many logins had begun when it was sent.
    pub logins_before: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub clock: u8,
    pub tables: Tables,
    /// The phone codes that WeChat has exchanged, as bits.
    pub phones_used: u8,
    pub on_the_way: BTreeSet<Sent>,
    pub crashes_left: u8,
    pub copies_left: u8,
    pub hour_left: bool,
    pub instances: [Instance; ACTORS],
    pub promises: Promises,
}

impl State {
    pub fn start(scenario: &Scenario) -> Self {
        let instance = Instance { call: 0, step: Step::Idle, too_late: false };
        let mut tables = Tables { user: None, sessions: [Row::Absent; CODES], erased_at: None, logins: [None; CODES] };
        let mut promises = Promises::default();
        for code in 0..scenario.open {
            let [ended_at, gone_at] = scenario.broken_clock;
            let user = tables.user.get_or_insert(User { id: Some((0, 0)), ended_at, gone_at, ..User::default() });
            user.set |= bit(code);
            tables.sessions[code] = Row::Open;
            tables.logins[code] = Some(Login { began: 0, created: 0, serial: promises.logins });
            promises.logins += 1;
        }
        Self {
            clock: 1,
            tables,
            phones_used: 0,
            on_the_way: BTreeSet::new(),
            crashes_left: scenario.crashes,
            copies_left: scenario.copies,
            hour_left: scenario.hour,
            instances: [instance; ACTORS],
            promises,
        }
    }

    /// Whether the session's time is not over.
    pub fn lives(&self, code: usize, life: u8) -> bool {
        self.clock < self.tables.login(code).created.saturating_add(life)
    }

    /// Whether the instance waits for a write.
    pub fn waits(&self, index: usize) -> bool {
        self.on_the_way.iter().any(|sent| sent.by.is_some_and(|by| usize::from(by) == index))
    }

    pub fn send(&mut self, index: usize, write: Write) {
        let by = u8::try_from(index).ok();
        let is_door = matches!(write, Write::Door { .. } | Write::DoorOfEvent { .. });
        let logins_before = if is_door { self.promises.logins } else { 0 };
        self.on_the_way.insert(Sent { write, by, copy: false, logins_before });
    }
}
