//! The routes that every scenario goes through, and what may be answered.

use crate::app::{Answer, TestApp};
use crate::canary::Canaries;
use crate::gateway;
use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

/// A route, and how a scenario asks for it.
#[derive(Debug)]
pub struct Route {
    /// The function's binary.
    pub function: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Whether it takes a session.
    pub bearer: bool,
    /// A fresh body for this user.
    pub body: fn(&TestApp, &str) -> Value,
    /// Whether `data` is what this user should get.
    pub is_right: fn(&Value, &str) -> bool,
    /// What the same request may be answered once more when all is well again, besides success: the page then
    /// asks for a new code.
    pub ask_again: &'static [&'static str],
}

/// All of them.
pub const ROUTES: [Route; 2] = [
    Route {
        function: "login",
        method: "POST",
        path: "/login",
        bearer: false,
        body: |app, openid| json!({"code": app.wechat.login_code(openid)}),
        is_right: |data, openid| {
            data["openid"] == openid && data["token"].as_str().is_some_and(|text| text.len() == 32)
        },
        ask_again: &["invalid_code"],
    },
    Route {
        function: "phone",
        method: "POST",
        path: "/phone",
        bearer: true,
        body: |app, openid| json!({"code": app.wechat.phone_code(openid, &number_of(openid))}),
        is_right: |data, openid| data["phone"] == number_of(openid) && data["countryCode"] == "86",
        ask_again: &["invalid_code"],
    },
];

/// A request that can be sent again and again.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its route.
    pub route: &'static Route,
    /// Whose it is.
    pub openid: String,
    /// As API Gateway hands it over.
    pub event: Value,
}

/// What to think of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Success, with what belongs to this user.
    Right(Value),
    /// A failure of the contract, by its name.
    Failed(String),
    /// Not what the contract says, or somebody else's.
    Wrong(String),
}

impl Route {
    /// A fresh request of this user, who has a session if the route takes one. `app` is asked directly.
    pub async fn request(&'static self, app: &TestApp, canaries: &Canaries, openid: &str) -> Request {
        let mut headers = HeaderMap::new();
        if self.bearer {
            let token = log_in(app, openid).await;
            canaries.add("token", &token);
            let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token");
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let body = (self.body)(app, openid);
        canaries.learn("/", body.to_string().as_bytes(), b"");
        let event = gateway::event(self.method, self.path, &headers, body.to_string().as_bytes());
        Request { route: self, openid: openid.to_owned(), event }
    }
}

impl Request {
    /// What to think of this answer to it.
    pub fn judge(&self, answer: &Value) -> Verdict {
        if !answer["statusCode"].is_u64() || !answer["body"].is_string() {
            return Verdict::Wrong(format!("no HTTP answer: {answer}"));
        }
        let answer = Answer::from_event(answer);
        if !in_form(&answer) {
            return Verdict::Wrong(format!("not in the contract's form: {answer:?}"));
        }
        let data = &answer.body["data"];
        match answer.outcome() {
            "ok" if (self.route.is_right)(data, &self.openid) => Verdict::Right(data.clone()),
            "ok" => Verdict::Wrong(format!("not what {} should get", self.openid)),
            error => Verdict::Failed(error.to_owned()),
        }
    }

    /// What is wrong with the answer to a repeat when all is well again.
    pub fn fault_of_repeat(&self, verdict: &Verdict) -> Option<String> {
        match verdict {
            Verdict::Right(_) => None,
            Verdict::Failed(error) if self.route.ask_again.contains(&error.as_str()) => None,
            other => Some(format!("{} repeated: {other:?}", self.route.path)),
        }
    }
}

/// A session of this user's. A machine that is busy with a scenario may need more than one try.
pub(super) async fn log_in(app: &TestApp, openid: &str) -> String {
    let code = app.wechat.login_code(openid);
    for _ in 0..10 {
        let answer = app.login(&code).await;
        if answer.status == 200 {
            return answer.data("token");
        }
    }
    panic!("{openid} cannot log in")
}

/// HTTP status, `code` and `error` of every failure, as the README has them.
const FAILURES: [(u16, u16, &str); 13] = [
    (400, 404, "missing_parameter"),
    (400, 404, "invalid_code"),
    (400, 400, "malformed_request"),
    (401, 401, "unauthorized"),
    (403, 403, "user_blocked"),
    (403, 403, "code_mismatch"),
    (405, 405, "method_not_allowed"),
    (413, 413, "body_too_large"),
    (415, 415, "unsupported_media_type"),
    (429, 429, "rate_limited"),
    (500, 500, "misconfigured"),
    (502, 502, "wechat_unavailable"),
    (503, 503, "unavailable"),
];

fn in_form(answer: &Answer) -> bool {
    let header = |name: &str| answer.headers.get(name).map(String::as_str);
    let headers = header("content-type") == Some("application/json; charset=utf-8")
        && header("cache-control") == Some("no-store");
    let body = &answer.body;
    let names: Vec<&str> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let has = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    let form = match answer.outcome() {
        "ok" => answer.status == 200 && body["code"] == 200 && body["msg"] == "ok" && names == ["code", "data", "msg"],
        error => {
            FAILURES.contains(&(answer.status, u16::try_from(body["code"].as_u64().unwrap_or(0)).unwrap_or(0), error))
                && body["data"].is_null()
                && has("msg")
                && has("request_id")
                && names == ["code", "data", "error", "msg", "request_id"]
        }
    };
    headers && form
}

/// The phone number of a user: eleven digits that nobody else has.
fn number_of(openid: &str) -> String {
    let hash = openid.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
    format!("13{:09}", hash % 1_000_000_000)
}
