//! A state of everything: tables, WeChat, what is on its way, the instances, and what was promised.

use super::scenario::{ACTORS, Scenario};
use super::tables::{CODES, Login, Members, Row, Tables, User, Write};
use std::collections::BTreeSet;

/// What a page is told.
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
    AskWhoItIs(Login),
    /// Login: WeChat says that the code was used; about to look for its session.
    Look,
    /// Has read the session, and is about to read the user; when the call began.
    ReadUser { began: u8 },
    /// About to end these sessions.
    End { seen: Members, began: u8 },
    /// Phone: WeChat refuses the code; about to look for its number.
    LookForNumber,
    /// Waits for a write.
    Waiting,
    /// The answer is on its way to the page.
    Answered(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Which call of the script.
    pub call: usize,
    pub step: Step,
    /// The session of the code had ended before this call began.
    pub too_late: bool,
}

/// A write on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    pub write: Write,
    /// Who waits for it.
    pub by: Option<usize>,
    /// It has arrived before: this is the late copy.
    pub again: bool,
    /// How many logins had begun when it was sent.
    pub logins_before: u8,
}

/// What must hold from now on. No part of the product: the checker's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Promises {
    /// How many logins have begun.
    pub logins: u8,
    /// These sessions have ended for good: logged out of, or given way.
    pub ended: [bool; CODES],
    /// So have those of all logins before this one.
    pub ended_before: u8,
    /// What logins before this one have brought is erased.
    pub erased_before: u8,
    /// A phone number landed whose session had ended.
    pub late_phone: bool,
    /// A phone number took the place of a newer one.
    pub older_phone: bool,
    /// A code was answered whose session had ended before.
    pub late_answer: bool,
}

impl Promises {
    /// Whether the session of this login must be gone.
    pub fn has_ended(&self, login: Login) -> bool {
        self.ended[login.code] || login.serial < self.ended_before
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub clock: u8,
    pub tables: Tables,
    /// The login codes that WeChat has exchanged.
    pub used: [bool; CODES],
    /// The phone codes that WeChat has exchanged: each instance's page has one.
    pub phone_used: [bool; ACTORS],
    pub on_the_way: BTreeSet<Sent>,
    pub crashes_left: u8,
    pub duplicates_left: u8,
    pub instances: [Instance; ACTORS],
    pub promises: Promises,
}

impl State {
    pub fn start(scenario: &Scenario) -> Self {
        let instance = Instance { call: 0, step: Step::Idle, too_late: false };
        let mut state = Self {
            clock: 1,
            tables: Tables { user: None, sessions: [Row::Absent; CODES], erased_at: None },
            used: [false; CODES],
            phone_used: [false; ACTORS],
            on_the_way: BTreeSet::new(),
            crashes_left: scenario.crashes,
            duplicates_left: scenario.duplicates,
            instances: [instance; ACTORS],
            promises: Promises::default(),
        };
        if scenario.logged_in {
            let login = Login { code: 0, began: 0, created: 0, serial: 0 };
            let mut user = User { made_by: Some(0), ..User::default() };
            user.members.0[0] = Some(0);
            state.tables.user = Some(user);
            state.tables.sessions[0] = Row::Open(login);
            state.used[0] = true;
            state.promises.logins = 1;
        }
        state
    }

    /// Whether the session's time is not over.
    pub fn lives(&self, login: Login, life: u8) -> bool {
        self.clock < login.created.saturating_add(life)
    }
}
