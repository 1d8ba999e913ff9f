//! Login, replay, logout, logout of all, erase and phone of one user as a model, in which every interleaving of three
//! pages is tried, with crashes, lost replies, and late copies of writes; and, likewise, the renewal of the access token.
//!
//! The model is of the design, not of the code: of what each call reads and writes, and on which conditions. DynamoDB is
//! modelled as atomic writes and strongly consistent reads, WeChat as what exchanges a code once. `promises` says what
//! must hold; `teeth` shows that without any one of the conditions it does not.
//!
//! `cargo test` tries the scenarios below; `cargo model`, in up to an hour, all scripts of three pages.

mod access_token;
mod design;
mod every_script;
mod promises;
mod renewals;
mod scenario;
mod sessions;
mod state;
mod tables;
mod teeth;

use design::Design;
use scenario::Call::{self, Erase, LogIn, LogOut, LogOutAll, Phone};
use scenario::{ACTORS, Scenario};
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
    search(Sessions { scenario, design })
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
        panic!("{:?}: broken: {}\n{way}", scenario.scripts, promises.join(", "));
    }
    println!("{states:>9} states: {:?}", scenario.scripts);
    states
}

/// Three pages, and nothing is lost: the crashes are for the long form and for two pages.
fn three(scripts: [&'static [Call]; ACTORS]) {
    holds(Scenario { crashes: 0, ..Scenario::of(scripts) });
}

fn two(first: &'static [Call], second: &'static [Call]) {
    let scripts: [&[Call]; ACTORS] = [first, second, &[]];
    holds(Scenario::of(scripts));
}

#[test]
fn a_login_meets_its_repetition_and_a_logout_of_all() {
    three([&[LogOutAll(0)], &[LogIn(1)], &[LogIn(1)]]);
}

#[test]
fn logins_meet_an_erase() {
    three([&[Erase(0)], &[LogIn(1)], &[LogIn(2)]]);
}

#[test]
fn a_logout_a_logout_of_all_and_an_erase_meet() {
    three([&[LogOut(0)], &[LogOutAll(0)], &[Erase(0)]]);
}

#[test]
fn a_phone_meets_an_erase_and_a_user_made_anew() {
    three([&[Phone(0)], &[Erase(0)], &[LogIn(1)]]);
}

#[test]
fn a_phone_meets_another_and_a_logout() {
    three([&[Phone(0)], &[Phone(0)], &[LogOut(0)]]);
}

#[test]
fn a_code_is_repeated_after_its_logout() {
    two(&[LogIn(1), LogOut(1)], &[LogIn(1)]);
}

#[test]
fn sessions_give_way_to_newer_ones() {
    let scripts: [&[Call]; ACTORS] = [&[LogIn(1)], &[LogIn(2), LogOut(2)], &[]];
    holds(Scenario { most: 1, crashes: 0, ..Scenario::of(scripts) });
}

#[test]
fn sessions_expire() {
    let scripts: [&[Call]; ACTORS] = [&[LogOutAll(0)], &[LogIn(1)], &[]];
    holds(Scenario { life: 2, most: 1, ..Scenario::of(scripts) });
}

#[test]
fn three_first_logins_race() {
    let scripts: [&[Call]; ACTORS] = [&[LogIn(0)], &[LogIn(1)], &[LogIn(0)]];
    holds(Scenario { logged_in: false, crashes: 0, ..Scenario::of(scripts) });
}
