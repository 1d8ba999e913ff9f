//! Users who come from another back end.

use super::item::{self, Item, number, text};
use super::write::put_conditionally;
use super::{Error, SealedPhone, Store};
use crate::clock::Timestamp;
use crate::scope::Scope;
use uuid::Uuid;

/// The outcome of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// The user was made.
    Made,
    /// The user existed, and was left alone.
    Existing,
    /// The user was erased here, and stays so.
    Erased,
}

/// A user as another back end knew them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedUser {
    /// The user, within this mini-program.
    pub openid: String,
    /// The mini-program.
    pub appid: String,
    /// The user across the apps of one open-platform account.
    pub unionid: Option<String>,
    /// What the user calls themselves.
    pub name: Option<String>,
    /// An `https` URL.
    pub avatar: Option<String>,
    /// The phone number.
    pub phone: Option<SealedPhone>,
    /// When the user was first seen.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a user unless they exist, or were erased here.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time.
    pub async fn import_user(&self, user: &ImportedUser, scope: &Scope) -> Result<Import, Error> {
        let user_hash = item::user_hash(&user.appid, &user.openid);
        if self.was_erased(&user_hash, scope).await? {
            return Ok(Import::Erased);
        }
        let mut item = Item::from([
            (item::USER_HASH.to_owned(), text(&user_hash)),
            (item::OPENID.to_owned(), text(&user.openid)),
            (item::APPID.to_owned(), text(&user.appid)),
            (item::ID.to_owned(), text(&Uuid::new_v4().to_string())),
            (item::CREATED_AT.to_owned(), number(user.created_at.millis())),
        ]);
        let optional = [
            (item::UNIONID, user.unionid.as_ref()),
            (item::NAME, user.name.as_ref()),
            (item::AVATAR, user.avatar.as_ref()),
        ];
        item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))));
        if let Some(phone) = &user.phone {
            item.insert(item::PHONE.to_owned(), text(&phone.number));
            item.insert(item::COUNTRY_CODE.to_owned(), text(&phone.country_code));
            item.insert(item::PHONE_AT.to_owned(), number(phone.at.millis()));
        }
        let put = self.client.put_item().table_name(&self.users).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(user_hash)");
        Ok(match put_conditionally(put, scope).await? {
            Ok(_) => Import::Made,
            // A tombstone, of an erasure within the hour.
            Err(Some(there)) if !there.contains_key(item::ID) => Import::Erased,
            Err(_) => Import::Existing,
        })
    }

    /// Returns whether the erasure of a user is on record.
    async fn was_erased(&self, user_hash: &str, scope: &Scope) -> Result<bool, Error> {
        Ok(self.read(self.erasures_table()?, item::USER_HASH, user_hash, scope).await?.is_some())
    }
}
