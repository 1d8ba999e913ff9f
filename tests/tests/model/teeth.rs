//! The model has teeth: without a part of the design, the checker finds how a promise breaks.

use super::design::{Design, Part};
use super::promises;
use super::scenario::Call::{self, Erase, LogIn, LogOut, LogOutAll, Phone};
use super::scenario::{ACTORS, Scenario};
use super::{Found, check};

/// Expects the scenario to break this promise without these parts, and no promise with them.
fn breaks(without: &'static [Part], promise: &str, scenario: Scenario) {
    let Found { broken, .. } = check(scenario, Design { without });
    let Some(broken) = broken else { panic!("nothing breaks without {without:?}") };
    println!("without {without:?}: {}\n{}", broken.promises.join(", "), broken.way);
    assert!(broken.promises.contains(&promise), "another promise breaks");
    assert!(check(scenario, Design::default()).broken.is_none(), "it breaks in any case");
}

/// Two pages are enough.
fn two(first: &'static [Call], second: &'static [Call]) -> Scenario {
    let scripts: [&[Call]; ACTORS] = [first, second, &[]];
    Scenario::of(scripts)
}

/// One session a user, so that each login takes the place of the one before.
fn one_session(first: &'static [Call], second: &'static [Call]) -> Scenario {
    Scenario { most: 1, ..two(first, second) }
}

#[test]
fn a_login_must_check_the_logout_of_all() {
    breaks(&[Part::LoginChecksLogoutOfAll], promises::ENDED, two(&[LogOutAll(0)], &[LogIn(1)]));
}

#[test]
fn a_login_must_check_the_erase() {
    breaks(&[Part::LoginChecksErase], promises::ENDED, two(&[Erase(0)], &[LogIn(1)]));
}

#[test]
fn a_login_must_check_the_end_of_its_session() {
    let scenario = one_session(&[LogIn(1), LogOut(1)], &[]);
    breaks(&[Part::LoginChecksEndOfSession], promises::ENDED, scenario);
}

#[test]
fn a_login_must_not_count_in_the_millisecond_of_the_end() {
    breaks(&[Part::SameTimeIsBefore], promises::ENDED, two(&[LogOutAll(0)], &[LogIn(1)]));
}

#[test]
fn a_login_must_begin_before_wechat_is_asked() {
    breaks(&[Part::LoginBeginsBeforeWeChat], promises::ENDED, two(&[LogOutAll(0)], &[LogIn(1)]));
}

#[test]
fn the_time_of_an_end_must_be_read_last() {
    breaks(&[Part::EndIsTimedLast], promises::ENDED, two(&[LogOutAll(0)], &[LogIn(1)]));
}

#[test]
fn a_logout_must_need_a_user() {
    breaks(&[Part::LogoutNeedsUser], promises::ERASED, two(&[LogOut(0)], &[Erase(0)]));
}

#[test]
fn a_logout_must_leave_a_tombstone() {
    breaks(&[Part::LogoutLeavesTombstone], promises::ENDED, one_session(&[LogIn(1), LogOut(1)], &[]));
}

#[test]
fn a_session_that_gives_way_must_leave_a_tombstone() {
    let scenario = Scenario { crashes: 0, ..one_session(&[LogIn(1)], &[LogIn(2), LogOut(2)]) };
    breaks(&[Part::GivingWayLeavesTombstone], promises::ENDED, scenario);
}

#[test]
fn a_logout_of_all_must_compare_the_set() {
    breaks(&[Part::LogoutOfAllComparesSet], promises::OWNED, two(&[LogOutAll(0)], &[LogIn(1)]));
}

#[test]
fn an_erase_must_compare_the_set() {
    breaks(&[Part::EraseComparesSet], promises::OWNED, two(&[Erase(0)], &[LogIn(1)]));
}

#[test]
fn making_room_must_compare_the_set() {
    breaks(&[Part::MakingRoomComparesSet], promises::OWNED, one_session(&[LogIn(1)], &[LogIn(2)]));
}

#[test]
fn a_phone_must_need_its_session() {
    breaks(&[Part::PhoneNeedsSession], promises::PHONE, two(&[Phone(0)], &[LogOut(0)]));
}

#[test]
fn the_newest_phone_must_win() {
    breaks(&[Part::NewestPhoneWins], promises::NEWEST, two(&[Phone(0)], &[Phone(0)]));
}

#[test]
fn a_replay_must_need_a_live_session() {
    breaks(&[Part::ReplayNeedsLiveSession], promises::LATE, two(&[LogIn(1), LogOut(1)], &[LogIn(1)]));
}

/// With the tombstones the request token is not what keeps a late copy out; with it, they need not be there for that.
#[test]
fn without_tombstones_a_session_that_gave_way_needs_the_request_token() {
    let parts = &[Part::RequestToken, Part::GivingWayLeavesTombstone];
    breaks(parts, promises::ENDED, one_session(&[LogIn(1), LogOut(1)], &[]));
}

/// A known limit: the times that are compared come from two instances' clocks.
#[test]
fn a_clock_that_is_ahead_lets_a_login_outlive_a_logout_of_all() {
    let scenario = Scenario { ahead: [0, 1, 0], ..two(&[LogOutAll(0)], &[LogIn(1)]) };
    let broken = check(scenario, Design::default()).broken;
    assert!(broken.is_some_and(|broken| broken.promises.contains(&promises::ENDED)));
}
