//! What a logout, a logout of all, an erase and a withdrawal do, step by step: `store::logout` of the product.

use super::design::Part;
use super::scenario::Call;
use super::sessions::Sessions;
use super::state::{Answer, State, Step};
use super::tables::{AHEAD, Kind, Row, Write, bit, codes};

const DONE: Step = Step::Answered(Answer::Done);
const UNAUTHORIZED: Step = Step::Answered(Answer::Unauthorized);

/// Whose call it is; `None` for a withdrawal, which has no session.
fn caller(call: Call) -> Option<usize> {
    match call {
        Call::LogIn(code) | Call::LogOut(code) | Call::LogOutAll(code) | Call::Erase(code) | Call::Phone(code) => {
            Some(code)
        }
        Call::Withdraw(_) => None,
    }
}

impl Sessions {
    /// Reads the session, and buries it first. Where it is buried already, the tombstone says whether to go on.
    pub fn begin_end(&self, state: &mut State, index: usize, code: usize, kind: Kind) -> Step {
        let set = state.tables.user.map_or(0, |user| user.set);
        match state.tables.sessions[code] {
            Row::Open if state.lives(code, self.scenario.life) => {
                if kind == Kind::Session || self.has(Part::MarkFirst) {
                    self.mark(state, index, code, (kind, set))
                } else {
                    self.shut_door(state, index, Some(code), false, set)
                }
            }
            Row::Tombstone { unfinished: Some(there), .. } if there == kind && self.has(Part::RepetitionGoesOn) => {
                self.go_on(state, index, code, (kind, set), true)
            }
            _ => UNAUTHORIZED,
        }
    }

    fn mark(&self, state: &mut State, index: usize, code: usize, (kind, seen): (Kind, u8)) -> Step {
        let now = self.now(state, index);
        self.bury(state, index, code, now, Some(kind));
        Step::Marking { kind, seen }
    }

    /// After the caller's session was buried.
    fn go_on(&self, state: &mut State, index: usize, code: usize, (kind, seen): (Kind, u8), again: bool) -> Step {
        if kind == Kind::Session {
            self.take_out(state, index, bit(code));
            return Step::TakingOut;
        }
        self.shut_door(state, index, Some(code), again, seen)
    }

    /// Refuses all logins that began before now.
    pub fn shut_door(&self, state: &mut State, index: usize, by: Option<usize>, again: bool, seen: u8) -> Step {
        self.shut_door_past(state, index, by, (again, seen), None)
    }

    /// Where a door is in the way, this one is later still; and the clock is read each time.
    fn shut_door_past(
        &self,
        state: &mut State,
        index: usize,
        by: Option<usize>,
        (again, seen): (bool, u8),
        ended_at: Option<u8>,
    ) -> Step {
        let margin = if self.has(Part::DoorHasMargin) { self.scenario.margin } else { 0 };
        // What lies too far ahead is in the way only without the clause that ignores it.
        let ignores = self.has(Part::FutureDoorIsReplaced);
        let later = ended_at.filter(|time| *time <= AHEAD || !ignores).map_or(0, |time| time.saturating_add(1));
        let at = later.max(self.now(state, index) + margin);
        let write = match (by, self.call(state, index)) {
            (None, Some(Call::Withdraw(event))) => Write::DoorOfEvent { event, at },
            (by, _) => Write::Door { by: by.unwrap_or_default(), at },
        };
        state.send(index, write);
        Step::ShuttingDoor { again, seen }
    }

    /// What a call that ends something makes of the outcome of its write.
    pub fn hear_end(
        &self,
        state: &mut State,
        index: usize,
        call: Call,
        (step, write, done): (Step, Write, bool),
    ) -> Step {
        let by = caller(call);
        let user = state.tables.user;
        let gone = user.is_none_or(|user| user.id.is_none());
        let listed = by.is_none_or(|code| state.tables.has(code));
        match (step, by) {
            (Step::Marking { kind, seen }, Some(code)) => {
                if done || state.tables.unfinished(code) == Some(kind) {
                    self.go_on(state, index, code, (kind, seen), false)
                } else {
                    UNAUTHORIZED
                }
            }
            (Step::TakingOut, _) if self.take_out_again(state, index, write, done) => step,
            (Step::TakingOut, _) => DONE,
            (Step::ShuttingDoor { again, seen }, _) => match (write, user) {
                (Write::Door { at, .. } | Write::DoorOfEvent { at, .. }, Some(user)) if done => {
                    let set = if self.has(Part::DoorReturnsSet) { user.set } else { seen };
                    match self.through(state, set, at).filter(|_| self.has(Part::DoorCoversMembers)) {
                        Some(newest) => self.shut_door_past(state, index, by, (again, seen), Some(newest)),
                        None => self.bury_all(state, index, call, set, at),
                    }
                }
                (Write::Door { .. }, Some(user)) if listed => {
                    self.shut_door_past(state, index, by, (again, seen), user.ended_at)
                }
                (Write::DoorOfEvent { event, .. }, Some(user)) if user.id.is_some_and(|id| id.1 <= event) => {
                    self.shut_door_past(state, index, by, (again, seen), user.ended_at)
                }
                _ => self.not_listed(state, call, again, gone),
            },
            (Step::Burying { .. }, _) if state.waits(index) => step,
            (Step::Burying { set, at }, _) => self.after_burying(state, index, call, (set, at)),
            (Step::Recording { set, at }, _) => {
                state.send(index, Write::Wipe { seen: set, at });
                Step::Wiping { at }
            }
            (Step::TakingOutAll, Some(_)) if done || gone || !listed => DONE,
            (Step::TakingOutAll, Some(_)) if !self.has(Part::TakeOutAllStartsOver) => DONE,
            (Step::TakingOutAll | Step::Wiping { .. }, _) if !done && !gone => self.start_over(state, index, call),
            (Step::Wiping { at }, _) if done && !self.has(Part::RecordBeforeWipe) => {
                state.send(index, Write::Record { at });
                Step::RecordingLast
            }
            (Step::Wiping { .. } | Step::RecordingLast, _) => DONE,
            (step, _) => step,
        }
    }

    /// The door is another's by now, or a login came through it. Goes on with that door if nobody came through, lest
    /// two calls shut doors in turn for ever; else shuts it again.
    fn start_over(&self, state: &mut State, index: usize, call: Call) -> Step {
        let by = caller(call);
        let user = state.tables.user.unwrap_or_default();
        let listed = by.is_none_or(|code| state.tables.has(code));
        match user.ended_at {
            Some(at) if listed && at <= AHEAD && self.through(state, user.set, at).is_none() => {
                self.bury_all(state, index, call, user.set, at)
            }
            _ => self.shut_door(state, index, by, true, user.set),
        }
    }

    /// The newest login that came through a door while it was being shut, if one did. It is no older than its own
    /// beginning, so a door that is as new keeps out any late copy of it.
    fn through(&self, state: &State, set: u8, at: u8) -> Option<u8> {
        let newest = codes(set).map(|code| state.tables.login(code).created).max()?;
        Some(newest).filter(|newest| *newest > at && *newest <= AHEAD)
    }

    fn bury_all(&self, state: &mut State, index: usize, call: Call, set: u8, at: u8) -> Step {
        let now = self.now(state, index);
        let by = caller(call);
        for code in codes(set) {
            if by != Some(code) {
                self.bury(state, index, code, now, None);
            } else if !self.has(Part::MarkFirst) {
                let kind = if matches!(call, Call::Erase(_)) { Kind::User } else { Kind::Sessions };
                self.bury(state, index, code, now, Some(kind));
            }
        }
        if state.waits(index) { Step::Burying { set, at } } else { self.after_burying(state, index, call, (set, at)) }
    }

    fn after_burying(&self, state: &mut State, index: usize, call: Call, (set, at): (u8, u8)) -> Step {
        if matches!(call, Call::LogOutAll(_)) {
            state.send(index, Write::TakeOutAll { members: set, at });
            return Step::TakingOutAll;
        }
        if self.has(Part::RecordBeforeWipe) {
            state.send(index, Write::Record { at });
            return Step::Recording { set, at };
        }
        state.send(index, Write::Wipe { seen: set, at });
        Step::Wiping { at }
    }

    /// The door was refused because the caller is not in the set, or there is no user. A repetition's own take-out went
    /// through, or a logout of all has overtaken it, which has ended everything up to its own door.
    fn not_listed(&self, state: &State, call: Call, again: bool, gone: bool) -> Step {
        match call {
            Call::LogOutAll(_) if again => DONE,
            Call::Erase(code) if again => {
                let made = state.tables.user.and_then(|user| user.id);
                let newer = made.is_some_and(|(_, created)| created > state.tables.login(code).created);
                if gone || newer { DONE } else { UNAUTHORIZED }
            }
            Call::Withdraw(_) => DONE,
            _ => UNAUTHORIZED,
        }
    }
}
