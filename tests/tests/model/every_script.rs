//! The long form: all scripts of two pages in depth, and of three with less that may befall them.

use super::holds;
use super::scenario::Call::{self, Erase, LogIn, LogOut, LogOutAll, Phone, Withdraw};
use super::scenario::Scenario;

/// What a page may do. Session 0 is open before.
const SCRIPTS: [&[Call]; 13] = [
    &[LogIn(1)],
    &[LogIn(2)],
    &[LogOut(0)],
    &[LogOutAll(0)],
    &[Erase(0)],
    &[Phone(0)],
    &[Withdraw(1)],
    &[LogIn(1), Phone(1)],
    &[LogIn(1), LogOut(1)],
    &[LogIn(1), LogOutAll(1)],
    &[LogIn(1), Erase(1)],
    &[LogOutAll(0), LogIn(2)],
    &[Erase(0), LogIn(2)],
];

/// What a page may do as the second of two sessions that are open before.
const OTHERS: [&[Call]; 4] = [&[LogOut(1)], &[LogOutAll(1)], &[Erase(1)], &[Phone(1)]];

/// Runs scenarios, and says what it came to.
fn all(what: &str, scenarios: impl Iterator<Item = Scenario>) {
    let (count, states) = scenarios.map(holds).fold((0, 0), |(count, sum), states| (count + 1, sum + states));
    println!("{what}: {states} states in {count} scenarios, no violation");
}

fn pairs() -> impl Iterator<Item = Scenario> {
    let pair = |first: usize| SCRIPTS[first..].iter().map(move |second| Scenario::two(SCRIPTS[first], second));
    (0..SCRIPTS.len()).flat_map(pair)
}

/// What follows from the first of two open sessions, and from the second.
fn with_another(limits: Scenario) -> impl Iterator<Item = Scenario> {
    let scripts = SCRIPTS.iter().copied().filter(|script| !script.contains(&LogIn(1)));
    let pairs = scripts.flat_map(|script| OTHERS.iter().map(move |other| (script, *other)));
    let limits = Scenario { open: 2, ..limits };
    pairs.map(move |(script, other)| limits.with([script, other, &[]]))
}

/// All threes of single calls.
fn triples(limits: Scenario) -> impl Iterator<Item = Scenario> {
    let calls: Vec<&[Call]> = SCRIPTS.iter().copied().filter(|script| script.len() == 1).collect();
    let mut scenarios = Vec::new();
    for (first, script) in calls.iter().enumerate() {
        for (second, other) in calls.iter().enumerate().skip(first) {
            let thirds = calls[second..].iter();
            scenarios.extend(thirds.map(|third| limits.with([script, other, third])));
        }
    }
    scenarios.into_iter()
}

fn calls(scenario: &Scenario) -> usize {
    scenario.scripts.iter().map(|script| script.len()).sum()
}

#[test]
#[ignore = "takes minutes: cargo model"]
fn two_pages_keep_every_promise_whoever_crashes() {
    all("one crash, one copy", pairs().filter(|scenario| calls(scenario) < 4));
    let crowded = pairs().map(|scenario| Scenario { most: 1, end_of_time: 2, ..scenario });
    all("one session a user", crowded.filter(|scenario| calls(scenario) < 4));
    let two_crashes = pairs().map(|scenario| Scenario { crashes: 2, copies: 0, ..scenario });
    all("two crashes", two_crashes.filter(|scenario| calls(scenario) < 3));
    let twice = pairs().map(|scenario| Scenario { crashes: 0, copies: 1, end_of_time: 4, ..scenario });
    all("four calls, one copy", twice.filter(|scenario| calls(scenario) == 4));
}

#[test]
#[ignore = "takes minutes: cargo model"]
fn two_pages_keep_every_promise_whatever_the_clocks_show() {
    for ahead in [[1, 0, 0], [0, 1, 0]] {
        let skewed = pairs().map(|scenario| Scenario { ahead, margin: 1, crashes: 0, end_of_time: 4, ..scenario });
        all("clocks differ, one copy", skewed.filter(|scenario| calls(scenario) < 4));
        let crashed = pairs().map(|scenario| Scenario { ahead, margin: 1, copies: 0, end_of_time: 4, ..scenario });
        all("clocks differ, one crash", crashed.filter(|scenario| calls(scenario) < 4));
    }
    for broken_clock in [[Some(100), None], [None, Some(100)]] {
        let broken = pairs().map(|scenario| Scenario { broken_clock, crashes: 0, ..scenario });
        all("times in the far future", broken.filter(|scenario| calls(scenario) < 3));
    }
    let expiring = pairs().map(|scenario| Scenario { life: 2, crashes: 0, end_of_time: 4, ..scenario });
    all("sessions expire", expiring.filter(|scenario| calls(scenario) < 4));
}

#[test]
#[ignore = "takes minutes: cargo model"]
fn two_pages_keep_every_promise_when_tombstones_are_gone() {
    let hour = pairs().map(|scenario| Scenario { hour: true, copies: 0, ..scenario });
    all("an hour passes", hour.filter(|scenario| calls(scenario) < 4));
}

#[test]
#[ignore = "takes minutes: cargo model"]
fn two_sessions_keep_every_promise() {
    let start = Scenario::two(&[], &[]);
    all("two sessions", with_another(Scenario { end_of_time: 2, ..start }));
    all("two sessions, two crashes", with_another(Scenario { crashes: 2, copies: 0, end_of_time: 2, ..start }));
    all("two sessions, of two that may be", with_another(Scenario { most: 2, end_of_time: 2, ..start }));
}

#[test]
#[ignore = "takes minutes: cargo model"]
fn three_pages_keep_every_promise() {
    let start = Scenario { end_of_time: 2, ..Scenario::two(&[], &[]) };
    all("three pages", triples(Scenario { crashes: 0, copies: 0, end_of_time: 3, ..start }));
    all("three pages, one crash", triples(Scenario { copies: 0, ..start }));
    all("three pages, one session a user", triples(Scenario { most: 1, crashes: 0, copies: 0, ..start }));
    let twice: [[&'static [Call]; 3]; 3] = [
        [&[LogOutAll(0)], &[LogOutAll(1)], &[LogIn(2)]],
        [&[LogOutAll(0)], &[Erase(1)], &[LogIn(2)]],
        [&[Erase(0)], &[Erase(1)], &[LogIn(2)]],
    ];
    let limits = Scenario { open: 2, copies: 0, ..start };
    let two_ends = twice.into_iter().map(|scripts| limits.with(scripts));
    all("two ends and a login, one crash", two_ends);
}
