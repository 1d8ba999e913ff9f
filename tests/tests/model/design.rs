//! What the design rests on. Each part can be taken out, to see that the checker finds what it is for.
//!
//! A part is a clause of one of the product's conditions, which the model runs, or a step that the code takes.

use super::condition::Condition;
use miniprogram::store::conditions;

macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident,)*) => {
        /// A clause of a condition, or another part of the design.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Part { $($(#[$doc])* $part,)* }

        /// All of them.
        pub const PARTS: &[Part] = &[$(Part::$part,)*];
    };
}

parts! {
    /// A login does not count if it began before the user's door was shut.
    EnrolChecksDoor,
    /// A login that began in the millisecond of the door counts as before it.
    SameTimeIsBeforeDoor,
    /// A door in the far future locks nobody out.
    FutureDoorIsIgnored,
    /// No member comes back that was taken out.
    EnrolChecksGoneAt,
    /// Not even the newest that was taken out.
    SameTimeIsGone,
    /// A `gone_at` in the far future locks nobody out.
    FutureGoneAtIsIgnored,
    /// A login does not open a session that was buried.
    OpenChecksTombstone,
    /// A login in the millisecond of its own burial counts as before it.
    SameTimeIsBeforeBurial,
    /// A tombstone is not replaced, and so says what is unfinished.
    BuryKeepsTombstone,
    /// A call that has finished ends nothing when it is repeated.
    DoorNeedsMember,
    /// A late door does not open what a later one has shut.
    DoorOnlyMovesOn,
    /// A door in the far future is replaced.
    FutureDoorIsReplaced,
    /// A withdrawal spares a user made since.
    WithdrawalSparesNewUser,
    /// `gone_at` is never lowered.
    GoneAtOnlyRises,
    /// A `gone_at` in the far future is replaced.
    FutureGoneAtIsReplaced,
    /// A logout of all takes out while the door is still its own.
    TakeOutAllNeedsOwnDoor,
    /// An erase wipes only if it has buried every session.
    WipeComparesSet,
    /// An erase wipes while the door is still its own.
    WipeComparesDoor,
    /// A late record of an erase does not replace a later one.
    RecordOnlyMovesOn,
    /// A phone number is kept only while its session is the user's.
    PhoneNeedsMember,
    /// Of two phone numbers the newer one stays.
    NewestPhoneWins,
    /// A login begins before WeChat is asked, not after.
    LoginBeginsBeforeWeChat,
    /// A login enrols before it opens its session.
    EnrolFirst,
    /// An enrolment that is refused because it went through before goes on.
    EnrolKnowsItself,
    /// A session that is there already is this login's own.
    OpenKnowsItself,
    /// The oldest are evicted before the session is opened.
    EvictionMakesRoom,
    /// Whoever is evicted, or ended by another session, leaves a tombstone.
    BuriedLeaveTombstones,
    /// A session that ends itself leaves a tombstone.
    CallersLeaveTombstones,
    /// A tombstone is no older than the login that it buries, whatever the clocks show.
    TombstoneCoversLogin,
    /// An eviction leaves a member in the set whose own call is unfinished.
    EvictionLeavesUnfinished,
    /// The caller's own session is buried before the door is shut.
    MarkFirst,
    /// A call whose session is buried goes on if the tombstone names it.
    RepetitionGoesOn,
    /// A door reaches into the future, by what clocks may differ.
    DoorHasMargin,
    /// The sessions that are buried are those of the item in which the door was shut.
    DoorReturnsSet,
    /// A door is as new as every login that it lists, also where one came through while it was being shut.
    DoorCoversMembers,
    /// `gone_at` is raised when a member is taken out.
    TakeOutRaisesGoneAt,
    /// A logout of all that no longer owns the door shuts it again.
    TakeOutAllStartsOver,
    /// An erased user leaves a tombstone.
    WipeLeavesTombstone,
    /// The record of an erase comes before the wipe.
    RecordBeforeWipe,
    /// A repeated code is answered only while its session lives.
    ReplayNeedsLiveSession,
}

/// The design, or what is left of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Design {
    /// What was taken out.
    pub without: &'static [Part],
}

impl Design {
    /// Whether the part is in place.
    pub fn has(self, part: Part) -> bool {
        !self.without.contains(&part)
    }
}

/// A product's condition, and the clause of it that a part is: what it reads without.
pub struct Clause {
    pub condition: &'static str,
    pub clause: &'static str,
    pub without: &'static str,
}

const fn clause(condition: &'static str, clause: &'static str, without: &'static str) -> Option<Clause> {
    Some(Clause { condition, clause, without })
}

impl Part {
    /// The clause that this part is; `None` if it is a step that the code takes.
    pub const fn clause(self) -> Option<Clause> {
        use conditions::{BURY, DOOR, DOOR_OF_EVENT, ENROL, ERASURE, OPEN, PHONE, TAKE_OUT, TAKE_OUT_ALL, WIPE};
        match self {
            Self::EnrolChecksDoor => {
                clause(ENROL, "(attribute_not_exists(ended_at) OR ended_at < :began OR ended_at > :ahead) AND ", "")
            }
            Self::SameTimeIsBeforeDoor => clause(ENROL, "ended_at < :began", "ended_at <= :began"),
            Self::FutureDoorIsIgnored => clause(ENROL, " OR ended_at > :ahead", ""),
            Self::EnrolChecksGoneAt => {
                clause(ENROL, " AND (attribute_not_exists(gone_at) OR gone_at < :login_at OR gone_at > :ahead)", "")
            }
            Self::SameTimeIsGone => clause(ENROL, "gone_at < :login_at", "gone_at <= :login_at"),
            Self::FutureGoneAtIsIgnored => clause(ENROL, " OR gone_at > :ahead", ""),
            Self::OpenChecksTombstone => clause(OPEN, "ended_at < :began", "attribute_exists(ended_at)"),
            Self::SameTimeIsBeforeBurial => clause(OPEN, "ended_at < :began", "ended_at <= :began"),
            Self::BuryKeepsTombstone => clause(BURY, BURY, ""),
            Self::DoorNeedsMember => clause(DOOR, "contains(#sessions, :member)", "attribute_exists(id)"),
            Self::DoorOnlyMovesOn => {
                clause(DOOR, " AND (attribute_not_exists(ended_at) OR ended_at < :at OR ended_at > :ahead)", "")
            }
            Self::FutureDoorIsReplaced => clause(DOOR, " OR ended_at > :ahead", ""),
            Self::WithdrawalSparesNewUser => clause(DOOR_OF_EVENT, " AND created_at <= :event", ""),
            Self::GoneAtOnlyRises => {
                clause(TAKE_OUT, " AND (attribute_not_exists(gone_at) OR gone_at < :newest OR gone_at > :ahead)", "")
            }
            Self::FutureGoneAtIsReplaced => clause(TAKE_OUT, " OR gone_at > :ahead", ""),
            Self::TakeOutAllNeedsOwnDoor => clause(TAKE_OUT_ALL, " AND ended_at = :at", ""),
            Self::WipeComparesSet => clause(WIPE, "#sessions = :seen AND ", ""),
            Self::WipeComparesDoor => clause(WIPE, " AND ended_at = :at", ""),
            Self::RecordOnlyMovesOn => clause(ERASURE, ERASURE, ""),
            Self::PhoneNeedsMember => clause(PHONE, "contains(#sessions, :member)", "attribute_exists(id)"),
            Self::NewestPhoneWins => {
                clause(PHONE, " AND (attribute_not_exists(phone_at) OR phone_at <= :phone_at OR phone_at > :ahead)", "")
            }
            _ => None,
        }
    }
}

/// The product's conditions, less what was taken out.
#[derive(Clone, Debug)]
pub struct Conditions {
    pub enrol: Condition,
    pub open: Condition,
    pub bury: Condition,
    pub door: Condition,
    pub door_of_event: Condition,
    pub take_out: Condition,
    pub take_out_older: Condition,
    pub take_out_all: Condition,
    pub wipe: Condition,
    pub wipe_without_sessions: Condition,
    pub erasure: Condition,
    pub phone: Condition,
}

impl Conditions {
    pub fn of(design: Design) -> Self {
        let parse = |text: &str| {
            let clauses = design.without.iter().filter_map(|part| part.clause());
            let text = clauses.filter(|clause| clause.condition == text).fold(text.to_owned(), |text, clause| {
                assert!(text.contains(clause.clause), "the product's {text} has no {}", clause.clause);
                text.replace(clause.clause, clause.without)
            });
            Condition::parse(&text)
        };
        Self {
            enrol: parse(conditions::ENROL),
            open: parse(conditions::OPEN),
            bury: parse(conditions::BURY),
            door: parse(conditions::DOOR),
            door_of_event: parse(conditions::DOOR_OF_EVENT),
            take_out: parse(conditions::TAKE_OUT),
            take_out_older: parse(conditions::TAKE_OUT_OLDER),
            take_out_all: parse(conditions::TAKE_OUT_ALL),
            wipe: parse(conditions::WIPE),
            wipe_without_sessions: parse(conditions::WIPE_WITHOUT_SESSIONS),
            erasure: parse(conditions::ERASURE),
            phone: parse(conditions::PHONE),
        }
    }
}
