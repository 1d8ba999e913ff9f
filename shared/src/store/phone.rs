//! A user's phone number.

use super::item::{self, Item, get_number, get_text, member, number, text};
use super::transact::conditionally;
use super::{Error, Store};
use crate::clock::Timestamp;
use crate::scope::Scope;
use crate::session::Caller;
use std::time::Duration;

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
    /// Keeps a phone number with the caller, if the session still is that user's: `false` if it is not. Of two
    /// numbers on their way at once the newer one stays, unless its time lies ahead: that was a wrong clock.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; the write may have gone through all the same.
    pub async fn put_phone(&self, caller: &Caller, phone: &StoredPhone, scope: &Scope) -> Result<bool, Error> {
        let member = member(&caller.hash, &caller.session);
        let update = self
            .client
            .update_item()
            .table_name(&self.users)
            .key(item::OPENID, text(&caller.session.openid))
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
            .expression_attribute_values(":phone_code", text(&phone.phone_code));
        Ok(match conditionally(update, scope).await? {
            Ok(_) => true,
            // If the session is still there, a newer number was.
            Err(user) => user.is_some_and(|user| item::members(&user).contains(&member)),
        })
    }

    /// The phone number of the caller, by a strongly consistent read; `None` if there is none, or if the
    /// session is no longer that user's.
    ///
    /// # Errors
    /// If DynamoDB does not answer.
    pub async fn phone(&self, caller: &Caller, scope: &Scope) -> Result<Option<StoredPhone>, Error> {
        Ok(self.user_item(caller, scope).await?.as_ref().and_then(phone))
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
