//! WeChat's access token, shared by all instances.

use super::conditions::{MARGIN, MAX_AHEAD};
use super::item::{self, Item, get_number, get_text, number, text};
use super::write::conditionally;
use super::{Error, Store};
use crate::clock::Timestamp;
use crate::scope::Scope;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use std::time::Duration;
use uuid::Uuid;

/// WeChat replaces a token by force at most this often in 24 hours.
pub const FORCE_AT_MOST: usize = 20;

/// The shortest time between two replacements by force; a call sooner than that does nothing at WeChat.
pub const FORCE_EVERY: Duration = Duration::from_secs(30);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What became of a claim to replace the token by force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is yours.
    Granted,
    /// Somebody else is doing it, or has just done it: since when.
    Taken(Timestamp),
    /// It was done too often in the last 24 hours.
    Exhausted,
}

/// An access token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// The token, sealed.
    pub token: String,
    /// When it was asked for.
    pub obtained_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// The access token of a mini-program, by a strongly consistent read.
    ///
    /// # Errors
    /// If DynamoDB does not answer.
    pub async fn access_token(&self, appid: &str, scope: &Scope) -> Result<Option<StoredToken>, Error> {
        let item = self.read(&self.access_tokens, item::APPID, appid, scope).await?;
        Ok(item.as_ref().and_then(stored_token))
    }

    /// Keeps an access token, unless one that was asked for later is there.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time.
    pub async fn put_access_token(&self, appid: &str, token: &StoredToken, scope: &Scope) -> Result<(), Error> {
        let update = self
            .update_access_token(appid)
            .update_expression("SET #token = :token, obtained_at = :obtained_at, expires_at = :expires_at")
            .condition_expression(
                "attribute_not_exists(obtained_at) OR obtained_at < :obtained_at OR obtained_at > :ahead",
            )
            .expression_attribute_values(":ahead", number((token.obtained_at + MARGIN + MAX_AHEAD).millis()))
            .expression_attribute_names("#token", item::TOKEN)
            .expression_attribute_values(":token", text(&token.token))
            .expression_attribute_values(":obtained_at", number(token.obtained_at.millis()))
            .expression_attribute_values(":expires_at", number(token.expires_at.seconds()));
        conditionally(update, scope).await.map(drop)
    }

    /// Claims the right to replace the token by force: one caller at a time, not within [`FORCE_EVERY`] of the last
    /// time, and not more than [`FORCE_AT_MOST`] times in 24 hours.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time.
    pub async fn claim_forced_refresh(&self, appid: &str, now: Timestamp, scope: &Scope) -> Result<Claim, Error> {
        let item = self.read(&self.access_tokens, item::APPID, appid, scope).await?;
        let seen = item.as_ref().map(forced).unwrap_or_default();
        let forced = match with_another(&seen, now) {
            Ok(forced) => forced,
            Err(refused) => return Ok(refused),
        };
        let claim = Uuid::new_v4().to_string();
        let update = self
            .update_access_token(appid)
            .update_expression("SET forced = :forced, claimed_by = :claim")
            .expression_attribute_values(":claim", text(&claim))
            .expression_attribute_values(":forced", AttributeValue::Ns(forced));
        // Who has seen an older state comes too late.
        let update = if seen.is_empty() {
            update.condition_expression("attribute_not_exists(forced)")
        } else {
            update
                .condition_expression("forced = :seen")
                .expression_attribute_values(":seen", AttributeValue::Ns(seen.iter().map(u64::to_string).collect()))
        };
        match conditionally(update, scope).await? {
            Ok(_) => Ok(Claim::Granted),
            // The SDK may have sent it twice, the answer to the first having been lost. Others may claim in the same millisecond.
            Err(Some(item)) if get_text(&item, item::CLAIMED_BY) == Some(claim) => Ok(Claim::Granted),
            Err(_) => Ok(Claim::Taken(now)),
        }
    }

    fn update_access_token(&self, appid: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.access_tokens).key(item::APPID, text(appid))
    }
}

fn stored_token(item: &Item) -> Option<StoredToken> {
    Some(StoredToken {
        token: get_text(item, item::TOKEN)?,
        obtained_at: Timestamp::from_millis(get_number(item, item::OBTAINED_AT)?),
        expires_at: Timestamp::from_seconds(get_number(item, item::EXPIRES_AT)?),
    })
}

/// When the token was replaced by force, in ms.
fn forced(item: &Item) -> Vec<u64> {
    let times = item.get(item::FORCED).and_then(|times| times.as_ns().ok());
    times.into_iter().flatten().filter_map(|time| time.parse().ok()).collect()
}

/// The times of the last day with `now` added, or why it is not to be.
fn with_another(seen: &[u64], now: Timestamp) -> Result<Vec<String>, Claim> {
    let times = seen.iter().map(|time| Timestamp::from_millis(*time));
    // A time that lies further ahead comes from a broken clock.
    let ahead = now + MARGIN + MAX_AHEAD;
    let recent: Vec<Timestamp> = times.filter(|time| now.since(*time) < DAY && *time <= ahead).collect();
    if let Some(last) = recent.iter().max().filter(|time| now.since(**time) < FORCE_EVERY) {
        return Err(Claim::Taken(*last));
    }
    if recent.len() >= FORCE_AT_MOST {
        return Err(Claim::Exhausted);
    }
    Ok(recent.into_iter().chain([now]).map(|time| time.millis().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * 60 * 1000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_first_replacement_is_allowed() {
        assert_eq!(with_another(&[], at(7)), Ok(vec!["7".to_owned()]));
    }

    #[test]
    fn a_replacement_within_thirty_seconds_of_the_last_is_not() {
        assert_eq!(with_another(&[1_000, 500], at(30_999)), Err(Claim::Taken(at(1_000))));
        assert!(with_another(&[1_000], at(31_000)).is_ok());
    }

    #[test]
    fn the_twenty_first_replacement_within_a_day_is_not_allowed() {
        let seen: Vec<u64> = (0..20).map(|hour| hour * HOUR_MS).collect();
        assert_eq!(with_another(&seen, at(20 * HOUR_MS)), Err(Claim::Exhausted));
    }

    #[test]
    fn replacements_of_the_day_before_are_forgotten() {
        let seen: Vec<u64> = (0..20).map(|hour| hour * HOUR_MS).collect();
        assert_eq!(with_another(&seen, at(24 * HOUR_MS)).map(|times| times.len()), Ok(20));
    }

    #[test]
    fn a_replacement_that_lies_far_ahead_does_not_count() {
        assert_eq!(with_another(&[100_000], at(7)), Ok(vec!["7".to_owned()]));
    }
}
