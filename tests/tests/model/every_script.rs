//! The long form: all scripts of three pages.

use super::holds;
use super::scenario::Call::{self, Erase, LogIn, LogOut, LogOutAll, Phone};
use super::scenario::{ACTORS, Scenario};
use super::tables::CODES;

/// What a page may do. Session 0 is open before.
const SCRIPTS: [&[Call]; 12] = [
    &[LogIn(0)],
    &[LogIn(1)],
    &[LogIn(2)],
    &[LogOut(0)],
    &[LogOutAll(0)],
    &[Erase(0)],
    &[Phone(0)],
    &[LogIn(1), Phone(1)],
    &[LogIn(1), LogOut(1)],
    &[LogIn(1), LogOutAll(1)],
    &[LogIn(1), Erase(1)],
    &[LogOutAll(0), LogIn(2)],
];

#[test]
#[ignore = "takes minutes: cargo model"]
fn every_three_scripts_keep_every_promise() {
    let mut states = 0;
    let mut scenarios = 0;
    for (first, script) in SCRIPTS.iter().enumerate() {
        for (second, other) in SCRIPTS.iter().enumerate().skip(first) {
            for third in &SCRIPTS[second..] {
                let scripts: [&[Call]; ACTORS] = [script, other, third];
                // Crashes of three pages with long scripts would take hours.
                let long = scripts.iter().filter(|script| script.len() > 1).count();
                let crashes = u8::from(long < 2);
                for most in [1, CODES] {
                    states += holds(Scenario { most, crashes, ..Scenario::of(scripts) });
                    scenarios += 1;
                }
            }
        }
    }
    println!("{states} states in {scenarios} scenarios, no violation");
}
