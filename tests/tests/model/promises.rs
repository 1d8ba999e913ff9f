//! What must always hold, and what must be possible.

use super::sessions::{Sessions, nobody_is_stuck};
use super::state::{Promises, Sent, State, Step};
use super::tables::{Login, Row, Write};
use stateright::{Expectation, Property};

pub const ENDED: &str = "a session that has ended never works again, nor does one of a login that was under way";
pub const ERASED: &str = "an erased user does not come back, nor does their phone number";
pub const OWNED: &str = "no session lives without its user, whose set has it";
pub const LISTED: &str = "the user's set has no session that is not there";
pub const PHONE: &str = "a phone number never lands after its session has ended";
pub const NEWEST: &str = "a phone number never takes the place of a newer one";
pub const LATE: &str = "a code whose session has ended is not answered with the token";
pub const ROOM: &str = "a user never has more sessions than may be";
pub const STUCK: &str = "nobody waits for what never comes";
/// The one that must be possible.
pub const ANSWERED: &str = "everybody is answered in the end";

pub fn all() -> Vec<Property<Sessions>> {
    let always = Property::<Sessions>::always;
    vec![
        always(ENDED, |_, state| open(state).all(|login| !state.promises.has_ended(login))),
        always(ERASED, |_, state| {
            let stays_erased = |serial: u8| serial >= state.promises.erased_before;
            state.tables.user.is_none_or(|user| {
                user.made_by.is_some_and(stays_erased) && user.phone.is_none_or(|phone| stays_erased(phone.by.serial))
            })
        }),
        always(OWNED, |_, state| {
            open(state).all(|login| state.tables.user.is_some_and(|user| user.members.has(login.code)))
        }),
        always(LISTED, |model, state| {
            let there = |code: usize, created: u8| match state.tables.sessions[code] {
                Row::Open(_) => true,
                Row::Absent => created.saturating_add(model.scenario.life) <= state.clock,
                Row::Ended { .. } => false,
            };
            let members = state.tables.user.map(|user| user.members.0).into_iter().flatten().enumerate();
            members.into_iter().all(|(code, created)| created.is_none_or(|created| there(code, created)))
        }),
        always(PHONE, |_, state| !state.promises.late_phone),
        always(NEWEST, |_, state| !state.promises.older_phone),
        always(LATE, |_, state| !state.promises.late_answer),
        always(ROOM, |model, state| state.tables.user.is_none_or(|user| user.members.len() <= model.scenario.most)),
        always(STUCK, |_, state| nobody_is_stuck(state)),
        Property {
            expectation: Expectation::Sometimes,
            name: ANSWERED,
            condition: |model, state| {
                let finished =
                    |index: usize| state.instances[index].step == Step::Idle && model.call(state, index).is_none();
                (0..state.instances.len()).all(finished)
            },
        },
    ]
}

fn open(state: &State) -> impl Iterator<Item = Login> {
    state.tables.sessions.iter().filter_map(|row| match row {
        Row::Open(login) => Some(*login),
        _ => None,
    })
}

/// What a write that went through promises. This is earlier than the answer, and so more than was promised. A logout of
/// all and an erase promise it of every login that began before they read the clock.
pub fn remember(promises: &mut Promises, sent: &Sent, older_phone: bool) {
    match sent.write {
        Write::LogIn { place: super::tables::Place::Made { seen, kept }, .. } => {
            for code in seen.codes().filter(|code| !kept.has(*code)) {
                promises.ended[code] = true;
            }
        }
        Write::LogIn { .. } => {}
        Write::LogOut { code, .. } => promises.ended[code] = true,
        Write::LogOutAll { .. } => promises.ended_before = promises.ended_before.max(sent.logins_before),
        Write::Erase { .. } => {
            promises.ended_before = promises.ended_before.max(sent.logins_before);
            promises.erased_before = promises.erased_before.max(sent.logins_before);
        }
        Write::Phone(phone) => {
            promises.late_phone |= promises.has_ended(phone.by);
            promises.older_phone |= older_phone;
        }
    }
}
