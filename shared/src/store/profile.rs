//! What is stored of a user, and what users hand in themselves.

use super::conditions::MEMBER;
use super::item::{self, Item, get_number, get_text, member, text};
use super::write::conditionally;
use super::{Error, SealedPhone, Store};
use crate::clock::Timestamp;
use crate::log::rfc3339;
use crate::profile::{Avatar, Name};
use crate::scope::Scope;
use crate::session::Caller;
use aws_sdk_dynamodb::types::ReturnValue;

/// A user as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUser {
    /// The user, within this mini-program.
    pub openid: String,
    /// The user across the apps of one open-platform account.
    pub unionid: Option<String>,
    /// What the user calls themselves.
    pub name: Option<String>,
    /// An `https` URL.
    pub avatar: Option<String>,
    /// The phone number.
    pub phone: Option<SealedPhone>,
    /// When the user was first seen: RFC 3339, UTC.
    pub created_at: String,
}

/// What a user changes of themselves. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The new name.
    pub name: Option<Name>,
    /// The new avatar.
    pub avatar: Option<Avatar>,
}

impl Store {
    /// What is stored of the caller, by a strongly consistent read; `None` if the session is no longer that user's.
    ///
    /// # Errors
    /// If DynamoDB does not answer, or the item is malformed.
    pub async fn user(&self, caller: &Caller, scope: &Scope) -> Result<Option<StoredUser>, Error> {
        let item = self.user_item(caller, scope).await?;
        item.map(|item| user(&item).ok_or(Error::Corrupt)).transpose()
    }

    /// Changes the caller's name, avatar or both, if the session still is that user's: the user as stored then, or
    /// `None` if it is not.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time; the write may have gone through all the same.
    pub async fn change_user(
        &self,
        caller: &Caller,
        change: &Change,
        scope: &Scope,
    ) -> Result<Option<StoredUser>, Error> {
        let mut update = self
            .update_user(&user_hash(caller))
            .condition_expression(MEMBER)
            .expression_attribute_names("#sessions", item::SESSIONS)
            .expression_attribute_values(":member", text(&member(&caller.hash, &caller.session)))
            .return_values(ReturnValue::AllNew);
        let mut sets = Vec::new();
        if let Some(name) = &change.name {
            // `name` is a reserved word of DynamoDB's.
            update = update.expression_attribute_names("#name", item::NAME);
            update = update.expression_attribute_values(":name", text(name.as_str()));
            sets.push("#name = :name");
        }
        if let Some(avatar) = &change.avatar {
            update = update.expression_attribute_values(":avatar", text(avatar.as_str()));
            sets.push("avatar = :avatar");
        }
        let update = update.update_expression(format!("SET {}", sets.join(", ")));
        match conditionally(update, scope).await? {
            Ok(changed) => changed.as_ref().and_then(user).map(Some).ok_or(Error::Corrupt),
            Err(_) => Ok(None),
        }
    }

    /// The caller's item, by a strongly consistent read; `None` if the session is no longer that user's.
    pub(super) async fn user_item(&self, caller: &Caller, scope: &Scope) -> Result<Option<Item>, Error> {
        let user = self.read(&self.users, item::USER_HASH, &user_hash(caller), scope).await?;
        let member = member(&caller.hash, &caller.session);
        Ok(user.filter(|user| item::members(user).contains(&member)))
    }
}

/// The key of the caller's user.
pub(super) fn user_hash(caller: &Caller) -> String {
    item::user_hash(&caller.session.appid, &caller.session.openid)
}

fn user(item: &Item) -> Option<StoredUser> {
    Some(StoredUser {
        openid: get_text(item, item::OPENID)?,
        unionid: get_text(item, item::UNIONID),
        name: get_text(item, item::NAME),
        avatar: get_text(item, item::AVATAR),
        phone: SealedPhone::read(item),
        created_at: rfc3339(Timestamp::from_millis(get_number(item, item::CREATED_AT)?)),
    })
}
