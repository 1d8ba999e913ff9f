//! The model has teeth: without a part of the design, the checker finds how a promise breaks.

use super::design::{Design, PARTS, Part};
use super::promises::{
    AGAIN, ENDED, ERASED, LATE, LOCKED, NEWEST, OWNED, PHONE, RECORDED, REFUSED, RELISTED, ROOM, SPARED,
};
use super::scenario::Call::{Erase, LogIn, LogOut, LogOutAll, Phone, Withdraw};
use super::scenario::Scenario;
use super::{Found, check};

/// Expects the scenario to break this promise without these parts, and no promise with them.
fn breaks(without: &'static [Part], promise: &str, scenario: Scenario) {
    let Found { broken, .. } = check(scenario, Design { without });
    let Some(broken) = broken else { panic!("nothing breaks without {without:?}") };
    println!("without {without:?}: {}\n{}", broken.promises.join(", "), broken.way);
    assert!(broken.promises.contains(&promise), "another promise breaks");
    let Found { broken, states } = check(scenario, Design::default());
    println!("{states} states with it");
    if let Some(broken) = broken {
        panic!("it breaks in any case: {}\n{}", broken.promises.join(", "), broken.way);
    }
}

macro_rules! teeth {
    ($($test:ident: without $part:ident breaks $promise:ident in $scenario:expr;)*) => {
        $(#[test]
        fn $test() {
            breaks(&[Part::$part], $promise, $scenario);
        })*

        const TRIED: &[Part] = &[$(Part::$part,)*];
    };
}

const CALM: Scenario = Scenario { crashes: 0, copies: 0, end_of_time: 2, ..Scenario::two(&[], &[]) };
const COPY: Scenario = Scenario { copies: 1, ..CALM };
const CRASH: Scenario = Scenario { crashes: 1, ..CALM };

teeth! {
    a_login_must_check_the_door: without EnrolChecksDoor breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], ..CALM };
    a_login_must_not_count_in_the_millisecond_of_the_door: without SameTimeIsBeforeDoor breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], ..CALM };
    a_door_in_the_far_future_must_lock_nobody_out: without FutureDoorIsIgnored breaks LOCKED in
        Scenario { scripts: [&[LogIn(1)], &[], &[]], broken_clock: [Some(100), None], ..CALM };
    a_member_that_was_taken_out_must_not_come_back: without EnrolChecksGoneAt breaks RELISTED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[Phone(1)], &[]], ..COPY };
    the_newest_member_that_was_taken_out_must_not_come_back: without SameTimeIsGone breaks RELISTED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[Phone(1)], &[]], ..COPY };
    a_gone_at_in_the_far_future_must_lock_nobody_out: without FutureGoneAtIsIgnored breaks LOCKED in
        Scenario { scripts: [&[LogIn(1)], &[], &[]], broken_clock: [None, Some(100)], ..CALM };
    a_session_that_was_buried_must_not_open: without OpenChecksTombstone breaks ENDED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[], &[]], ..COPY };
    a_session_must_not_open_in_the_millisecond_of_its_burial: without SameTimeIsBeforeBurial breaks ENDED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[], &[]], ..COPY };
    a_tombstone_must_not_be_replaced: without BuryKeepsTombstone breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogOutAll(1)], &[]], open: 3, ..CRASH };
    a_call_that_has_finished_must_not_shut_a_door: without DoorNeedsMember breaks AGAIN in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], ..CRASH };
    a_late_door_must_not_open_a_later_one: without DoorOnlyMovesOn breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogOutAll(1)], &[LogIn(2)]], open: 2, ..CALM };
    a_door_in_the_far_future_must_be_replaced: without FutureDoorIsReplaced breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], broken_clock: [Some(100), None], ..CALM };
    a_withdrawal_must_spare_a_new_user: without WithdrawalSparesNewUser breaks SPARED in
        Scenario { scripts: [&[Withdraw(1)], &[LogIn(0)], &[]], open: 0, ..CALM };
    gone_at_must_not_be_lowered: without GoneAtOnlyRises breaks RELISTED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[LogOut(0)], &[Phone(1)]], ..COPY };
    a_gone_at_in_the_far_future_must_be_replaced: without FutureGoneAtIsReplaced breaks RELISTED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[Phone(1)], &[]], broken_clock: [None, Some(100)], ..COPY };
    a_logout_of_all_must_take_out_while_the_door_is_its_own: without TakeOutAllNeedsOwnDoor breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], crashes: 2, ..CALM };
    an_erase_must_have_buried_every_session: without WipeComparesSet breaks OWNED in
        Scenario { scripts: [&[Erase(0)], &[LogIn(1)], &[]], ..CALM };
    an_erase_must_wipe_while_the_door_is_its_own: without WipeComparesDoor breaks ENDED in
        Scenario { scripts: [&[Erase(0)], &[LogOutAll(1)], &[LogIn(2)]], open: 2, ..CALM };
    a_late_record_must_not_replace_a_later_one: without RecordOnlyMovesOn breaks RECORDED in
        Scenario { scripts: [&[Erase(0)], &[LogIn(1), Erase(1)], &[]], end_of_time: 3, ..COPY };
    a_phone_must_need_its_session: without PhoneNeedsMember breaks PHONE in
        Scenario { scripts: [&[Phone(0)], &[LogOut(0)], &[]], ..CALM };
    the_newest_phone_must_win: without NewestPhoneWins breaks NEWEST in
        Scenario { scripts: [&[Phone(0)], &[Phone(0)], &[]], ..CALM };
    a_login_must_begin_before_wechat_is_asked: without LoginBeginsBeforeWeChat breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], ..CALM };
    a_login_must_enrol_first: without EnrolFirst breaks OWNED in
        Scenario { scripts: [&[LogIn(1)], &[], &[]], ..CALM };
    an_enrolment_must_know_itself: without EnrolKnowsItself breaks REFUSED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[LogIn(2)], &[]], ..COPY };
    a_session_must_know_itself: without OpenKnowsItself breaks REFUSED in
        Scenario { scripts: [&[LogIn(1)], &[], &[]], ..COPY };
    an_eviction_must_make_room: without EvictionMakesRoom breaks ROOM in
        Scenario { scripts: [&[LogIn(1)], &[], &[]], most: 1, ..CALM };
    who_is_evicted_must_leave_a_tombstone: without BuriedLeaveTombstones breaks ENDED in
        Scenario { scripts: [&[LogIn(1)], &[LogIn(2)], &[]], most: 1, ..CALM };
    who_logs_out_must_leave_a_tombstone: without CallersLeaveTombstones breaks ENDED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[], &[]], ..COPY };
    a_tombstone_must_cover_its_login: without TombstoneCoversLogin breaks ENDED in
        Scenario { scripts: [&[LogIn(1)], &[LogOut(1)], &[]], ahead: [1, 0, 0], ..COPY };
    an_eviction_must_leave_who_is_unfinished: without EvictionLeavesUnfinished breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(2)], &[]], open: 2, most: 2, ..CRASH };
    the_caller_must_be_buried_before_the_door_is_shut: without MarkFirst breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(2)], &[]], open: 2, most: 2, ..CRASH };
    a_repetition_must_go_on: without RepetitionGoesOn breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[], &[]], open: 2, ..CRASH };
    a_door_must_have_a_margin: without DoorHasMargin breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], margin: 1, ahead: [0, 1, 0], ..CALM };
    a_door_must_return_the_set: without DoorReturnsSet breaks ENDED in
        Scenario { scripts: [&[LogOutAll(0)], &[LogIn(1)], &[]], ..CALM };
    a_door_must_cover_who_came_through: without DoorCoversMembers breaks RELISTED in
        Scenario { scripts: [&[Erase(0)], &[LogIn(1)], &[]], ..COPY };
    taking_out_must_raise_gone_at: without TakeOutRaisesGoneAt breaks RELISTED in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[Phone(1)], &[]], ..COPY };
    a_logout_of_all_must_start_over: without TakeOutAllStartsOver breaks PHONE in
        Scenario { scripts: [&[LogOutAll(0)], &[LogOutAll(1)], &[Phone(0)]], open: 2, ..CALM };
    an_erased_user_must_leave_a_tombstone: without WipeLeavesTombstone breaks ERASED in
        Scenario { scripts: [&[Erase(0)], &[LogIn(1)], &[]], ..CALM };
    an_erase_must_be_recorded_before_the_wipe: without RecordBeforeWipe breaks RECORDED in
        Scenario { scripts: [&[Erase(0)], &[], &[]], ..CRASH };
    a_replay_must_need_a_live_session: without ReplayNeedsLiveSession breaks LATE in
        Scenario { scripts: [&[LogIn(1), LogOut(1)], &[LogIn(1)], &[]], ..CALM };
}

#[test]
fn every_part_is_tried() {
    let untried: Vec<&Part> = PARTS.iter().filter(|part| !TRIED.contains(part)).collect();
    assert!(untried.is_empty(), "{untried:?}");
}

/// A known limit: clocks that differ by more than the margin.
#[test]
fn a_clock_that_is_ahead_by_more_than_the_margin_lets_a_login_outlive_a_logout_of_all() {
    let scripts = Scenario::two(&[LogOutAll(0)], &[LogIn(1)]);
    let broken = check(Scenario { margin: 1, ahead: [0, 2, 0], ..scripts }, Design::default()).broken;
    assert!(broken.is_some_and(|broken| broken.promises.contains(&ENDED)));
}
