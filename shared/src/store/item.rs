//! The names of the attributes, and a session as an item.

use crate::clock::Timestamp;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

pub type Item = HashMap<String, AttributeValue>;

pub const APPID: &str = "appid";
pub const CREATED_AT: &str = "created_at";
pub const EXPIRES_AT: &str = "expires_at";
pub const OPENID: &str = "openid";
pub const SESSIONS: &str = "sessions";
pub const SESSION_KEY: &str = "session_key";
pub const TOKEN_HASH: &str = "token_hash";
pub const UNIONID: &str = "unionid";

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

/// A text attribute.
pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number attribute.
pub fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn get_text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn get_number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
