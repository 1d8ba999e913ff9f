//! A user's phone number.

use super::conditions::{MARGIN, MAX_AHEAD, PHONE};
use super::item::{self, Item, get_number, get_text, member, number, text};
use super::profile::user_hash;
use super::write::conditionally;
use super::{Error, Store};
use crate::clock::Timestamp;
use crate::keyring::{Keyring, Place, SealError};
use crate::scope::Scope;
use crate::session::Caller;
use secrecy::{ExposeSecret, SecretString};

/// A sealed phone number with what the seal binds it to, so that no older part can be mixed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPhone {
    /// The number without its country code, sealed.
    pub number: String,
    /// The country code, such as `86`.
    pub country_code: String,
    /// When WeChat gave it; the Unix epoch for an imported one.
    pub at: Timestamp,
}

impl SealedPhone {
    /// Seals the number of a user.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn seal(
        keyring: &Keyring,
        (appid, openid): (&str, &str),
        number: &SecretString,
        country_code: &str,
        at: Timestamp,
    ) -> Result<Self, SealError> {
        let key = place_key((appid, openid), country_code, at);
        let number = keyring.seal(number.expose_secret(), b"", place(&key))?;
        Ok(Self { number, country_code: country_code.to_owned(), at })
    }

    /// Opens the number of a user.
    ///
    /// # Errors
    /// If it was sealed for another user, country code or time, or is damaged.
    pub fn open(&self, keyring: &Keyring, user: (&str, &str)) -> Result<SecretString, SealError> {
        keyring.open(&self.number, b"", place(&place_key(user, &self.country_code, self.at)))
    }

    pub(super) fn read(user: &Item) -> Option<Self> {
        Some(Self {
            number: get_text(user, item::PHONE)?,
            country_code: get_text(user, item::COUNTRY_CODE)?,
            at: Timestamp::from_millis(get_number(user, item::PHONE_AT)?),
        })
    }
}

fn place_key((appid, openid): (&str, &str), country_code: &str, at: Timestamp) -> String {
    format!("{}\0{country_code}\0{}", item::user_hash(appid, openid), at.millis())
}

fn place(key: &str) -> Place<'_> {
    Place { table: "users", key, field: "phone" }
}

/// A phone number as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPhone {
    /// The number.
    pub sealed: SealedPhone,
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
            .update_user(&user_hash(caller))
            .update_expression(
                "SET phone = :phone, country_code = :country_code, phone_at = :phone_at, phone_code = :phone_code",
            )
            .condition_expression(PHONE)
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":member", text(&member))
            .expression_attribute_values(":phone", text(&phone.sealed.number))
            .expression_attribute_values(":country_code", text(&phone.sealed.country_code))
            .expression_attribute_values(":phone_at", number(phone.sealed.at.millis()))
            .expression_attribute_values(":ahead", number((phone.sealed.at + MARGIN + MAX_AHEAD).millis()))
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
    Some(StoredPhone { sealed: SealedPhone::read(user)?, phone_code: get_text(user, item::PHONE_CODE)? })
}
