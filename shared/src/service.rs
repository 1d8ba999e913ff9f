//! From a handler to a running Lambda function.

use crate::app::{App, Needs};
use crate::clock::{Timestamp, system_now};
use crate::config::{Config, ConfigError};
use crate::deadline::Deadline;
use crate::error::{Error, Failure};
use crate::event::sanitize;
use crate::http::{Call, Reply, respond};
use crate::log::{self, Failed, Line, Outcome};
use crate::scope::Scope;
use lambda_http::http::Method;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Request, RequestExt, Response, Service, service_fn};
use serde::Serialize;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout_at;

/// Assumed time left where Lambda gives no deadline: the functions' timeout in `template.yaml`.
const DEFAULT_TIME_LEFT: Duration = Duration::from_secs(10);

/// Runs `handler` as the Lambda function of `route` until Lambda ends the process, with what it `needs` made ready first. Configuration comes from the
/// environment; what is wrong with it is said in the log and answered as `misconfigured`.
///
/// # Errors
/// If the Lambda Runtime API cannot be reached.
pub async fn run<H, F>(route: &'static str, needs: Needs, handler: H) -> Result<(), lambda_runtime::Error>
where
    H: Fn(Arc<App>, Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Error>> + Send + 'static,
{
    log::keep_panics_short();
    let app = match Config::from_env() {
        Ok(config) => App::load(config),
        Err(error) => Err(error),
    };
    if let Ok(app) = &app {
        app.warm_up(needs).await;
    }
    lambda_runtime::run(service(route, app.map(Arc::new), handler)).await
}

/// The service that Lambda's runtime calls: an event in, an answer in the event's own form out.
///
/// `handler` is a route's `handle`. Whatever happens, the answer has the contract's form and stands before the
/// invocation's deadline.
pub fn service<H, F>(
    route: &'static str,
    app: Result<Arc<App>, ConfigError>,
    handler: H,
) -> impl Service<LambdaEvent<LambdaRequest>, Response = impl Serialize + Send, Error = Infallible, Future: Send>
+ Clone
+ Send
where
    H: Fn(Arc<App>, Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Error>> + Send + 'static,
{
    let warm = Arc::new(AtomicBool::new(false));
    let answer = service_fn(move |request: Request| {
        let (app, handler) = (app.clone(), handler.clone());
        let warm = Arc::clone(&warm);
        async move { Ok(answer(route, &warm, app, handler, request).await) }
    });
    let adapter = lambda_http::Adapter::from(answer);
    service_fn(move |event: LambdaEvent<LambdaRequest>| {
        let mut adapter = adapter.clone();
        async move {
            let event = LambdaEvent::new(sanitize(event.payload), event.context);
            adapter.call(event).await
        }
    })
}

/// One invocation, from Lambda's context to the log line. The authorizer, which does not answer HTTP, uses it too.
#[derive(Debug)]
pub struct Invocation {
    route: &'static str,
    request_id: String,
    cold_start: bool,
    /// Its time and its log line.
    pub scope: Scope,
}

impl Invocation {
    /// Begins an invocation of the function of `route`, which is `warm` from the second one on. Its steps get `time_limit_factor` times
    /// their usual limits.
    pub fn begin(route: &'static str, warm: &AtomicBool, context: Option<&Context>, time_limit_factor: u32) -> Self {
        let left = time_left(context.map_or(0, |context| context.deadline), Timestamp::from(system_now()).millis());
        Self {
            route,
            request_id: context.map_or_else(String::new, |context| context.request_id.clone()),
            cold_start: !warm.swap(true, Ordering::Relaxed),
            scope: Scope::until(Deadline::of_invocation(left).with_limit_factor(time_limit_factor)),
        }
    }

    /// Prints the log line of a request that succeeded, or failed with `error`.
    pub fn end(&self, error: Option<&Error>) {
        let failed = error.map(|error| {
            let wording = error.failure.wording();
            let (cause, errcode, rid) = (error.cause, error.errcode, error.rid.as_deref());
            (wording.status.as_u16(), Failed { name: wording.error, cause, errcode, rid })
        });
        let outcome = Outcome {
            request_id: &self.request_id,
            route: self.route,
            cold_start: self.cold_start,
            status: failed.map_or(200, |(status, _)| status),
            error: failed.map(|(_, error)| error),
        };
        Line::new(&self.scope.log, outcome).print();
    }
}

/// Time until `ends`, both in ms. A deadline in the past is ignored: `cargo lambda watch` sends 600000 instead of a time.
fn time_left(ends: u64, now: u64) -> Duration {
    ends.checked_sub(now).map_or(DEFAULT_TIME_LEFT, Duration::from_millis)
}

async fn answer<H, F>(
    route: &'static str,
    warm: &AtomicBool,
    app: Result<Arc<App>, ConfigError>,
    handler: H,
    request: Request,
) -> Response<String>
where
    H: Fn(Arc<App>, Call) -> F,
    F: Future<Output = Result<Reply, Error>>,
{
    let factor = app.as_ref().map_or(1, |app| app.time_limit_factor);
    let invocation = Invocation::begin(route, warm, request.lambda_context_ref(), factor);
    let scope = &invocation.scope;
    let result = match app {
        // What a browser sends before a page's own request. API Gateway, where it is configured for CORS, adds the headers; the
        // status must be a success.
        _ if request.method() == Method::OPTIONS => Ok(Reply::done()),
        Ok(app) => {
            let call = Call::new(request, scope.clone());
            timeout_at(scope.deadline.instant(), handler(app, call))
                .await
                .unwrap_or(Err(Error::new(Failure::Unavailable, "deadline reached")))
        }
        Err(error) => Err(error.into()),
    };

    invocation.end(result.as_ref().err());
    respond(&result, &invocation.request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_ends_with_the_deadline() {
        assert_eq!(time_left(1_700_000_003_000, 1_700_000_000_000), Duration::from_secs(3));
    }

    #[test]
    fn a_deadline_in_the_past_is_ignored() {
        assert_eq!(time_left(600_000, 1_700_000_000_000), DEFAULT_TIME_LEFT);
    }
}
