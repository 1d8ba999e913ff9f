//! The names of the attributes; a session, and what is left of one, as an item.

use crate::clock::Timestamp;
use crate::hex::hex;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::types::AttributeValue;
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::time::Duration;

/// Lifetime of a tombstone: far longer than anything in flight lives, which is a function's timeout and what a
/// network keeps back.
const TOMBSTONE: Duration = Duration::from_secs(60 * 60);

pub type Item = HashMap<String, AttributeValue>;

pub const AVATAR: &str = "avatar";
pub const APPID: &str = "appid";
pub const CLAIMED_BY: &str = "claimed_by";
pub const COUNTRY_CODE: &str = "country_code";
pub const CREATED_AT: &str = "created_at";
pub const ENDED_AT: &str = "ended_at";
pub const EXPIRES_AT: &str = "expires_at";
pub const ID: &str = "id";
pub const NAME: &str = "name";
pub const ERASED_AT: &str = "erased_at";
pub const FORCED: &str = "forced";
pub const GONE_AT: &str = "gone_at";
pub const MEMBER: &str = "member";
pub const OBTAINED_AT: &str = "obtained_at";
pub const OPENID: &str = "openid";
pub const PHONE: &str = "phone";
pub const PHONE_AT: &str = "phone_at";
pub const PHONE_CODE: &str = "phone_code";
pub const SESSIONS: &str = "sessions";
pub const SESSION_KEY: &str = "session_key";
pub const TOKEN: &str = "token";
pub const TOKEN_HASH: &str = "token_hash";
pub const UNFINISHED: &str = "unfinished";
pub const UNIONID: &str = "unionid";
pub const USER_HASH: &str = "user_hash";

/// The item of a session.
pub fn from_session(hash: &TokenHash, session: &Session) -> Item {
    let mut item = Item::from([
        (TOKEN_HASH.to_owned(), text(hash.as_str())),
        (OPENID.to_owned(), text(&session.openid)),
        (APPID.to_owned(), text(&session.appid)),
        (SESSION_KEY.to_owned(), text(&session.session_key)),
        (CREATED_AT.to_owned(), number(session.created_at.millis())),
        (EXPIRES_AT.to_owned(), number(session.expires_at.seconds())),
    ]);
    if let Some(unionid) = &session.unionid {
        item.insert(UNIONID.to_owned(), text(unionid));
    }
    item
}

/// The session in an item; `None` if something is missing.
pub fn session(item: &Item) -> Option<Session> {
    Some(Session {
        openid: get_text(item, OPENID)?,
        unionid: get_text(item, UNIONID),
        appid: get_text(item, APPID)?,
        session_key: get_text(item, SESSION_KEY)?,
        created_at: Timestamp::from_millis(get_number(item, CREATED_AT)?),
        expires_at: Timestamp::from_seconds(get_number(item, EXPIRES_AT)?),
    })
}

/// Makes a tombstone in either table: `key` names the attribute of the table's key, and has this `value`.
pub fn tombstone(key: &str, value: &str, ended_at: Timestamp) -> Item {
    Item::from([
        (key.to_owned(), text(value)),
        (ENDED_AT.to_owned(), number(ended_at.millis())),
        (EXPIRES_AT.to_owned(), number((ended_at + TOMBSTONE).seconds())),
    ])
}

/// Returns whether an item of the sessions table is a tombstone, damaged or not.
pub fn is_tombstone(item: &Item) -> bool {
    item.contains_key(ENDED_AT)
}

/// Time at which a session, or all of a user's, ended; `None` if they did not.
pub fn ended_at(item: &Item) -> Option<Timestamp> {
    get_number(item, ENDED_AT).map(Timestamp::from_millis)
}

/// The key of a user. The hash keeps the openid, which cannot be guessed, out of the tombstone of an erased user.
pub fn user_hash(appid: &str, openid: &str) -> String {
    hex(digest(&SHA256, format!("user\0{appid}\0{openid}").as_bytes()).as_ref())
}

/// The entry of a session in its user's set: `<login time in ms>#<token hash>`.
pub fn member(hash: &TokenHash, session: &Session) -> String {
    member_of(hash.as_str(), session.created_at)
}

/// The same, of a session that was read.
pub fn member_of(hash: &str, created_at: Timestamp) -> String {
    format!("{:013}#{hash}", created_at.millis())
}

/// Time at which the session of a member was opened.
pub fn login_time(member: &str) -> Option<Timestamp> {
    let (time, _) = member.split_once('#')?;
    time.parse().ok().map(Timestamp::from_millis)
}

/// The token hash of a session in a user's set.
pub fn hash_in(member: &str) -> &str {
    member.split_once('#').map_or(member, |(_, hash)| hash)
}

/// The sessions in a user's item.
pub fn members(user: &Item) -> &[String] {
    user.get(SESSIONS).and_then(|set| set.as_ss().ok()).map_or(&[], Vec::as_slice)
}

/// A text attribute.
pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number attribute.
pub fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The text of an attribute.
pub fn get_text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

/// The number of an attribute.
pub fn get_number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
