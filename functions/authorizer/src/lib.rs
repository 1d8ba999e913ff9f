//! The authorizer for the routes of a team's own API. It reads one session, and needs no secret.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod event;

pub use event::{Answer, Event};
use lambda_runtime::LambdaEvent;
use miniprogram::app::{WARM_UP, authenticate};
use miniprogram::clock::Clock;
use miniprogram::config::ConfigError;
use miniprogram::deadline::Deadline;
use miniprogram::error::Failure;
use miniprogram::service::Invocation;
use miniprogram::store::Store;
use miniprogram::{Config, Scope, aws};
use std::sync::atomic::AtomicBool;

/// State of the function instance.
pub struct Authorizer {
    ready: Result<(Store, Clock), ConfigError>,
    time_limit_factor: u32,
    warm: AtomicBool,
}

/// The error of an invocation that could not identify the caller. API Gateway responds 500, and lets nobody through.
const UNKNOWN: &str = "the session cannot be read";

impl Authorizer {
    /// Sets up from the environment that Lambda gives, and opens the connection to DynamoDB. What is wrong shows in the log
    /// of each request.
    pub async fn load() -> Self {
        let ready = async {
            let config = Config::from_env()?;
            let sdk = aws::load(&config)?;
            let store = Store::new(&sdk, &config);
            store.connect(&Scope::until(Deadline::of_invocation(WARM_UP))).await;
            Ok(((store, Clock::system()), config.time_limit_factor))
        };
        let (ready, time_limit_factor) =
            ready.await.map_or_else(|error| (Err(error), 1), |(ready, factor)| (Ok(ready), factor));
        Self { ready, time_limit_factor, warm: AtomicBool::new(false) }
    }

    /// Sets up with this store and clock, and limits that are `time_limit_factor` times the usual ones.
    pub fn new(store: Store, clock: Clock, time_limit_factor: u32) -> Self {
        Self { ready: Ok((store, clock)), time_limit_factor, warm: AtomicBool::new(false) }
    }
}

/// Answers API Gateway, in the form that the event asks for, whether the request may pass, and whose it is.
///
/// # Errors
/// If the session cannot be read: to refuse would log people out whose sessions are good.
pub async fn handle(authorizer: &Authorizer, event: LambdaEvent<Event>) -> Result<Answer, &'static str> {
    let invocation =
        Invocation::begin("authorizer", &authorizer.warm, Some(&event.context), authorizer.time_limit_factor);
    let found = match &authorizer.ready {
        Ok((store, clock)) => authenticate(store, clock, event.payload.token(), &invocation.scope).await,
        Err(error) => Err((*error).into()),
    };
    invocation.end(found.as_ref().err());
    match found {
        Ok(caller) => Ok(event.payload.allow(&caller.session)),
        Err(error) if error.failure == Failure::Unauthorized => Ok(event.payload.deny()),
        Err(_) => Err(UNKNOWN),
    }
}
