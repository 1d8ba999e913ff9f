//! Conditional writes of single items.

use super::item::Item;
use super::{Error, Store, WORDS, item, within};
use crate::scope::Scope;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, builders::PutItemFluentBuilder};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

/// The outcome of a conditional write: the item as asked for; or, where the condition does not hold, the item as it stands.
pub(super) type Written = Result<Option<Item>, Option<Item>>;

/// Sends a conditional update.
///
/// # Errors
/// If DynamoDB does not respond in time; the write may have gone through all the same.
pub(super) async fn conditionally(update: UpdateItemFluentBuilder, scope: &Scope) -> Result<Written, Error> {
    let send = async {
        match update.return_values_on_condition_check_failure(AllOld).send().await {
            Ok(done) => Ok(Ok(done.attributes)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item().cloned())),
                _ => Err(Error::Aws(WORDS.read(&error))),
            },
        }
    };
    within(scope, send).await
}

/// Sends a conditional put.
///
/// # Errors
/// As [`conditionally`].
pub(super) async fn put_conditionally(put: PutItemFluentBuilder, scope: &Scope) -> Result<Written, Error> {
    let send = async {
        match put.return_values_on_condition_check_failure(AllOld).send().await {
            Ok(done) => Ok(Ok(done.attributes)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item().cloned())),
                _ => Err(Error::Aws(WORDS.read(&error))),
            },
        }
    };
    within(scope, send).await
}

impl Store {
    /// Starts an update of a user.
    pub(super) fn update_user(&self, user_hash: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.users).key(item::USER_HASH, item::text(user_hash))
    }
}
