//! The conditions of the writes that keep the promises about sessions. The model in `tests/tests/model` parses and
//! runs these very strings, and takes each clause out once to see what breaks without it.
//!
//! Times are numbers, milliseconds; `:ahead` is now + [`MARGIN`] + [`MAX_AHEAD`]. A stored time beyond that comes from
//! a broken clock and is ignored, so that it locks nobody out.

use std::time::Duration;

/// By how much the clocks of two instances may differ: an end refuses logins that began up to this long after it.
pub const MARGIN: Duration = Duration::from_secs(1);

/// A stored time further ahead than this, and the margin, is ignored.
pub const MAX_AHEAD: Duration = Duration::from_secs(60);

/// Users, `UpdateItem`: a login adds its member to the user's set, unless the user's door was shut since it `began`, or
/// a session as new as it was taken out.
pub const ENROL: &str = "(attribute_not_exists(ended_at) OR ended_at < :began OR ended_at > :ahead) AND \
                         (attribute_not_exists(gone_at) OR gone_at < :login_at OR gone_at > :ahead)";

/// Sessions, `PutItem`: a login opens its session, unless a live one or a later tombstone is in the way.
pub const OPEN: &str = "attribute_not_exists(token_hash) OR expires_at <= :now OR ended_at < :began";

/// Sessions, `PutItem` of a tombstone: one that covers this login already stays as it is, with what it says of
/// unfinished work.
pub const BURY: &str = "attribute_not_exists(ended_at) OR ended_at < :login_at";

/// Users, `UpdateItem`: a logout of all or an erase shuts the door. No two doors of a user have the same time.
pub const DOOR: &str = "contains(#sessions, :member) AND \
                        (attribute_not_exists(ended_at) OR ended_at < :at OR ended_at > :ahead)";

/// Users, `UpdateItem`: the door of a withdrawal, which has no session. A user made since the event stays.
pub const DOOR_OF_EVENT: &str = "attribute_exists(id) AND created_at <= :event AND \
                                 (attribute_not_exists(ended_at) OR ended_at < :at OR ended_at > :ahead)";

/// Users, `UpdateItem`: takes buried members out of the set and raises `gone_at` to the newest of them.
pub const TAKE_OUT: &str = "attribute_exists(id) AND \
                            (attribute_not_exists(gone_at) OR gone_at < :newest OR gone_at > :ahead)";

/// Users, `UpdateItem`: takes buried members out where `gone_at` is as new already.
pub const TAKE_OUT_OLDER: &str = "attribute_exists(id)";

/// Users, `UpdateItem`: a logout of all takes its members out while the door is still its own.
pub const TAKE_OUT_ALL: &str = "attribute_exists(id) AND ended_at = :at";

/// Users, `PutItem` of the user's tombstone: an erase wipes exactly the user whose sessions it buried.
pub const WIPE: &str = "#sessions = :seen AND ended_at = :at";

/// Users, `PutItem` of the user's tombstone: the wipe of a user without sessions, after [`DOOR_OF_EVENT`].
pub const WIPE_WITHOUT_SESSIONS: &str = "attribute_exists(id) AND attribute_not_exists(#sessions) AND ended_at = :at";

/// Erasures, `PutItem`: the latest record stays.
pub const ERASURE: &str = "attribute_not_exists(erased_at) OR erased_at < :at OR erased_at > :ahead";

/// Users, `UpdateItem`: what a session writes to its user.
pub const MEMBER: &str = "contains(#sessions, :member)";

/// Users, `UpdateItem`: a phone number that a session brings; of two the newer one stays.
pub const PHONE: &str = "contains(#sessions, :member) AND \
                         (attribute_not_exists(phone_at) OR phone_at <= :phone_at OR phone_at > :ahead)";
