//! What the design rests on. Each part can be taken out, to see that the checker finds what it is for.

/// A condition, or another part of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A login does not count if it began before the user's logout of all.
    LoginChecksLogoutOfAll,
    /// A login does not count if it began before the user's erase.
    LoginChecksErase,
    /// A login does not count if it began before the end of the very session that it would open.
    LoginChecksEndOfSession,
    /// A login in the same millisecond as the end counts as before it.
    SameTimeIsBefore,
    /// A login begins before WeChat is asked, not after.
    LoginBeginsBeforeWeChat,
    /// The time of an end is read after the user's sessions were, each time anew.
    EndIsTimedLast,
    /// A logout needs a user.
    LogoutNeedsUser,
    /// A session that was logged out of leaves a tombstone.
    LogoutLeavesTombstone,
    /// A session that gave way to a newer one leaves a tombstone.
    GivingWayLeavesTombstone,
    /// A logout of all counts only for the sessions that it saw.
    LogoutOfAllComparesSet,
    /// An erase counts only for the sessions that it saw.
    EraseComparesSet,
    /// A login that makes room counts only for the sessions that it saw.
    MakingRoomComparesSet,
    /// A phone number is kept only while its session is the user's.
    PhoneNeedsSession,
    /// Of two phone numbers the newer one stays.
    NewestPhoneWins,
    /// A repeated transaction that went through before changes nothing.
    RequestToken,
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
