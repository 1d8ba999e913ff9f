//! Model and product are the same thing: the conditions that the model runs are those that the store sends, and every
//! other part is named here with the code that does it. Whoever takes that code away meets this test, then the part's
//! API test.

use super::design::{PARTS, Part};
use std::fs;
use std::path::Path;

/// Parts that the product does not have yet: the model found them missing. To be emptied.
const NOT_IN_PRODUCT: &[Part] = &[];

const LOGIN: &str = "shared/src/store/login.rs";
const ENDS: &str = "shared/src/store/ends.rs";
const ERASE: &str = "shared/src/store/erase.rs";
const FUNCTION: &str = "functions/login/src/lib.rs";

/// Where a part is in the code, and what stands there, in this order.
fn code(part: Part) -> Option<(&'static str, &'static [&'static str])> {
    Some(match part {
        Part::LoginBeginsBeforeWeChat => (FUNCTION, &["let began = app.clock.now();", ".code_to_session("]),
        Part::ReplayNeedsLiveSession => {
            (FUNCTION, &["session.may_replay(", "Found::Ended(_) => return Ok(Look::Never)"])
        }
        Part::EnrolFirst => (LOGIN, &["self.enrol(&opening, scope)", "self.open(&opening, scope)"]),
        Part::EnrolKnowsItself => (LOGIN, &["contains(&opening.member) => Some("]),
        Part::OpenKnowsItself => (LOGIN, &["if same { Login::Opened } else { Login::AlreadyOpen(session) }"]),
        Part::EvictionMakesRoom => (LOGIN, &["self.bury_evicted(", "self.open(&opening, scope)"]),
        Part::EvictionLeavesUnfinished => (LOGIN, &["tombstone.keeps_member(now)", "(!unfinished).then("]),
        Part::BuriedLeaveTombstones => (ENDS, &["self.bury(item::hash_in(member), login_at, door.at, None, scope)"]),
        Part::CallersLeaveTombstones => (ENDS, &["item::tombstone(item::TOKEN_HASH,", ".condition_expression(BURY)"]),
        Part::TombstoneCoversLogin => (ENDS, &["item::tombstone(item::TOKEN_HASH, hash, now.max(login_at))"]),
        Part::MarkFirst => (ENDS, &["self.bury(&ending.hash,", "self.shut(ending, clock, scope)"]),
        Part::RepetitionGoesOn => (ENDS, &["Found::Ended(tombstone) if tombstone.is_unfinished(end)"]),
        Part::DoorHasMargin => {
            (ENDS, &["let at = clock.now() + MARGIN;", "async fn shut(", "let mut at = door_time(clock, None);"])
        }
        Part::DoorReturnsSet => {
            (ENDS, &["async fn shut(", "ReturnValue::AllNew", "None => return Ok(Ok(Door { at, user }))"])
        }
        Part::DoorCoversMembers => (
            ENDS,
            &["async fn shut(", "match came_through(&user, at, ahead(clock))", "at = door_time(clock, Some(newest))"],
        ),
        Part::TakeOutRaisesGoneAt => (ENDS, &["update(\"SET gone_at = :newest \", TAKE_OUT)"]),
        Part::TakeOutAllStartsOver => {
            (ENDS, &["let (mut repeated, mut adopted)", "loop {", "self.finish(", "repeated = true;"])
        }
        Part::WipeLeavesTombstone => (ERASE, &["item::tombstone(item::USER_HASH, user_hash, door.at)"]),
        Part::RecordBeforeWipe => (ENDS, &["self.record_erasure(user_hash,", "self.wipe(user_hash,"]),
        _ => return None,
    })
}

/// A source with each run of white space as one blank.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_part_is_a_clause_or_names_its_code() {
    for part in PARTS.iter().filter(|part| part.clause().is_none() && !NOT_IN_PRODUCT.contains(part)) {
        let (path, snippets) = code(*part).unwrap_or_else(|| panic!("{part:?} names no code"));
        let source = source(path);
        let mut rest = source.as_str();
        for snippet in snippets {
            let (_, after) = rest.split_once(snippet).unwrap_or_else(|| panic!("{part:?}: {path} lacks {snippet}"));
            rest = after;
        }
    }
}

#[test]
fn every_clause_is_in_the_condition_that_the_store_sends() {
    for (part, clause) in PARTS.iter().filter_map(|part| Some((part, part.clause()?))) {
        assert!(clause.condition.contains(clause.clause), "{part:?}: {} lacks {}", clause.condition, clause.clause);
    }
}

#[test]
fn the_store_sends_every_condition() {
    let sent = [
        (LOGIN, &["(ENROL)", "(OPEN)"][..]),
        (ENDS, &["(BURY)", "(DOOR)", "(TAKE_OUT_ALL)", ", TAKE_OUT)", ", TAKE_OUT_OLDER)"]),
        (
            ERASE,
            &[
                "(DOOR_OF_EVENT)",
                "(ERASURE)",
                "if members.is_empty() { WIPE_WITHOUT_SESSIONS } else { WIPE }",
                "came_through(&user, at, ahead(clock))",
            ],
        ),
        ("shared/src/store/phone.rs", &["PHONE)"]),
        ("shared/src/store/profile.rs", &["MEMBER)"]),
    ];
    for (path, conditions) in sent {
        let source = source(path);
        for condition in conditions {
            assert!(source.contains(condition), "{path} lacks {condition}");
        }
    }
}
