//! The access token that all instances share: read through memory, table and WeChat; renewed before its end; replaced by
//! force after a claim. Again a model of the design, in which three requests meet, one an instance.

mod state;

use super::promises::ANSWERED;
use state::{Claim, Copy, INSTANCES, Sent, Write};
pub use state::{State, Step};
use stateright::{Expectation, Model, Property};

/// How long a request takes at most. Lambda's 10 seconds are one tick.
const LONGEST_REQUEST: u8 = 1;

/// How long after a claim to replace by force there is none. The design needs it to be longer than two requests.
const FORCE_EVERY: u8 = 3;

/// From then on a token that nears its end has ended.
const END: u8 = 2;

pub const FORCED: &str = "no replacement by force follows soon on another";
pub const ONCE: &str = "a revoked token is replaced by force once, and only where nothing else helps";
pub const SERVED: &str = "nobody fails, unless whoever had claimed the replacement crashed before WeChat made it";
/// One that was answered in normal mode may: it counts from its question. That heals without force.
pub const VOID: &str = "a token made by force never gives way to the void one";

/// What the renewal rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A claim counts only if the last one is the one that was seen.
    ClaimComparesLast,
    /// There is no claim soon after the last one.
    ClaimWaits,
    /// A claim that was sent twice, the first answer having been lost, is known again as one's own.
    ClaimIsKnownAgain,
    /// It is known by a mark of its own, and not by its time.
    ClaimHasMark,
    /// WeChat is asked in normal mode before it is asked by force.
    NormalFirst,
    /// WeChat is asked once more after a wait for somebody else's replacement was in vain.
    NormalLast,
    /// Of two tokens the newer one stays.
    NewestWins,
    /// A token that was made by force is as old as its answer, not as its question.
    ForcedIsTimedLast,
}

/// What has befallen the token that two of the instances hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was revoked, and WeChat repeats it in normal mode.
    Repeated,
    /// It was revoked, and WeChat hands out another.
    Forgotten,
    /// It nears its end: WeChat hands out another, and both work for now.
    Ending,
}

#[derive(Clone, Copy, Debug)]
pub struct Renewal {
    pub without: Option<Part>,
    pub trouble: Trouble,
    /// The token is in the table.
    pub stored: bool,
    pub crashes: u8,
    /// How many writes arrive once more.
    pub copies: u8,
    /// The clock stops here.
    pub end_of_time: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Step(usize),
    Crash(usize),
    Arrive(Sent),
    /// A write arrives, and the answer to it is lost: the SDK sends it once more.
    Lose(Sent),
    Tick,
}

impl Model for Renewal {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut start = State::start(self.stored, self.crashes, self.copies);
        start.current = u8::from(self.trouble != Trouble::Repeated);
        start.works = self.trouble != Trouble::Repeated;
        vec![start]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, step) in state.steps.iter().enumerate() {
            let can_go_on = match step {
                Step::Claimed { .. } | Step::Served | Step::Failed => false,
                // The wait is longer than the call to WeChat of whoever claimed it.
                Step::Await(refused) => state.other(Some(*refused)).is_some() || !state.somebody_forces(),
                _ => true,
            };
            if can_go_on {
                actions.push(Action::Step(index));
            }
            // Before it has asked WeChat, a crash is the same as not having begun.
            let has_asked = match step {
                Step::Renewing { .. } | Step::Asked { .. } | Step::Claimed { .. } | Step::Forcing { .. } => true,
                Step::Use(_, second) => *second,
                _ => false,
            };
            if state.crashes_left > 0 && has_asked {
                actions.push(Action::Crash(index));
            }
        }
        for sent in &state.on_the_way {
            actions.push(Action::Arrive(*sent));
            let is_claim = matches!(sent.write, Write::Claim { .. });
            if is_claim && sent.copy == Copy::First && state.copies_left > 0 {
                actions.push(Action::Lose(*sent));
            }
        }
        let in_time = |index: usize| match state.steps[index] {
            Step::Start | Step::Served | Step::Failed => true,
            _ => state.clock < state.began[index] + LONGEST_REQUEST,
        };
        if (0..INSTANCES).all(in_time) && state.clock < self.end_of_time {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Step(index) => state.steps[index] = self.step(&mut state, index),
            Action::Crash(index) => state.crash(index),
            Action::Arrive(sent) => {
                state.take(sent);
                let granted = self.apply(&mut state, sent.write);
                self.hear(&mut state, sent.write, granted);
            }
            Action::Lose(sent) => {
                state.lose(sent);
                self.apply(&mut state, sent.write);
            }
            Action::Tick => state.clock += 1,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let always = Property::<Self>::always;
        vec![
            always(FORCED, |_, state| !state.too_soon),
            always(ONCE, |model, state| state.forced <= u8::from(model.trouble == Trouble::Repeated)),
            always(SERVED, |_, state| state.excused || !state.steps.contains(&Step::Failed)),
            always(VOID, |_, state| !state.worse),
            Property {
                expectation: Expectation::Sometimes,
                name: ANSWERED,
                condition: |_, state| state.steps.iter().all(|step| *step == Step::Served),
            },
        ]
    }
}

impl Renewal {
    fn has(self, part: Part) -> bool {
        self.without != Some(part)
    }

    fn is_ending(self, token: u8) -> bool {
        self.trouble == Trouble::Ending && token == 0
    }

    /// The instance knows that the token has ended.
    fn has_ended(self, state: &State, token: u8) -> bool {
        self.is_ending(token) && state.clock >= END
    }

    /// WeChat takes it.
    fn serves(self, state: &State, token: u8) -> bool {
        state.serves(token) || (self.is_ending(token) && state.clock < END)
    }

    fn step(self, state: &mut State, index: usize) -> Step {
        let now = state.clock;
        let other = |state: &State, refused| state.other(refused).filter(|token| !self.has_ended(state, *token));
        match state.steps[index] {
            Step::Start => {
                state.began[index] = now;
                match state.memory[index].filter(|token| !self.has_ended(state, *token)) {
                    Some(token) if self.is_ending(token) => Step::Renew(token),
                    // What is at hand is used at once.
                    Some(token) if self.serves(state, token) => Step::Served,
                    Some(token) => Step::Table(Some(token)),
                    None => Step::Table(None),
                }
            }
            Step::Renew(old) => match other(state, Some(old)) {
                Some(token) => {
                    state.memory[index] = Some(token);
                    Step::Use(old, false)
                }
                None => Step::Renewing { old, at: now },
            },
            Step::Renewing { old, at } => {
                state.send(Write::Put { token: state.current, obtained_at: at, force: false });
                state.memory[index] = Some(state.current);
                Step::Use(old, false)
            }
            Step::Table(refused) => match (other(state, refused), refused) {
                (Some(token), _) => state.found(index, token, refused),
                (None, Some(refused)) if !self.has(Part::NormalFirst) => Step::Claim(refused),
                (None, _) => Step::Asked { refused, at: now, last: false },
            },
            Step::Asked { refused: Some(refused), last, .. } if state.current == refused => match last {
                true => Step::Failed,
                false => Step::Claim(refused),
            },
            Step::Asked { refused, at, .. } => {
                state.send(Write::Put { token: state.current, obtained_at: at, force: false });
                state.found(index, state.current, refused)
            }
            Step::Forcing { refused, at } => {
                state.too_soon |= state.forced_at.is_some_and(|last| now + LONGEST_REQUEST < last + FORCE_EVERY);
                state.forced += 1;
                state.forced_at = Some(now);
                state.current += 1;
                state.works = true;
                let obtained_at = if self.has(Part::ForcedIsTimedLast) { now } else { at };
                state.send(Write::Put { token: state.current, obtained_at, force: true });
                state.found(index, state.current, Some(refused))
            }
            Step::Claim(refused) => {
                let recent = state.claim.is_some_and(|last| now < last.at + FORCE_EVERY);
                if recent && self.has(Part::ClaimWaits) {
                    return Step::Await(refused);
                }
                state.claims += 1;
                let claim = Claim { at: now, mark: state.claims };
                state.send(Write::Claim { by: index, seen: state.claim, claim });
                Step::Claimed { refused, claim }
            }
            Step::Await(refused) => match other(state, Some(refused)) {
                Some(token) => state.found(index, token, Some(refused)),
                None if self.has(Part::NormalLast) => Step::Asked { refused: Some(refused), at: now, last: true },
                None => Step::Failed,
            },
            Step::Use(token, _) if self.serves(state, token) => Step::Served,
            Step::Use(token, false) => Step::Table(Some(token)),
            Step::Use(_, true) => Step::Failed,
            step => step,
        }
    }

    /// A write takes effect if its condition holds. Of a claim: whether it counts as granted.
    fn apply(self, state: &mut State, write: Write) -> bool {
        match write {
            Write::Put { token, obtained_at, force } => {
                if state.stored.is_none_or(|there| there.obtained_at < obtained_at) || !self.has(Part::NewestWins) {
                    let worked = state.stored.is_some_and(|there| there.force && state.serves(there.token));
                    state.worse |= worked && !self.serves(state, token);
                    state.stored = Some(state::Stored { token, obtained_at, force });
                }
                true
            }
            Write::Claim { seen, claim, .. } => {
                let there = state.claim;
                if there == seen || !self.has(Part::ClaimComparesLast) {
                    state.claim = Some(claim);
                    return true;
                }
                let mine = |there: Claim| match self.has(Part::ClaimHasMark) {
                    true => there == claim,
                    false => there.at == claim.at,
                };
                self.has(Part::ClaimIsKnownAgain) && there.is_some_and(mine)
            }
        }
    }

    /// Whoever waits for the claim hears of it.
    fn hear(self, state: &mut State, write: Write, granted: bool) {
        let Write::Claim { by, claim, .. } = write else { return };
        match state.steps[by] {
            Step::Claimed { refused, claim: mine } if mine == claim => {
                state.steps[by] = match granted {
                    true => Step::Forcing { refused, at: claim.at },
                    false => Step::Await(refused),
                };
            }
            _ => {}
        }
    }
}
