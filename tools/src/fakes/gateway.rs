//! API Gateway: an HTTP request becomes an event (payload 2.0), the event goes through `lambda_http` into the function, its
//! answer becomes an HTTP response.

mod api;
mod cors;
mod lambda;
mod request;
mod route;

use authorizer::Authorizer;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service};
use miniprogram::clock::{Timestamp, system_now};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

pub use api::{Api, Route, Served, Target, Watch, cut_off, deployed, request_id};
pub use cors::{Cors, check_origin};
pub use route::RouteKey;

/// What Lambda allows the functions, as in `template.yaml`.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(10);

/// A function: an event and the time that Lambda leaves it, to the answer's JSON.
pub type Function = Arc<dyn Fn(Value, Duration) -> BoxFuture<'static, Value> + Send + Sync>;

/// Makes a function of the service that the Lambda runtime would call.
///
/// An event that `lambda_http` cannot read is an invocation error, as on Lambda.
pub fn function<S>(service: S) -> Function
where
    S: Service<LambdaEvent<LambdaRequest>, Response: Serialize, Error: Debug, Future: Send> + Clone + Send + Sync,
    S: 'static,
{
    Arc::new(move |event, timeout| {
        let mut service = service.clone();
        async move {
            let request = match serde_json::from_value::<LambdaRequest>(event) {
                Ok(request) => request,
                Err(error) => return json!({"errorType": "event", "errorMessage": error.to_string()}),
            };
            let answer = service.call(LambdaEvent::new(request, context(timeout))).await;
            serde_json::to_value(answer.expect("the service never fails")).expect("an answer is JSON")
        }
        .boxed()
    })
}

fn context(timeout: Duration) -> Context {
    let mut context = Context::default();
    context.request_id = uuid::Uuid::new_v4().to_string();
    context.deadline = (Timestamp::from(system_now()) + timeout).millis();
    context
}

/// The event of an HTTP API (payload 2.0) for a request. Like API Gateway it takes JSON and text as they are, and
/// everything else in base64.
pub fn event(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        map.insert(name.to_string(), values.join(",").into());
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = std::str::from_utf8(body).ok();
    let plain = text.filter(|_| media_type.is_empty() || media_type.contains("json") || media_type.contains("text"));
    json!({
        "version": "2.0",
        "routeKey": format!("ANY {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": map,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "localhost",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": uuid::Uuid::new_v4().to_string(),
            "routeKey": format!("ANY {path}"),
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": plain.map_or_else(|| STANDARD.encode(body), str::to_owned),
        "isBase64Encoded": plain.is_none(),
    })
}

/// Asks the authorizer.
///
/// # Errors
/// If it cannot tell, or cannot read the event.
pub async fn authorize(authorizer: &Authorizer, event: Value) -> Result<Value, String> {
    let event = serde_json::from_value(event).map_err(|error| error.to_string())?;
    let answer = authorizer::handle(authorizer, LambdaEvent::new(event, context(FUNCTION_TIMEOUT))).await?;
    serde_json::to_value(answer).map_err(|error| error.to_string())
}
