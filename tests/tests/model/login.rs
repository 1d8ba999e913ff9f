//! What a login does, step by step: `store::login` of the product.

use super::design::Part;
use super::sessions::Sessions;
use super::state::{Answer, State, Step};
use super::tables::{CODES, Kind, Login, Row, Write, bit, codes};

/// How long a code may be answered once more.
const REPLAY_WINDOW: u8 = 2;

impl Sessions {
    /// A login's step that waits for nobody.
    pub fn log_in(&self, state: &mut State, index: usize, step: Step, code: usize) -> Step {
        let now = self.now(state, index);
        match step {
            Step::Idle => {
                let buried = matches!(state.tables.sessions[code], Row::Tombstone { .. });
                state.instances[index].too_late = buried;
                if state.tables.logins[code].is_some() {
                    return Step::Look;
                }
                let serial = state.promises.logins;
                state.promises.logins += 1;
                Step::AskWho { began: now, serial }
            }
            Step::AskWho { .. } if state.tables.logins[code].is_some() => Step::Look,
            Step::AskWho { began, serial } => {
                let began = if self.has(Part::LoginBeginsBeforeWeChat) { began } else { now };
                state.tables.logins[code] = Some(Login { began, created: now.max(began), serial });
                if self.has(Part::EnrolFirst) {
                    state.send(index, Write::Enrol { code });
                    Step::Enrolling
                } else {
                    self.open(state, index, code, 0)
                }
            }
            Step::Look => {
                let login = state.tables.login(code);
                let young = now.saturating_sub(login.created) < REPLAY_WINDOW;
                match state.tables.sessions[code] {
                    Row::Open if young && state.lives(code, self.scenario.life) => Step::Answered(Answer::Token),
                    Row::Tombstone { .. } if !self.has(Part::ReplayNeedsLiveSession) => Step::Answered(Answer::Token),
                    // If it is absent it may still come; the patience that ends is the time before this step.
                    _ => Step::Answered(Answer::InvalidCode),
                }
            }
            step => step,
        }
    }

    /// What a login makes of the outcome of its write.
    pub fn hear_login(
        &self,
        state: &mut State,
        index: usize,
        code: usize,
        (step, write, done): (Step, Write, bool),
    ) -> Step {
        match (step, write) {
            (Step::Enrolling, _) if done || (self.has(Part::EnrolKnowsItself) && state.tables.has(code)) => {
                let evicted = self.evicted(state, index);
                if !self.has(Part::EnrolFirst) {
                    return Step::Answered(Answer::Token);
                }
                if evicted == 0 || !self.has(Part::EvictionMakesRoom) {
                    return self.open(state, index, code, 0);
                }
                let now = self.now(state, index);
                for code in codes(evicted) {
                    self.bury(state, index, code, now, None);
                }
                Step::Evicting { evicted }
            }
            (Step::Enrolling, _) => self.refused(state, code),
            (Step::Evicting { .. }, _) if state.waits(index) => step,
            (Step::Evicting { evicted }, _) => {
                let works_on =
                    |code: &usize| matches!(state.tables.unfinished(*code), Some(Kind::Sessions | Kind::User));
                let left = codes(evicted).filter(works_on).fold(0, |left, code| left | bit(code));
                let left = if self.has(Part::EvictionLeavesUnfinished) { left } else { 0 };
                self.open(state, index, code, evicted & !left)
            }
            (Step::Opening { taking, .. }, Write::Open { .. }) => {
                let own = self.has(Part::OpenKnowsItself) && state.tables.sessions[code] == Row::Open;
                let Step::Answered(answer) =
                    (if done || own { Step::Answered(Answer::Token) } else { self.refused(state, code) })
                else {
                    return step;
                };
                if done && !self.has(Part::EnrolFirst) {
                    state.send(index, Write::Enrol { code });
                    return Step::Enrolling;
                }
                settle(Some(answer), taking)
            }
            (Step::Opening { answer, .. }, write) => {
                let taking = self.take_out_again(state, index, write, done);
                settle(answer, taking)
            }
            (step, _) => step,
        }
    }

    /// Opens the session and concurrently takes the evicted out; who is among them themselves has come too late.
    fn open(&self, state: &mut State, index: usize, code: usize, evicted: u8) -> Step {
        let own = evicted & bit(code) != 0;
        if !own {
            let now = state.tables.login(code).created;
            state.send(index, Write::Open { code, now });
        }
        if evicted != 0 {
            self.take_out(state, index, evicted);
        }
        Step::Opening { answer: own.then_some(Answer::InvalidCode), taking: evicted != 0 }
    }

    fn refused(&self, state: &mut State, code: usize) -> Step {
        let tables = &state.tables;
        state.promises.refuse(tables, code);
        Step::Answered(Answer::InvalidCode)
    }

    /// The expired, and the oldest of those beyond what a user may have.
    fn evicted(&self, state: &State, index: usize) -> u8 {
        let now = self.now(state, index);
        let set = state.tables.user.map_or(0, |user| user.set);
        let created = |code: usize| state.tables.login(code).created;
        let expired = |code: &usize| created(*code).saturating_add(self.scenario.life) <= now;
        let mut members: Vec<usize> = codes(set).collect();
        members.sort_by_key(|code| (created(*code), *code));
        let excess = members.len().saturating_sub(self.scenario.most);
        let oldest = members.iter().take(excess).copied();
        oldest.chain(members.iter().copied().filter(expired)).fold(0, |evicted, code| evicted | bit(code))
    }

    /// Puts a tombstone in the place of a session.
    pub fn bury(&self, state: &mut State, index: usize, code: usize, now: u8, unfinished: Option<Kind>) {
        debug_assert!(code < CODES);
        let covers = self.has(Part::TombstoneCoversLogin);
        let at = if covers { now.max(state.tables.login(code).created) } else { now };
        state.send(index, Write::Bury { code, at, unfinished });
    }

    /// Takes buried members out of the set.
    pub fn take_out(&self, state: &mut State, index: usize, members: u8) {
        let newest = codes(members).map(|code| state.tables.login(code).created).max().unwrap_or(0);
        state.send(index, Write::TakeOut { members, newest });
    }

    /// Whether members that were not taken out are tried again without raising `gone_at`.
    pub fn take_out_again(&self, state: &mut State, index: usize, write: Write, done: bool) -> bool {
        let Write::TakeOut { members, .. } = write else { return false };
        let there = state.tables.user.is_some_and(|user| user.id.is_some() && user.set & members != 0);
        if done || !there {
            return false;
        }
        state.send(index, Write::TakeOutOlder { members });
        true
    }
}

/// Answers once both writes are done.
fn settle(answer: Option<Answer>, taking: bool) -> Step {
    match answer {
        Some(answer) if !taking => Step::Answered(answer),
        answer => Step::Opening { answer, taking },
    }
}
