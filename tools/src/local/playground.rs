//! The playground: a page at WeChat's port that runs the sample project and shows what goes on behind it.
//!
//! Its files are in the binary. Whatever it does not serve itself goes to the fake of WeChat.

mod files;

use super::chaos::Places;
use super::{Local, tables};
use crate::faults::{Point, Service};
use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, Path, Query, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The names of the services in requests of the page; `page` stands for the way from page to functions.
const SERVICES: [(&str, Service); 3] =
    [("wechat", Service::WeChat), ("dynamodb", Service::DynamoDb), ("secrets", Service::SecretsManager)];

/// The name of the way from page to functions.
const PAGE: &str = "page";

/// Where the page finds the functions, so that it needs no CORS.
const FUNCTIONS: &str = "/_playground/functions";

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, local: Arc<Local>) {
    let router = Router::new()
        .route("/", get(index))
        .route("/_playground/state", get(state))
        .route("/_playground/faults", post(set_faults))
        .route("/_playground/lose", post(lose_next))
        .route("/_playground/functions/{*path}", any(functions))
        .route("/_playground/files/{*path}", get(file))
        .fallback(wechat)
        .with_state(local);
    let _ = axum::serve(listener, router).await;
}

async fn index(State(local): State<Arc<Local>>) -> Response {
    match local.api {
        Some(_) => files::response("index.html"),
        None => "The fake of WeChat's server API (api.weixin.qq.com) of cargo local.\n".into_response(),
    }
}

async fn file(Path(path): Path<String>) -> Response {
    files::response(&path)
}

/// What has happened since `after`, and how things are.
async fn state(State(local): State<Arc<Local>>, Query(query): Query<HashMap<String, String>>) -> Response {
    let after = query.get("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let (last, events) = local.record.since(after);
    let (seed, places, losing) = local.chaos.state();
    let services = SERVICES.iter().filter(|(_, service)| places.services.contains(service)).map(|(name, _)| *name);
    let places: Vec<_> = services.chain(places.pages.then_some(PAGE)).collect();
    let losing = losing.map(|point| if point == Point::Request { "request" } else { "reply" });
    let state = json!({
        "last": last,
        "events": events,
        "wechat": local.wechat.overview(),
        "tables": tables::read(&local).await,
        "now": local.clock.now().millis(),
        "faults": {"seed": seed, "places": places, "losing": losing},
    });
    ([(header::CACHE_CONTROL, "no-store")], Json(state)).into_response()
}

/// `{"seed", "places": ["page", "wechat", "dynamodb", "secrets"]}`.
async fn set_faults(State(local): State<Arc<Local>>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (Some(seed), Some(places)) = (body["seed"].as_u64(), places(&body["places"])) else {
        let why = "seed, a whole number, and places, a list out of page, wechat, dynamodb and secrets, are needed\n";
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    local.chaos.set(seed, places);
    local.apply_chaos();
    StatusCode::NO_CONTENT.into_response()
}

/// `None` if a name is unknown.
fn places(names: &Value) -> Option<Places> {
    let mut places = Places::default();
    for name in names.as_array()? {
        match SERVICES.iter().find(|(known, _)| name == known) {
            Some((_, service)) => places.services.push(*service),
            None if name == PAGE => places.pages = true,
            None => return None,
        }
    }
    Some(places)
}

/// `{"what": "request"}` or `{"what": "reply"}`.
async fn lose_next(State(local): State<Arc<Local>>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let point = match body["what"].as_str() {
        Some("request") => Point::Request,
        Some("reply") => Point::Answer,
        _ => return (StatusCode::BAD_REQUEST, "what is needed: request or reply\n").into_response(),
    };
    local.chaos.lose_next(point);
    StatusCode::NO_CONTENT.into_response()
}

/// Hands a request to the functions.
async fn functions(State(local): State<Arc<Local>>, OriginalUri(uri): OriginalUri, mut request: Request) -> Response {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = target.strip_prefix(FUNCTIONS).and_then(|target| target.parse::<Uri>().ok());
    match (&local.api, target) {
        (Some(api), Some(target)) => {
            *request.uri_mut() = target;
            api.handle(request).await
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Hands a request to the fake of WeChat, through the fault injector.
async fn wechat(State(local): State<Arc<Local>>, request: Request) -> Response {
    // The fakes take everything that a test may send; so much is enough.
    const MAX_BODY: usize = 10 * 1024 * 1024;
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut headers = parts.headers;
    for name in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{}{target}", local.before_wechat.url());
    let Ok(reply) = local.http.request(parts.method, url).headers(headers).body(body).send().await else {
        return crate::fakes::gateway::cut_off();
    };
    let (status, headers) = (reply.status(), reply.headers().clone());
    let Ok(body) = reply.bytes().await else {
        return crate::fakes::gateway::cut_off();
    };
    let mut response = (status, Body::from(body)).into_response();
    if let Some(media_type) = headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, media_type.clone());
    }
    response
}
