//! API Gateway, as far as a function sees it: an HTTP request becomes an event (payload 2.0), the event goes
//! through `lambda_http` into the function, its answer becomes an HTTP response.

use authorizer::Authorizer;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service};
use miniprogram::clock::{Timestamp, system_now};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

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

/// Serves the functions, one a path, and the example route behind the authorizer, until the runtime ends. What API Gateway
/// answers by itself has its own body.
pub async fn serve(listener: TcpListener, routes: HashMap<&'static str, Function>, authorizer: Arc<Authorizer>) {
    let router = Router::new()
        .route("/example", axum::routing::any(example).with_state(authorizer))
        .fallback(answer)
        .with_state(Arc::new(routes));
    let _ = axum::serve(listener, router).await;
}

/// A team's own route, as in `template.yaml`: it answers with what the authorizer found out.
async fn example(State(authorizer): State<Arc<Authorizer>>, method: Method, headers: HeaderMap) -> Response {
    if !headers.contains_key(header::AUTHORIZATION) {
        return by_itself(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let mut event = event(method.as_str(), "/example", &headers, b"");
    event["type"] = "REQUEST".into();
    match authorize(&authorizer, event).await {
        Ok(answer) if answer["isAuthorized"] == true => {
            Json(json!({"code": 200, "msg": "ok", "data": answer["context"]})).into_response()
        }
        Ok(_) => by_itself(StatusCode::FORBIDDEN, "Forbidden"),
        Err(_) => by_itself(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

async fn answer(
    State(routes): State<Arc<HashMap<&'static str, Function>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(function) = routes.get(uri.path()) else {
        return by_itself(StatusCode::NOT_FOUND, "Not Found");
    };
    let answer = function(event(method.as_str(), uri.path(), &headers, &body), FUNCTION_TIMEOUT).await;
    response(&answer).unwrap_or_else(|| by_itself(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// What API Gateway answers by itself.
fn by_itself(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

/// The HTTP response that a function's answer stands for; `None` if it is none.
fn response(answer: &Value) -> Option<Response> {
    let status = u16::try_from(answer["statusCode"].as_u64()?).ok()?;
    let mut response = Response::new(Body::from(answer["body"].as_str().unwrap_or_default().to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    for (name, value) in answer["headers"].as_object()? {
        let name: HeaderName = name.parse().ok()?;
        response.headers_mut().insert(name, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    Some(response)
}
