//! A user's phone number.

use super::item::{self, Item, get_number, get_text, member, number, text};
use super::{Error, Store, WORDS, pauses, within};
use crate::clock::Timestamp;
use crate::scope::Scope;
use crate::session::{Session, TokenHash};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use std::time::Duration;
use tokio::time::sleep;

/// By how much the clocks of two machines may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// A phone number as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPhone {
    /// The number without its country code, sealed.
    pub phone: String,
    /// The country code, such as `86`.
    pub country_code: String,
    /// When WeChat gave it.
    pub phone_at: Timestamp,
    /// The keyed hash of the code that it was given for.
    pub phone_code: String,
}

impl Store {
    /// Keeps a phone number with the session's user, if the session still is that user's: `false` if it is not. Of two
    /// numbers on their way at once the newer one stays, unless its time lies ahead: that was a wrong clock.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; the write may have gone through all the same.
    pub async fn put_phone(
        &self,
        hash: &TokenHash,
        session: &Session,
        phone: &StoredPhone,
        scope: &Scope,
    ) -> Result<bool, Error> {
        let member = member(hash, session);
        let update = self
            .client
            .update_item()
            .table_name(&self.users)
            .key(item::OPENID, text(&session.openid))
            .update_expression(
                "SET phone = :phone, country_code = :country_code, phone_at = :phone_at, phone_code = :phone_code",
            )
            .condition_expression(
                "contains(#sessions, :member) AND \
                 (attribute_not_exists(phone_at) OR phone_at <= :phone_at OR phone_at > :ahead)",
            )
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":member", text(&member))
            .expression_attribute_values(":phone", text(&phone.phone))
            .expression_attribute_values(":country_code", text(&phone.country_code))
            .expression_attribute_values(":phone_at", number(phone.phone_at.millis()))
            .expression_attribute_values(":ahead", number((phone.phone_at + CLOCKS_DIFFER).millis()))
            .expression_attribute_values(":phone_code", text(&phone.phone_code))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut pauses = pauses();
        let send = async {
            loop {
                let Err(error) = update.clone().send().await else {
                    return Ok(true);
                };
                match error.as_service_error() {
                    // A login of the same user is under way. The SDK does not retry this.
                    Some(UpdateItemError::TransactionConflictException(_)) => {
                        sleep(pauses.next().ok_or(Error::Contention)?).await;
                    }
                    Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                        // If the session is still there, a newer number was.
                        return Ok(failed.item().is_some_and(|user| item::members(user).contains(&member)));
                    }
                    _ => return Err(Error::Aws(WORDS.read(&error))),
                }
            }
        };
        within(scope, send).await
    }

    /// The phone number of the session's user, by a strongly consistent read; `None` if there is none, or if the
    /// session is no longer that user's.
    ///
    /// # Errors
    /// If DynamoDB does not answer.
    pub async fn phone(
        &self,
        hash: &TokenHash,
        session: &Session,
        scope: &Scope,
    ) -> Result<Option<StoredPhone>, Error> {
        let user = self.read(&self.users, item::OPENID, &session.openid, scope).await?;
        let member = member(hash, session);
        Ok(user.filter(|user| item::members(user).contains(&member)).as_ref().and_then(phone))
    }
}

fn phone(user: &Item) -> Option<StoredPhone> {
    Some(StoredPhone {
        phone: get_text(user, item::PHONE)?,
        country_code: get_text(user, item::COUNTRY_CODE)?,
        phone_at: Timestamp::from_millis(get_number(user, item::PHONE_AT)?),
        phone_code: get_text(user, item::PHONE_CODE)?,
    })
}
