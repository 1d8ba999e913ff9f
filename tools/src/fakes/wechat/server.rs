//! The stand-in's wire: JSON as `text/plain` with escaped slashes, and routes by which tests steer it.

use super::stable_token::Tokens;
use super::{LoginCode, PhoneCode, Revoked, SessionKeyRule, State, WeChat};
use crate::fakes::clock::TestClock;
use crate::faults::Proxy;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Shared};
use axum::http::{Method, StatusCode, Uri, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
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
            devtools: None,
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
            .route("/_control/access-token", post(revoke_access_token))
            .route("/_control/devtools", post(set_devtools_user))
            .fallback(answer)
            .with_state(wechat.clone());
        let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let behind = format!("http://{}", server.local_addr().expect("a bound listener has an address"));
        server.set_nonblocking(true).expect("a socket");
        let server = TcpListener::from_std(server).expect("a runtime");
        tokio::spawn(async move { axum::serve(server, router).await });
        let state = Arc::clone(&wechat.state);
        Proxy::serve(listener, &behind).decide(move |call| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            *state.calls.entry(call.operation.clone()).or_default() += 1;
            state.faults.get_mut(&call.operation).and_then(VecDeque::pop_front)
        });
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
    // A hundred years are enough for any test.
    const MAX_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;
    let refuse = |why: &str| (StatusCode::BAD_REQUEST, format!("advance_seconds {why}\n")).into_response();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (&body["advance_seconds"], body["advance_seconds"].as_u64()) {
        (Value::Null, _) => return refuse("is needed, a whole number, in a JSON object"),
        (_, Some(seconds @ 0..=MAX_SECONDS)) => wechat.state().clock.advance(Duration::from_secs(seconds)),
        (Value::Number(number), Some(_)) => {
            return refuse(&format!("is at most {MAX_SECONDS}, a hundred years, not {number}"));
        }
        (Value::Number(number), None) if number.as_f64().is_some_and(|number| number < 0.0) => {
            return refuse("cannot be negative: the clock only goes forward");
        }
        (Value::Number(number), None) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
            return refuse(&format!("is at most {MAX_SECONDS}, a hundred years"));
        }
        _ => return refuse("is a whole number"),
    }
    StatusCode::NO_CONTENT.into_response()
}

/// `{"repeated"?}`: revokes the access token; with `repeated` normal mode goes on handing it out.
async fn revoke_access_token(Shared(wechat): Shared<WeChat>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    wechat.revoke_access_token(if body["repeated"] == true { Revoked::Repeated } else { Revoked::Forgotten });
    StatusCode::NO_CONTENT.into_response()
}

/// `{"openid"}`: whose the codes are from now on that DevTools invents.
async fn set_devtools_user(Shared(wechat): Shared<WeChat>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    match body["openid"].as_str() {
        Some(openid) if !openid.is_empty() => wechat.accept_invented_codes(openid),
        _ => return (StatusCode::BAD_REQUEST, "openid is needed\n").into_response(),
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn answer(
    Shared(wechat): Shared<WeChat>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let mut state = wechat.state();
    let answer = match (method.as_str(), uri.path()) {
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
    plain(StatusCode::OK, Body::from(answer.to_string().replace('/', "\\/")))
}

fn plain(status: StatusCode, body: Body) -> Response {
    (status, [(CONTENT_TYPE, "text/plain")], body).into_response()
}
