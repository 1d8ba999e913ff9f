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
    /// WeChat pushes that the user withdrew the authorization when the clock showed this.
    Withdraw(u8),
}

/// What the pages call, one call after the other, each repeated until it is answered; and the limits of the search.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub scripts: [&'static [Call]; ACTORS],
    /// How many sessions are open already: those of the first codes.
    pub open: usize,
    /// How many sessions a user may have.
    pub most: usize,
    /// How long a session lives.
    pub life: u8,
    /// How often an instance may crash, or its reply be lost.
    pub crashes: u8,
    /// How many writes arrive a second time: late, or sent again because the answer was lost.
    pub copies: u8,
    /// The clock stops here.
    pub end_of_time: u8,
    /// How much each instance's clock is ahead.
    pub ahead: [u8; ACTORS],
    /// By how much an end reaches into the future.
    pub margin: u8,
    /// The user's `ended_at` and `gone_at` at the start, of a broken clock.
    pub broken_clock: [Option<u8>; 2],
    /// Whether an hour may pass in which nothing is under way: tombstones are removed.
    pub hour: bool,
}

impl Scenario {
    /// Session 0 is open, the clock ticks twice, somebody may crash once, and one write arrives twice.
    pub const fn of(scripts: [&'static [Call]; ACTORS]) -> Self {
        Self {
            scripts,
            open: 1,
            most: CODES,
            life: u8::MAX,
            crashes: 1,
            copies: 1,
            end_of_time: 3,
            ahead: [0; ACTORS],
            margin: 0,
            broken_clock: [None; 2],
            hour: false,
        }
    }

    /// The same with two pages.
    pub const fn two(first: &'static [Call], second: &'static [Call]) -> Self {
        Self::of([first, second, &[]])
    }

    /// The same limits for other pages.
    pub const fn with(self, scripts: [&'static [Call]; ACTORS]) -> Self {
        Self { scripts, ..self }
    }
}
