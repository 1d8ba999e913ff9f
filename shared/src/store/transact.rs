//! Transactions, and writes that meet other writers of the same items.

use super::item::Item;
use super::{Error, Store, WORDS, within};
use crate::aws::Fault;
use crate::scope::Scope;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder};
use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// The pauses between the tries of one write.
pub(super) struct Pauses {
    lengths: Mutex<ExponentialBackoff>,
    taken: AtomicBool,
}

impl Pauses {
    pub(super) fn new() -> Self {
        let lengths = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(20))
            .with_max_delay(Duration::from_millis(320))
            .with_jitter()
            .without_max_times()
            .build();
        Self { lengths: Mutex::new(lengths), taken: AtomicBool::new(false) }
    }

    /// Leaves the field to the others for a moment.
    pub(super) async fn pause(&self) {
        self.taken.store(true, Ordering::Relaxed);
        let length = self.lengths.lock().unwrap_or_else(PoisonError::into_inner).next();
        sleep(length.unwrap_or_default()).await;
    }

    /// Runs `write`, which pauses here, within its limit and the request's. If the time is up and there was a pause, the
    /// others were the reason.
    pub(super) async fn within<T>(
        &self,
        scope: &Scope,
        write: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        within(scope, write).await.map_err(|error| match error {
            Error::Aws(Fault::Unavailable(_)) if self.taken.load(Ordering::Relaxed) => Error::Contention,
            error => error,
        })
    }
}

/// Sends a conditional write, again while a transaction has hold of the item, which the SDK does not do. What it returns is the
/// item as asked for; the inner error, where the condition does not hold, is the item as it stands.
pub(super) async fn conditionally(
    update: UpdateItemFluentBuilder,
    scope: &Scope,
) -> Result<Result<Option<Item>, Option<Item>>, Error> {
    let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let pauses = Pauses::new();
    let send = async {
        loop {
            let error = match update.clone().send().await {
                Ok(done) => return Ok(Ok(done.attributes)),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::TransactionConflictException(_)) => pauses.pause().await,
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    return Ok(Err(failed.item().cloned()));
                }
                _ => return Err(Error::Aws(WORDS.read(&error))),
            }
        }
    };
    pauses.within(scope, send).await
}

impl Store {
    /// Writes all of `items` or none. While another transaction has hold of one of them it is sent again, under the same
    /// client request token, so that of two on their way at once one is a no-op; the SDK does not do that. The inner error is why
    /// conditions did not hold, one reason an item.
    pub(super) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
        pauses: &Pauses,
    ) -> Result<Result<(), Vec<CancellationReason>>, Error> {
        let transaction = self
            .client
            .transact_write_items()
            .client_request_token(Uuid::new_v4().to_string())
            .set_transact_items(Some(items));
        loop {
            let Err(error) = transaction.clone().send().await else {
                return Ok(Ok(()));
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    let codes = || reasons.iter().filter_map(CancellationReason::code);
                    if codes().any(|code| code == "ConditionalCheckFailed") {
                        return Ok(Err(reasons.to_vec()));
                    }
                    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
                    if !codes().any(|code| passing.contains(&code)) {
                        return Err(Error::Aws(Fault::Misconfigured(WORDS.rejected)));
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {}
                _ => return Err(Error::Aws(WORDS.read(&error))),
            }
            pauses.pause().await;
        }
    }
}

/// The reason for which the condition of item `index` did not hold; `None` if it did.
pub(super) fn failed(reasons: &[CancellationReason], index: usize) -> Option<&CancellationReason> {
    reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
