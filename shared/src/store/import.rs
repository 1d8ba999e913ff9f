//! Users who come from another back end.

use super::item::{self, Item, text};
use super::{Error, Store, WORDS, within};
use crate::scope::Scope;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use uuid::Uuid;

/// A user as another back end knew them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The number without its country code, sealed, and the country code.
    pub phone: Option<(String, String)>,
    /// When the user was first seen: RFC 3339, UTC.
    pub created_at: String,
}

impl Store {
    /// Makes a user unless they exist: `false` if they do.
    ///
    /// # Errors
    /// If DynamoDB does not answer in time.
    pub async fn import_user(&self, user: &ImportedUser, scope: &Scope) -> Result<bool, Error> {
        let mut item = Item::from([
            (item::OPENID.to_owned(), text(&user.openid)),
            (item::APPID.to_owned(), text(&user.appid)),
            (item::ID.to_owned(), text(&Uuid::new_v4().to_string())),
            (item::CREATED_AT.to_owned(), text(&user.created_at)),
        ]);
        let (phone, country_code) = user.phone.as_ref().map(|(phone, code)| (phone, code)).unzip();
        let optional = [
            (item::UNIONID, user.unionid.as_ref()),
            (item::NAME, user.name.as_ref()),
            (item::AVATAR, user.avatar.as_ref()),
            (item::PHONE, phone),
            (item::COUNTRY_CODE, country_code),
        ];
        item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))));
        let put = self.client.put_item().table_name(&self.users).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(openid)");
        let send = async {
            let Err(error) = put.send().await else {
                return Ok(true);
            };
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(Error::Aws(WORDS.read(&error))),
            }
        };
        within(scope, send).await
    }
}
