//! Login, replay, logout, logout of all, erase, withdrawal and phone of one user as a model, in which every
//! interleaving of three pages is tried, with crashes, lost answers, late copies of writes and clocks that differ; and,
//! likewise, the renewal of the access token.
//!
//! DynamoDB is modelled as atomic writes, whose conditions are the product's own strings, and strongly consistent
//! reads; WeChat as what exchanges a code once. `promises` says what must hold; `teeth` shows that without any one of
//! the parts it does not; `tie` names the code that each part is.
//!
//! `cargo test` tries the scenarios below; `cargo model` many more.

mod access_token;
mod condition;
mod design;
mod ends;
mod every_script;
mod login;
mod promises;
mod renewals;
mod scenario;
mod sessions;
mod state;
mod tables;
mod teeth;
mod tie;

use design::{Conditions, Design};
use scenario::Call::{Erase, LogIn, LogOut, LogOutAll, Phone, Withdraw};
use scenario::Scenario;
use sessions::Sessions;
use stateright::{Checker, HasDiscoveries, Model};
use std::fmt::Debug;
use std::hash::Hash;

/// What the checker found.
struct Found {
    /// How many states there are.
    states: usize,
    broken: Option<Broken>,
}

/// The promises that do not hold, and how it comes to that.
struct Broken {
    promises: Vec<&'static str>,
    way: String,
}

/// Tries everything that can happen in a scenario, up to the first broken promise.
fn check(scenario: Scenario, design: Design) -> Found {
    search(Sessions { scenario, design, conditions: Conditions::of(design) })
}

/// Tries everything that can happen in a model, up to the first broken promise.
fn search<M>(model: M) -> Found
where
    M: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync, Action: Clone + Debug + PartialEq + Send + Sync>,
    M: Send + Sync + 'static,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let mut discoveries = checker.discoveries();
    let answered = discoveries.remove(promises::ANSWERED);
    let mut promises: Vec<&str> = discoveries.keys().copied().collect();
    promises.sort_unstable();
    let way = discoveries.into_values().next().map(|path| {
        let actions: Vec<String> = path.into_actions().iter().map(|action| format!("  {action:?}")).collect();
        actions.join("\n")
    });
    assert!(answered.is_some() || way.is_some(), "nobody is ever answered");
    Found { states: checker.unique_state_count(), broken: way.map(|way| Broken { promises, way }) }
}

/// Expects every promise to hold, whatever happens.
fn holds(scenario: Scenario) -> usize {
    let Found { states, broken } = check(scenario, Design::default());
    if let Some(Broken { promises, way }) = broken {
        panic!("{scenario:?}: broken: {}\n{way}", promises.join(", "));
    }
    println!("{states:>9} states: {:?}", scenario.scripts);
    states
}

#[test]
fn a_login_meets_its_repetition_and_a_logout_of_all() {
    holds(Scenario { crashes: 0, ..Scenario::of([&[LogOutAll(0)], &[LogIn(1)], &[LogIn(1)]]) });
}

#[test]
fn logins_meet_an_erase() {
    holds(Scenario { crashes: 0, copies: 0, ..Scenario::of([&[Erase(0)], &[LogIn(1)], &[LogIn(2)]]) });
}

#[test]
fn a_logout_a_logout_of_all_and_an_erase_by_one_token_meet() {
    holds(Scenario { end_of_time: 2, ..Scenario::of([&[LogOut(0)], &[LogOutAll(0)], &[Erase(0)]]) });
}

#[test]
fn a_logout_of_all_and_an_erase_by_two_sessions_meet() {
    holds(Scenario { open: 2, end_of_time: 2, ..Scenario::two(&[LogOutAll(0)], &[Erase(1)]) });
}

#[test]
fn a_phone_meets_an_erase_and_a_new_user() {
    holds(Scenario { crashes: 0, ..Scenario::of([&[Phone(0)], &[Erase(0)], &[LogIn(1)]]) });
}

#[test]
fn a_phone_meets_another_and_a_logout() {
    holds(Scenario { crashes: 0, ..Scenario::of([&[Phone(0)], &[Phone(0)], &[LogOut(0)]]) });
}

#[test]
fn a_code_is_repeated_after_its_logout() {
    holds(Scenario::two(&[LogIn(1), LogOut(1)], &[LogIn(1)]));
}

#[test]
fn sessions_are_evicted_by_newer_ones() {
    holds(Scenario { most: 1, crashes: 0, ..Scenario::two(&[LogIn(1)], &[LogIn(2), LogOut(2)]) });
}

#[test]
fn sessions_expire() {
    holds(Scenario { life: 2, most: 1, ..Scenario::two(&[LogOutAll(0)], &[LogIn(1)]) });
}

#[test]
fn three_first_logins_race() {
    holds(Scenario { open: 0, crashes: 0, ..Scenario::of([&[LogIn(0)], &[LogIn(1)], &[LogIn(0)]]) });
}

#[test]
fn a_withdrawal_meets_logins() {
    holds(Scenario { crashes: 0, ..Scenario::two(&[Withdraw(1)], &[LogIn(1)]) });
}

#[test]
fn a_logout_of_all_meets_a_login_whose_clock_is_ahead() {
    let scenario = Scenario::two(&[LogOutAll(0)], &[LogIn(1)]);
    for ahead in [[1, 0, 0], [0, 1, 0]] {
        holds(Scenario { margin: 1, ahead, crashes: 0, end_of_time: 4, ..scenario });
    }
}

#[test]
fn a_logout_of_all_whose_caller_crashes_twice_goes_on() {
    holds(Scenario { crashes: 2, copies: 0, end_of_time: 2, ..Scenario::two(&[LogOutAll(0)], &[LogIn(1)]) });
}
