//! The model: what each instance does step by step, and what may come between.

use super::design::{Design, Part};
use super::promises;
use super::scenario::{ACTORS, Call, Scenario};
use super::state::{Answer, Sent, State, Step};
use super::tables::{CODES, Login, Members, Outcome, Phone, Place, Row, Write};
use stateright::{Model, Property};

/// How long a code may be answered once more.
const REPLAY_FOR: u8 = 2;

/// Login, replay, logout, logout of all, erase and phone of one user.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    pub scenario: Scenario,
    pub design: Design,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An instance goes on.
    Step(usize),
    /// An instance crashes, or its reply is lost: the page repeats its call.
    Crash(usize),
    /// A write arrives.
    Arrive(Sent),
    Tick,
    /// DynamoDB removes an expired session.
    Tidy(usize),
}

impl Model for Sessions {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut start = State::start(&self.scenario);
        if let Row::Open(login) = start.tables.sessions[0]
            && !self.design.has(Part::RequestToken)
        {
            let write = Write::LogIn { login, place: Place::Free, now: 0 };
            start.on_the_way.insert(Sent { write, by: None, again: true, logins_before: 0 });
        }
        vec![start]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, instance) in state.instances.iter().enumerate() {
            let idle = instance.step == Step::Idle;
            if instance.step != Step::Waiting && !(idle && self.call(state, index).is_none()) {
                actions.push(Action::Step(index));
            }
            // Before it has written, a crash is the same as not having begun; so is one when nothing was done.
            let told = Step::Answered(Answer::Token) == instance.step || Step::Answered(Answer::Done) == instance.step;
            if (told || instance.step == Step::Waiting) && state.crashes_left > 0 {
                actions.push(Action::Crash(index));
            }
        }
        actions.extend(state.on_the_way.iter().map(|sent| Action::Arrive(*sent)));
        if state.clock < self.scenario.end_of_time {
            actions.push(Action::Tick);
        }
        let expired = |row: &Row| matches!(row, Row::Open(login) if !state.lives(*login, self.scenario.life));
        actions.extend((0..CODES).filter(|code| expired(&state.tables.sessions[*code])).map(Action::Tidy));
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Step(index) => self.go_on(&mut state, index),
            Action::Crash(index) => {
                state.crashes_left -= 1;
                let instance = &mut state.instances[index];
                instance.step = Step::Idle;
                instance.too_late = false;
                let forget = |sent| if sent_by(&sent, index) { Sent { by: None, ..sent } } else { sent };
                state.on_the_way = state.on_the_way.into_iter().map(forget).collect();
            }
            Action::Arrive(sent) => self.arrive(&mut state, sent),
            Action::Tick => state.clock += 1,
            Action::Tidy(code) => state.tables.sessions[code] = Row::Absent,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }
}

fn sent_by(sent: &Sent, index: usize) -> bool {
    sent.by == Some(index)
}

impl Sessions {
    /// The call that the page is at, if there is one left.
    pub fn call(&self, state: &State, index: usize) -> Option<Call> {
        self.scenario.scripts[index].get(state.instances[index].call).copied()
    }

    /// One step, and what follows from it without a chance for anything between.
    fn go_on(&self, state: &mut State, index: usize) {
        self.step(state, index);
        self.hand_over(state, index);
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
        let now = state.clock + self.scenario.ahead[index];
        let step = match (state.instances[index].step, call) {
            (Step::Idle, Call::LogIn(code)) => {
                state.instances[index].too_late = matches!(state.tables.sessions[code], Row::Ended { .. });
                if state.used[code] {
                    Step::Look
                } else {
                    let login = Login { code, began: now, created: now, serial: state.promises.logins };
                    state.promises.logins += 1;
                    Step::AskWhoItIs(login)
                }
            }
            (Step::AskWhoItIs(login), _) if state.used[login.code] => Step::Look,
            (Step::AskWhoItIs(login), _) => {
                state.used[login.code] = true;
                let began = if self.design.has(Part::LoginBeginsBeforeWeChat) { login.began } else { now };
                let login = Login { began, created: now, ..login };
                send(state, index, Write::LogIn { login, place: Place::Free, now })
            }
            (Step::Look, Call::LogIn(code)) => {
                let may_answer = |login: Login| {
                    state.lives(login, self.scenario.life) && now.saturating_sub(login.created) < REPLAY_FOR
                };
                match state.tables.sessions[code] {
                    Row::Open(login) if may_answer(login) => Step::Answered(Answer::Token),
                    Row::Ended { .. } if !self.design.has(Part::ReplayNeedsLiveSession) => {
                        Step::Answered(Answer::Token)
                    }
                    // If it is absent it may still come; the patience that ends is the time that passed before this step.
                    _ => Step::Answered(Answer::InvalidCode),
                }
            }
            (Step::Idle, call) => match (state.tables.sessions[token_of(call)], call) {
                (Row::Open(login), _) if !state.lives(login, self.scenario.life) => {
                    Step::Answered(Answer::Unauthorized)
                }
                (Row::Open(_), Call::Phone(_)) if state.phone_used[index] => Step::LookForNumber,
                (Row::Open(by), Call::Phone(_)) => {
                    // WeChat is as slow as the write on its way.
                    state.phone_used[index] = true;
                    send(state, index, Write::Phone(Phone { by, at: now, code: index }))
                }
                (Row::Open(_), Call::LogOut(code)) => send(state, index, Write::LogOut { code, now }),
                // Forgotten where the design has no use for it, to have fewer states.
                (Row::Open(_), _) if self.design.has(Part::EndIsTimedLast) => Step::ReadUser { began: 0 },
                (Row::Open(_), _) => Step::ReadUser { began: now },
                _ => Step::Answered(Answer::Unauthorized),
            },
            (Step::ReadUser { began }, call) => {
                match state.tables.user.filter(|user| user.members.has(token_of(call))) {
                    Some(user) => Step::End { seen: user.members, began },
                    None => Step::Answered(Answer::Unauthorized),
                }
            }
            (Step::End { seen, began }, call) => {
                let now = if self.design.has(Part::EndIsTimedLast) { now } else { began };
                let all = matches!(call, Call::LogOutAll(_));
                let write = if all { Write::LogOutAll { seen, now } } else { Write::Erase { seen, now } };
                send(state, index, write)
            }
            (Step::LookForNumber, call) => {
                let user = state.tables.user.filter(|user| user.members.has(token_of(call)));
                match user.and_then(|user| user.phone) {
                    Some(phone) if phone.code == index => Step::Answered(Answer::Done),
                    _ => Step::Answered(Answer::InvalidCode),
                }
            }
            (Step::Answered(answer), _) => {
                let instance = &mut state.instances[index];
                state.promises.late_answer |= answer == Answer::Token && instance.too_late;
                instance.too_late = false;
                // Without the token or the session there is nothing more to call.
                let goes_on = matches!(answer, Answer::Token | Answer::Done);
                let script = self.scenario.scripts[index];
                instance.call = if goes_on { instance.call + 1 } else { script.len() };
                Step::Idle
            }
            (Step::Waiting | Step::Look, _) => return,
        };
        state.instances[index].step = step;
    }

    /// A write arrives, and whoever waits for it hears of it.
    fn arrive(&self, state: &mut State, sent: Sent) {
        state.on_the_way.remove(&sent);
        let older = matches!((sent.write, state.tables.user.and_then(|user| user.phone)),
            (Write::Phone(phone), Some(there)) if there.at > phone.at);
        let Scenario { most, life, .. } = self.scenario;
        let outcome = state.tables.apply(&sent.write, self.design, most, life);
        if outcome == Outcome::Done {
            promises::remember(&mut state.promises, &sent, older);
        }
        if sent.again {
            state.duplicates_left -= 1;
        }
        // A transaction that did not go through is looked at afresh when it arrives once more.
        let is_transaction = !matches!(sent.write, Write::Phone(_));
        let no_op = is_transaction && outcome == Outcome::Done && self.design.has(Part::RequestToken);
        if !sent.again && !no_op {
            state.on_the_way.insert(Sent { by: None, again: true, ..sent });
        }
        if state.duplicates_left == 0 {
            state.on_the_way.retain(|sent| !sent.again);
        }
        if let Some(index) = sent.by {
            state.instances[index].step = self.hear(state, index, sent.write, outcome);
            self.hand_over(state, index);
        }
    }

    /// What an instance makes of the outcome of its write.
    fn hear(&self, state: &mut State, index: usize, write: Write, outcome: Outcome) -> Step {
        let now = state.clock + self.scenario.ahead[index];
        match (write, outcome) {
            (Write::LogIn { .. }, Outcome::Done | Outcome::AlreadyOpen) => Step::Answered(Answer::Token),
            (Write::LogIn { login, place, .. }, Outcome::Others(seen)) => {
                let place = if place == Place::Free { self.room_among(seen, login, now) } else { Place::Free };
                send(state, index, Write::LogIn { login, place, now })
            }
            (Write::LogIn { .. }, _) => Step::Answered(Answer::InvalidCode),
            (_, Outcome::Done | Outcome::Newer) => Step::Answered(Answer::Done),
            (Write::LogOutAll { .. } | Write::Erase { .. }, _) => Step::Idle,
            _ => Step::Answered(Answer::Unauthorized),
        }
    }

    /// Room for one more: the expired and then the oldest give way.
    fn room_among(&self, seen: Members, login: Login, now: u8) -> Place {
        let mut kept = seen;
        for created in &mut kept.0 {
            *created = created.filter(|created| now < created.saturating_add(self.scenario.life));
        }
        while kept.len() >= self.scenario.most {
            let oldest = kept.codes().min_by_key(|code| kept.0[*code]);
            if let Some(code) = oldest {
                kept.0[code] = None;
            }
        }
        kept.0[login.code] = Some(login.created);
        Place::Made { seen, kept }
    }
}

fn send(state: &mut State, index: usize, write: Write) -> Step {
    let logins_before = match write {
        Write::LogOutAll { .. } | Write::Erase { .. } => state.promises.logins,
        _ => 0,
    };
    state.on_the_way.insert(Sent { write, by: Some(index), again: false, logins_before });
    Step::Waiting
}

fn token_of(call: Call) -> usize {
    match call {
        Call::LogIn(code) | Call::LogOut(code) | Call::LogOutAll(code) | Call::Erase(code) | Call::Phone(code) => code,
    }
}

/// Every instance has a next step, or waits for a write that is on its way.
pub fn nobody_is_stuck(state: &State) -> bool {
    (0..ACTORS).all(|index| {
        state.instances[index].step != Step::Waiting || state.on_the_way.iter().any(|sent| sent_by(sent, index))
    })
}
