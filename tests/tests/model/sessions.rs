//! The model: what may happen next, and how a write arrives. What each instance does step by step is in `login` and
//! `ends`.

use super::design::{Conditions, Design, Part};
use super::promises;
use super::scenario::{Call, Scenario};
use super::state::{Answer, Sent, State, Step};
use super::tables::{Kind, Phone, Row, User, Write, bit};
use stateright::{Model, Property};

/// Login, replay, logout, logout of all, erase, withdrawal and phone of one user.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub scenario: Scenario,
    pub design: Design,
    pub conditions: Conditions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An instance goes on.
    Step(usize),
    /// An instance crashes, or its reply is lost: the page repeats its call.
    Crash(usize),
    /// A write arrives.
    Arrive(Sent),
    /// It arrives, and a copy of it will arrive late.
    ArriveTwice(Sent),
    /// It arrives, but the answer is lost: it is sent again.
    ArriveUnheard(Sent),
    Tick,
    /// DynamoDB removes an expired session.
    Tidy(usize),
    /// An hour in which nothing happens: DynamoDB removes the tombstones.
    Hour,
}

impl Model for Sessions {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::start(&self.scenario)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut idle = true;
        for (index, instance) in state.instances.iter().enumerate() {
            let waits = state.waits(index);
            let finished = instance.step == Step::Idle && self.call(state, index).is_none();
            idle &= instance.step == Step::Idle;
            if !waits && !finished {
                actions.push(Action::Step(index));
            }
            // Before it has written, a crash is the same as not having begun; so is one when nothing was done.
            let told = matches!(instance.step, Step::Answered(Answer::Token | Answer::Done));
            if (told || waits) && state.crashes_left > 0 {
                actions.push(Action::Crash(index));
            }
        }
        for sent in &state.on_the_way {
            actions.push(Action::Arrive(*sent));
            if state.copies_left > 0 && !sent.copy {
                actions.push(Action::ArriveTwice(*sent));
                if sent.by.is_some() {
                    actions.push(Action::ArriveUnheard(*sent));
                }
            }
        }
        if state.clock < self.scenario.end_of_time {
            actions.push(Action::Tick);
        }
        for (code, row) in state.tables.sessions.iter().enumerate() {
            if *row == Row::Open && !state.lives(code, self.scenario.life) {
                actions.push(Action::Tidy(code));
            }
        }
        if state.hour_left && idle && state.on_the_way.is_empty() {
            actions.push(Action::Hour);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Step(index) => {
                self.step(&mut state, index);
                self.hand_over(&mut state, index);
            }
            Action::Crash(index) => {
                state.crashes_left -= 1;
                let instance = &mut state.instances[index];
                instance.step = Step::Idle;
                instance.too_late = false;
                let forget = |sent| if sent_by(&sent, index) { Sent { by: None, ..sent } } else { sent };
                state.on_the_way = state.on_the_way.into_iter().map(forget).collect();
            }
            Action::Arrive(sent) => self.arrive(&mut state, sent),
            Action::ArriveTwice(sent) => {
                state.copies_left -= 1;
                state.on_the_way.insert(Sent { by: None, copy: true, ..sent });
                self.arrive(&mut state, sent);
            }
            Action::ArriveUnheard(sent) => {
                state.copies_left -= 1;
                self.apply(&mut state, &sent);
                state.on_the_way.remove(&sent);
                state.on_the_way.insert(Sent { copy: true, ..sent });
            }
            Action::Tick => state.clock += 1,
            Action::Tidy(code) => state.tables.sessions[code] = Row::Absent,
            Action::Hour => {
                state.hour_left = false;
                // An hour is longer than any door lies ahead.
                state.clock += 10;
                state.promises.forget();
                for row in &mut state.tables.sessions {
                    if matches!(row, Row::Tombstone { .. }) {
                        *row = Row::Absent;
                    }
                }
                state.tables.user = state.tables.user.filter(|user| user.id.is_some());
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }
}

fn sent_by(sent: &Sent, index: usize) -> bool {
    sent.by.is_some_and(|by| usize::from(by) == index)
}

impl Sessions {
    /// The call that the page is at, if there is one left.
    pub fn call(&self, state: &State, index: usize) -> Option<Call> {
        self.scenario.scripts[index].get(usize::from(state.instances[index].call)).copied()
    }

    pub fn has(&self, part: Part) -> bool {
        self.design.has(part)
    }

    /// What an instance's clock shows.
    pub fn now(&self, state: &State, index: usize) -> u8 {
        state.clock + self.scenario.ahead[index]
    }

    /// The answer reaches the page at once where nothing can befall it on its way.
    fn hand_over(&self, state: &mut State, index: usize) {
        let step = state.instances[index].step;
        let may_be_lost = matches!(step, Step::Answered(Answer::Token | Answer::Done)) && state.crashes_left > 0;
        if matches!(step, Step::Answered(_)) && !may_be_lost {
            self.step(state, index);
        }
    }

    fn step(&self, state: &mut State, index: usize) {
        let Some(call) = self.call(state, index) else { return };
        let step = match (state.instances[index].step, call) {
            (Step::Answered(answer), _) => {
                let tables = &state.tables;
                state.promises.answer(call, answer, tables);
                let instance = &mut state.instances[index];
                if answer == Answer::Token && instance.too_late {
                    state.promises.breaks(promises::LATE);
                }
                instance.too_late = false;
                // Without the token or the session there is nothing more to call.
                let goes_on = matches!(answer, Answer::Token | Answer::Done);
                let end = u8::try_from(self.scenario.scripts[index].len()).unwrap_or(u8::MAX);
                instance.call = if goes_on { instance.call + 1 } else { end };
                Step::Idle
            }
            (step, Call::LogIn(code)) => self.log_in(state, index, step, code),
            (Step::Idle, Call::LogOut(code)) => self.begin_end(state, index, code, Kind::Session),
            (Step::Idle, Call::LogOutAll(code)) => self.begin_end(state, index, code, Kind::Sessions),
            (Step::Idle, Call::Erase(code)) => self.begin_end(state, index, code, Kind::User),
            (Step::Idle, Call::Withdraw(event)) if state.clock < event => return,
            (Step::Idle, Call::Withdraw(_)) => self.shut_door(state, index, None, false, 0),
            (Step::Idle, Call::Phone(by)) => match state.tables.sessions[by] {
                Row::Open if !state.lives(by, self.scenario.life) => Step::Answered(Answer::Unauthorized),
                Row::Open if state.phones_used & bit(index) != 0 => Step::LookForNumber,
                Row::Open => {
                    // WeChat is as slow as the write on its way.
                    state.phones_used |= bit(index);
                    let at = self.now(state, index);
                    state.send(index, Write::Phone(Phone { by, at, code: index }));
                    Step::KeepingPhone
                }
                _ => Step::Answered(Answer::Unauthorized),
            },
            (Step::LookForNumber, Call::Phone(by)) => {
                let user: Option<User> = state.tables.user.filter(|_| state.tables.has(by));
                match user.and_then(|user| user.phone) {
                    Some(phone) if phone.code == index => Step::Answered(Answer::Done),
                    _ => Step::Answered(Answer::InvalidCode),
                }
            }
            _ => return,
        };
        state.instances[index].step = step;
    }

    /// Applies a write, and remembers what it promises.
    fn apply(&self, state: &mut State, sent: &Sent) -> bool {
        let before = state.tables.clone();
        let done = state.tables.apply(&sent.write, &self.conditions, self.design, self.scenario.life);
        if done {
            state.promises.remember(sent, &before, &state.tables);
        }
        done
    }

    /// A write arrives, and whoever waits for it hears of it: the item as it stands is in the response.
    fn arrive(&self, state: &mut State, sent: Sent) {
        let done = self.apply(state, &sent);
        state.on_the_way.remove(&sent);
        let Some(index) = sent.by.map(usize::from) else { return };
        let Some(call) = self.call(state, index) else { return };
        let step = match (state.instances[index].step, call) {
            (Step::KeepingPhone, Call::Phone(by)) => {
                // A newer number is there.
                let kept = done || state.tables.has(by);
                Step::Answered(if kept { Answer::Done } else { Answer::Unauthorized })
            }
            (step, Call::LogIn(code)) => self.hear_login(state, index, code, (step, sent.write, done)),
            (step, call) => self.hear_end(state, index, call, (step, sent.write, done)),
        };
        state.instances[index].step = step;
        self.hand_over(state, index);
    }
}
