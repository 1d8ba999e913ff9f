//! The stand-in's wire: JSON as `text/plain` with escaped slashes, and routes by which tests steer it.

use super::stable_token::Tokens;
use super::{Fault, LoginCode, PhoneCode, SessionKeyRule, State, WeChat};
use crate::fakes::clock::TestClock;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Shared};
use axum::http::{Method, StatusCode, Uri, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

impl WeChat {
    /// Starts the stand-in for one mini-program.
    pub fn serve(listener: TcpListener, clock: TestClock, app_id: &str, app_secret: &str) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let mut state = State {
            clock,
            app_id: app_id.to_owned(),
            app_secret: app_secret.to_owned(),
            login_codes: HashMap::new(),
            session_keys: HashMap::new(),
            exchanges: HashMap::new(),
            phone_codes: HashMap::new(),
            numbers_sold: 0,
            tokens: Tokens::default(),
            plain_tokens: HashMap::new(),
            session_key_rule: SessionKeyRule::default(),
            faults: HashMap::new(),
            calls: HashMap::new(),
            unexpected: Vec::new(),
            rids: 0,
        };
        state.add_samples();
        let wechat = Self { state: Arc::new(Mutex::new(state)), base_url: format!("http://{address}") };
        let router = Router::new()
            .route("/_control/login-codes", post(issue_login_code))
            .route("/_control/phone-codes", post(issue_phone_code))
            .route("/_control/client-data", post(make_client_data))
            .route("/_control/clock", post(advance_clock))
            .fallback(answer)
            .with_state(wechat.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        wechat
    }
}

/// `{"openid"?, "unionid"?, "blocked"?}` -> `{"code"}`. No body is an empty one.
async fn issue_login_code(Shared(wechat): Shared<WeChat>, body: Bytes) -> Response {
    issued(&body, |code: LoginCode| wechat.issue(code))
}

/// `{"phone"?, "countryCode"?, "openid"?}` -> `{"code"}`. No body is an empty one.
async fn issue_phone_code(Shared(wechat): Shared<WeChat>, body: Bytes) -> Response {
    issued(&body, |code: PhoneCode| wechat.issue_phone_code(code))
}

fn issued<C: DeserializeOwned>(body: &[u8], issue: impl FnOnce(C) -> String) -> Response {
    let text = if body.is_empty() { b"{}" } else { body };
    match serde_json::from_slice(text) {
        Ok(code) => Json(json!({"code": issue(code)})).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// `{"openid", "data"}` -> what the client makes of it for a user who has logged in.
async fn make_client_data(Shared(wechat): Shared<WeChat>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let openid = body["openid"].as_str().unwrap_or_default();
    if wechat.session_key(openid).is_none() || !body["data"].is_object() {
        return (StatusCode::BAD_REQUEST, "openid (of a user who has logged in) and data, an object, are needed\n")
            .into_response();
    }
    Json(wechat.client_data(openid, &body["data"])).into_response()
}

/// `{"advance_seconds"}`: puts WeChat's clock forward.
async fn advance_clock(Shared(wechat): Shared<WeChat>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    // A hundred years are enough for any test.
    let Some(seconds @ ..3_153_600_000) = body["advance_seconds"].as_u64() else {
        return (StatusCode::BAD_REQUEST, "advance_seconds is needed, a whole number\n").into_response();
    };
    wechat.state().clock.advance(Duration::from_secs(seconds));
    StatusCode::NO_CONTENT.into_response()
}

async fn answer(
    Shared(wechat): Shared<WeChat>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let (fault, answer) = {
        let mut state = wechat.state();
        *state.calls.entry(uri.path().to_owned()).or_default() += 1;
        let fault = state.faults.get_mut(uri.path()).and_then(VecDeque::pop_front);
        let carried_out = fault.as_ref().is_none_or(|fault| fault.carried_out);
        let answer = match (method.as_str(), uri.path()) {
            _ if !carried_out => Value::Null,
            ("GET", "/sns/jscode2session") => state.code2session(&query),
            ("GET", "/cgi-bin/token") => state.token(&query),
            ("POST", "/cgi-bin/stable_token") => state.stable_token(&body),
            ("GET", "/cgi-bin/stable_token") => state.error(43002, "require POST method"),
            ("POST", "/wxa/business/getuserphonenumber") => {
                state.getuserphonenumber(query.get("access_token").map(String::as_str), &body)
            }
            ("GET", "/wxa/checksession") => state.check_session(&query),
            ("GET", "/wxa/resetusersessionkey") => state.reset_session_key(&query),
            (method, path) => {
                state.unexpected.push(format!("{method} {path}"));
                return StatusCode::NOT_FOUND.into_response();
            }
        };
        (fault, answer)
    };
    if let Some(fault) = &fault {
        tokio::time::sleep(fault.delay).await;
    }
    match fault {
        Some(fault) if !fault.answered => faulty(fault),
        _ => plain(StatusCode::OK, Body::from(answer.to_string().replace('/', "\\/"))),
    }
}

fn faulty(fault: Fault) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if fault.cut_short {
        let pieces = [Ok(Bytes::from(fault.body)), Err(std::io::Error::other("cut short"))];
        return plain(status, Body::from_stream(futures_util::stream::iter(pieces)));
    }
    plain(status, Body::from(fault.body))
}

fn plain(status: StatusCode, body: Body) -> Response {
    (status, [(CONTENT_TYPE, "text/plain")], body).into_response()
}
