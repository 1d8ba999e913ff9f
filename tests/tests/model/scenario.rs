//! Who does what: the calls of three pages, and what may befall them.

use super::tables::CODES;

/// How many pages there are, each with a function instance of its own.
pub const ACTORS: usize = 3;

/// A call of a page. The number is that of the code of `wx.login`, and of the token that it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    LogIn(usize),
    LogOut(usize),
    LogOutAll(usize),
    Erase(usize),
    Phone(usize),
}

/// What the pages call, one call after the other, each repeated until it is answered; and the limits of the search.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub scripts: [&'static [Call]; ACTORS],
    /// Whether session 0 is open already.
    pub logged_in: bool,
    /// How many sessions a user may have.
    pub most: usize,
    /// How long a session lives.
    pub life: u8,
    /// How often an instance may crash, or its reply be lost.
    pub crashes: u8,
    /// How many writes arrive once more, late.
    pub duplicates: u8,
    /// The clock stops here.
    pub end_of_time: u8,
    /// How much each instance's clock is ahead.
    pub ahead: [u8; ACTORS],
}

impl Scenario {
    /// Session 0 is open, the clock ticks twice, somebody may crash once, and one write arrives twice.
    pub const fn of(scripts: [&'static [Call]; ACTORS]) -> Self {
        Self {
            scripts,
            logged_in: true,
            most: CODES,
            life: u8::MAX,
            crashes: 1,
            duplicates: 1,
            end_of_time: 3,
            ahead: [0; ACTORS],
        }
    }
}
