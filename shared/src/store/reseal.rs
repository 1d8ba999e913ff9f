//! Sealing what is stored anew, after the keyring got another current key.

use super::item::{self, get_text, text};
use super::transact::conditionally;
use super::{Error, Store, WORDS, within};
use crate::scope::Scope;

/// A page of the users who have a phone number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedPhones {
    /// Their openids, and the numbers as they are sealed.
    pub phones: Vec<(String, String)>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<String>,
}

impl Store {
    /// A page of at most `most` users, from the beginning or after where the page before ended; of them, those who have a
    /// phone number.
    ///
    /// # Errors
    /// If DynamoDB does not answer.
    pub async fn sealed_phones(&self, after: Option<&str>, most: i32, scope: &Scope) -> Result<SealedPhones, Error> {
        let scan = self
            .client
            .scan()
            .table_name(&self.users)
            .projection_expression("openid, phone")
            .limit(most)
            .set_exclusive_start_key(after.map(|openid| item::Item::from([(item::OPENID.to_owned(), text(openid))])));
        let send = async { scan.send().await.map_err(|error| Error::Aws(WORDS.read(&error))) };
        let page = within(scope, send).await?;
        let phone = |user| Some((get_text(user, item::OPENID)?, get_text(user, item::PHONE)?));
        Ok(SealedPhones {
            phones: page.items().iter().filter_map(phone).collect(),
            next: page.last_evaluated_key().and_then(|key| get_text(key, item::OPENID)),
        })
    }

    /// Replaces a user's sealed number, if it is still `old`: `false` if it is not.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time.
    pub async fn replace_phone(&self, openid: &str, old: &str, new: &str, scope: &Scope) -> Result<bool, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.users)
            .key(item::OPENID, text(openid))
            .update_expression("SET phone = :new")
            .condition_expression("phone = :old")
            .expression_attribute_values(":old", text(old))
            .expression_attribute_values(":new", text(new));
        Ok(conditionally(update, scope).await?.is_ok())
    }
}
