//! What always holds in the tables, whatever happened.
//!
//! - Every live session has its user, and the user's set has the session.
//! - No user is half made, no id is given twice, nobody has more than 20 sessions.
//! - What is sealed is sealed, and no secret stands in the clear.
//!
//! A user is a user by the table's key, so that there is one for each openid needs no check.

use aws_sdk_dynamodb::types::AttributeValue;
use miniprogram::store::MAX_SESSIONS;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tools::app::TestApp;
use tools::fakes::aws::scan;
use tools::leaks::Canaries;

type Item = HashMap<String, AttributeValue>;

/// What does not hold now, in words. `canaries` are the secrets to look for.
pub async fn violations(app: &TestApp, canaries: &Canaries) -> Vec<String> {
    let client = app.dynamodb();
    let tables = Contents {
        users: scan(&client, &app.tables.users).await,
        sessions: scan(&client, &app.tables.sessions).await,
        access_tokens: scan(&client, &app.tables.access_tokens).await,
        now: app.clock.now().seconds(),
    };
    tables.violations(canaries)
}

struct Contents {
    users: Vec<Item>,
    sessions: Vec<Item>,
    access_tokens: Vec<Item>,
    now: u64,
}

impl Contents {
    fn violations(&self, canaries: &Canaries) -> Vec<String> {
        let sets: BTreeMap<&str, BTreeSet<&str>> =
            self.users().map(|user| (text(user, "openid"), members(user))).collect();
        let live: BTreeMap<&str, &Item> = self
            .sessions
            .iter()
            .filter(|session| !is_tombstone(session))
            .map(|session| (text(session, "token_hash"), session))
            .collect();
        let mut found = Vec::new();
        for session in live.values().filter(|session| number(session, "expires_at") > self.now) {
            found.extend(session_fault(session, &sets));
        }
        for openid in sets.keys() {
            // A member without a session is what a crashed login leaves; the next ones evict it.
            let theirs = |session: &&&Item| text(session, "openid") == *openid;
            let count = live.values().filter(|session| number(session, "expires_at") > self.now).filter(theirs).count();
            if count > MAX_SESSIONS {
                found.push(format!("{openid} has {count} sessions"));
            }
        }
        let mut ids = BTreeSet::new();
        for user in self.users() {
            found.extend(user_fault(user));
            if !ids.insert(text(user, "id")) {
                found.push(format!("two users with the id {}", text(user, "id")));
            }
        }
        for token in &self.access_tokens {
            if token.contains_key("token") && !is_sealed(text(token, "token")) {
                found.push("an access token is not sealed".to_owned());
            }
        }
        let everything = format!("{:?}{:?}{:?}", self.users, self.sessions, self.access_tokens);
        found.extend(canaries.found_in(&everything).iter().map(|kind| format!("a {kind} stands in a table")));
        found
    }
}

impl Contents {
    /// The users, without the tombstones of erased ones.
    fn users(&self) -> impl Iterator<Item = &Item> {
        let is_tombstone =
            |user: &&Item| !user.contains_key("id") && !user.contains_key("openid") && user.contains_key("expires_at");
        self.users.iter().filter(move |user| !is_tombstone(user))
    }
}

/// What is left of a session that was ended before its time.
fn is_tombstone(session: &Item) -> bool {
    !session.contains_key("openid") && session.contains_key("ended_at") && session.contains_key("expires_at")
}

fn session_fault(session: &Item, sets: &BTreeMap<&str, BTreeSet<&str>>) -> Option<String> {
    let hash = text(session, "token_hash");
    if hash.len() != 64 || text(session, "appid").is_empty() || !is_sealed(text(session, "session_key")) {
        return Some(format!("the session {hash} is half made"));
    }
    let member = format!("{:013}#{hash}", number(session, "created_at"));
    match sets.get(text(session, "openid")) {
        None => Some(format!("the session {hash} has no user")),
        Some(set) if !set.contains(member.as_str()) => Some(format!("the user of {hash} does not know it")),
        Some(_) => None,
    }
}

fn user_fault(user: &Item) -> Option<String> {
    let openid = text(user, "openid");
    if ["id", "appid", "openid", "user_hash"].iter().any(|name| text(user, name).is_empty())
        || number(user, "created_at") == 0
    {
        return Some(format!("the user {openid} is half made"));
    }
    let of_phone = ["phone", "country_code", "phone_at", "phone_code"];
    let there = of_phone.iter().filter(|name| user.contains_key(**name)).count();
    let whole = there == 0 || there == of_phone.len() && is_sealed(text(user, "phone"));
    (!whole).then(|| format!("the phone number of {openid} is half kept or not sealed"))
}

/// `<key name>:<base64>`.
fn is_sealed(value: &str) -> bool {
    let digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    value.split_once(':').is_some_and(|(key, sealed)| !key.is_empty() && sealed.len() > 32 && sealed.chars().all(digit))
}

fn members(user: &Item) -> BTreeSet<&str> {
    let set = user.get("sessions").and_then(|set| set.as_ss().ok());
    set.into_iter().flatten().map(String::as_str).collect()
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

fn number(item: &Item, name: &str) -> u64 {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const SEALED: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn item(texts: &[(&str, &str)]) -> Item {
        texts.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned()))).collect()
    }

    fn sound() -> Contents {
        let mut user = item(&[("user_hash", "h"), ("openid", "o"), ("id", "1"), ("appid", "wx")]);
        user.insert("created_at".into(), AttributeValue::N("1000".into()));
        user.insert("sessions".into(), AttributeValue::Ss(vec![format!("0000000001000#{HASH}")]));
        let mut session = item(&[("token_hash", HASH), ("openid", "o"), ("appid", "wx"), ("session_key", SEALED)]);
        session.insert("created_at".into(), AttributeValue::N("1000".into()));
        session.insert("expires_at".into(), AttributeValue::N("101".into()));
        Contents { users: vec![user], sessions: vec![session], access_tokens: vec![], now: 10 }
    }

    fn faults(change: impl FnOnce(&mut Contents)) -> Vec<String> {
        let mut contents = sound();
        change(&mut contents);
        let canaries = Canaries::default();
        canaries.add("code", "canary-code");
        contents.violations(&canaries)
    }

    #[test]
    fn sound_tables_have_no_fault() {
        assert!(faults(|_| ()).is_empty());
    }

    #[test]
    fn every_fault_is_found() {
        let changes: [fn(&mut Contents); 6] = [
            |tables| drop(tables.users[0].remove("sessions")),
            |tables| drop(tables.users[0].remove("id")),
            |tables| drop(tables.users[0].insert("phone".into(), AttributeValue::S(SEALED.into()))),
            |tables| drop(tables.sessions[0].insert("session_key".into(), AttributeValue::S("plain".into()))),
            |tables| tables.access_tokens.push(item(&[("token", "70_plain")])),
            |tables| drop(tables.users[0].insert("name".into(), AttributeValue::S("a canary-code b".into()))),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert_eq!(faults(change).len(), 1, "change {number}: {:?}", faults(change));
        }
    }

    #[test]
    fn a_session_without_its_user_is_found() {
        assert_eq!(faults(|tables| tables.users.clear()).len(), 1);
    }

    #[test]
    fn what_is_left_of_an_ended_session_is_no_fault() {
        let ended = item(&[("token_hash", "x"), ("ended_at", "1"), ("expires_at", "200")]);
        assert!(faults(|tables| tables.sessions.push(ended)).is_empty());
    }

    #[test]
    fn a_member_whose_session_a_crash_prevented_is_no_fault() {
        assert!(faults(|tables| tables.sessions.clear()).is_empty());
    }

    #[test]
    fn the_tombstone_of_an_erased_user_is_no_fault() {
        let erased = item(&[("user_hash", "x"), ("ended_at", "1"), ("expires_at", "200")]);
        assert!(faults(|tables| tables.users.push(erased)).is_empty());
    }
}
