//! The renewal of the access token keeps its promises, and none of its parts can be spared.

use super::access_token::{FORCED, ONCE, Part, Renewal, SERVED, Trouble, VOID};
use super::{Broken, Found, search};

/// Nothing crashes, and everything happens within two ticks: the rest is for the long form.
const SHORT: Renewal =
    Renewal { without: None, trouble: Trouble::Repeated, stored: true, crashes: 0, copies: 1, end_of_time: 2 };

fn holds(renewal: Renewal) -> usize {
    let Found { states, broken } = search(renewal);
    if let Some(Broken { promises, way }) = broken {
        panic!("{renewal:?}: broken: {}\n{way}", promises.join(", "));
    }
    println!("{states:>9} states: {renewal:?}");
    states
}

fn breaks(part: Part, promise: &str, renewal: Renewal) {
    let broken = search(Renewal { without: Some(part), ..renewal }).broken;
    let Some(broken) = broken else { panic!("nothing breaks") };
    println!("without {part:?}: {}\n{}", broken.promises.join(", "), broken.way);
    assert!(broken.promises.contains(&promise), "another promise breaks");
}

#[test]
fn a_revoked_token_that_wechat_repeats_is_replaced_by_force_once() {
    holds(SHORT);
}

#[test]
fn a_revoked_token_that_wechat_has_replaced_is_renewed_without_force() {
    holds(Renewal { trouble: Trouble::Forgotten, ..SHORT });
}

#[test]
fn a_token_that_nears_its_end_is_renewed_without_force() {
    holds(Renewal { trouble: Trouble::Ending, ..SHORT });
}

#[test]
#[ignore = "takes minutes: cargo model"]
fn a_token_is_renewed_and_replaced_whoever_crashes() {
    let mut states = 0;
    for trouble in [Trouble::Repeated, Trouble::Forgotten, Trouble::Ending] {
        for (crashes, copies) in [(1, 0), (0, 1)] {
            states += holds(Renewal { trouble, crashes, copies, end_of_time: 5, ..SHORT });
            states += holds(Renewal { trouble, crashes, copies, stored: false, ..SHORT });
        }
        states += holds(Renewal { trouble, crashes: 1, ..SHORT });
    }
    println!("{states} states of the access token, no violation");
}

#[test]
fn a_claim_must_compare_the_last_one() {
    breaks(Part::ClaimComparesLast, FORCED, SHORT);
}

#[test]
fn a_claim_must_wait_after_the_last_one() {
    breaks(Part::ClaimWaits, FORCED, SHORT);
}

#[test]
fn a_claim_whose_answer_was_lost_must_be_known_again() {
    breaks(Part::ClaimIsKnownAgain, SERVED, SHORT);
}

#[test]
fn a_claim_must_be_known_by_more_than_its_time() {
    breaks(Part::ClaimHasMark, ONCE, SHORT);
}

#[test]
fn wechat_must_be_asked_in_normal_mode_first() {
    breaks(Part::NormalFirst, ONCE, Renewal { trouble: Trouble::Forgotten, ..SHORT });
}

#[test]
fn wechat_must_be_asked_in_normal_mode_last() {
    breaks(Part::NormalLast, SERVED, SHORT);
}

#[test]
fn the_newest_token_must_win() {
    breaks(Part::NewestWins, VOID, Renewal { stored: false, ..SHORT });
}

#[test]
fn a_token_made_by_force_must_be_timed_last() {
    breaks(Part::ForcedIsTimedLast, VOID, Renewal { stored: false, ..SHORT });
}
