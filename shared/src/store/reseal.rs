//! Sealing phone numbers again, after the keyring got another current key.

use super::item::{self, get_text, text};
use super::phone::SealedPhone;
use super::write::conditionally;
use super::{Error, Store, WORDS, within};
use crate::scope::Scope;

/// A user's phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPhone {
    /// The key of the user.
    pub user_hash: String,
    /// The mini-program.
    pub appid: String,
    /// The user, within it.
    pub openid: String,
    /// The number.
    pub phone: SealedPhone,
}

/// A page of the users who have a phone number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhonesPage {
    /// The numbers.
    pub phones: Vec<UserPhone>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<String>,
}

impl Store {
    /// Reads a page of at most `max` users, from the beginning or after the end of the page before; gives those who have a phone
    /// number.
    ///
    /// # Errors
    /// If DynamoDB does not respond.
    pub async fn phones(&self, after: Option<&str>, max: i32, scope: &Scope) -> Result<PhonesPage, Error> {
        let key = |hash: &str| item::Item::from([(item::USER_HASH.to_owned(), text(hash))]);
        let scan = self
            .client
            .scan()
            .table_name(&self.users)
            .projection_expression("user_hash, appid, openid, phone, country_code, phone_at")
            .limit(max)
            .set_exclusive_start_key(after.map(key));
        let send = async { scan.send().await.map_err(|error| Error::Aws(WORDS.read(&error))) };
        let page = within(scope, send).await?;
        let phone = |user| {
            Some(UserPhone {
                user_hash: get_text(user, item::USER_HASH)?,
                appid: get_text(user, item::APPID)?,
                openid: get_text(user, item::OPENID)?,
                phone: SealedPhone::read(user)?,
            })
        };
        Ok(PhonesPage {
            phones: page.items().iter().filter_map(phone).collect(),
            next: page.last_evaluated_key().and_then(|key| get_text(key, item::USER_HASH)),
        })
    }

    /// Replaces a user's sealed number, if it is still `old`: `false` if it is not.
    ///
    /// # Errors
    /// If DynamoDB does not respond in time.
    pub async fn replace_phone(&self, user_hash: &str, old: &str, new: &str, scope: &Scope) -> Result<bool, Error> {
        let update = self
            .update_user(user_hash)
            .update_expression("SET phone = :new")
            .condition_expression("phone = :old")
            .expression_attribute_values(":old", text(old))
            .expression_attribute_values(":new", text(new));
        Ok(conditionally(update, scope).await?.is_ok())
    }
}
