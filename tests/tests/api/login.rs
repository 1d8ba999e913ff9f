//! What `POST /login` takes and answers, by the HTTP contract.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;
use tools::app::TestApp;
use tools::fakes::aws::scan;
use tools::fakes::wechat::LoginCode;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_fresh_code_gives_a_token_and_the_openid() {
    let app = TestApp::start().await;
    let answer = app.login(&app.wechat.login_code("oAlice")).await;
    assert_eq!(answer.status, 200);
    let token = answer.data("token");
    assert_eq!(answer.body, json!({"code": 200, "msg": "ok", "data": {"token": token, "openid": "oAlice"}}));
    assert_eq!(token.len(), 32);
}

#[tokio::test]
async fn every_reply_is_json_that_nobody_stores() {
    let app = TestApp::start().await;
    for answer in [app.login(&app.wechat.login_code("oAlice")).await, app.login("never-issued").await] {
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn a_form_is_taken_as_the_django_module_took_it() {
    let app = TestApp::start().await;
    let body = format!("code={}", app.wechat.login_code("oAlice"));
    let answer = app.post("/login", FORM, body).await;
    assert_eq!(answer.data("openid"), "oAlice");
}

#[tokio::test]
async fn media_types_are_compared_without_case_and_parameters() {
    let app = TestApp::start().await;
    for (media_type, body) in [
        ("Application/JSON; Charset=UTF-8", json!({"code": app.wechat.login_code("oAlice")}).to_string()),
        ("APPLICATION/X-WWW-FORM-URLENCODED", format!("code={}", app.wechat.login_code("oAlice"))),
    ] {
        assert_eq!(app.post("/login", media_type, body).await.outcome(), "ok", "{media_type}");
    }
}

#[tokio::test]
async fn a_missing_media_type_means_json() {
    let app = TestApp::start().await;
    let body = json!({"code": app.wechat.login_code("oAlice")}).to_string();
    let answer = app.request("POST", "/login", &HeaderMap::new(), body.as_bytes()).await;
    assert_eq!(answer.outcome(), "ok");
}

#[tokio::test]
async fn a_missing_code_is_a_missing_parameter() {
    let app = TestApp::start().await;
    for (media_type, body) in [
        (JSON, ""),
        (JSON, "{}"),
        (JSON, r#"{"code":null}"#),
        (JSON, r#"{"code":""}"#),
        (FORM, ""),
        (FORM, "code="),
        (FORM, "other=1"),
    ] {
        let answer = app.post("/login", media_type, body).await;
        assert_error(&answer, 400, 404, "missing_parameter", "缺少参数");
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_it_claims_is_malformed() {
    let app = TestApp::start().await;
    let long = format!(r#"{{"code":"{}"}}"#, "a".repeat(513));
    for (media_type, body) in [
        (JSON, b"code=1".as_slice()),
        (JSON, b"[]"),
        (JSON, b"null"),
        (JSON, b"\"code\""),
        (JSON, b"{\"code\":1}"),
        (JSON, b"{\"code\":{}}"),
        (JSON, "{\"code\":\"é\"}".as_bytes()),
        (JSON, b"{\"code\":\"a\\nb\"}"),
        (JSON, b"{\"code\":\"a\""),
        (JSON, b"\xff\xfe"),
        (JSON, long.as_bytes()),
        (FORM, b"code=\xff"),
        (FORM, b"code=%ff"),
        (FORM, b"code=%00"),
    ] {
        let answer = app.post("/login", media_type, body).await;
        assert_error(&answer, 400, 400, "malformed_request", "请求格式错误");
    }
}

#[tokio::test]
async fn other_media_types_are_not_supported() {
    let app = TestApp::start().await;
    for media_type in ["text/plain", "multipart/form-data; boundary=x", "application/xml", "json"] {
        let answer = app.post("/login", media_type, r#"{"code":"a"}"#).await;
        assert_eq!((answer.status, answer.outcome()), (415, "unsupported_media_type"), "{media_type}");
    }
}

#[tokio::test]
async fn a_body_over_4_kib_is_too_large() {
    let app = TestApp::start().await;
    let at_the_limit = format!("{{}}{}", " ".repeat(4094));
    assert_eq!(app.post("/login", JSON, &at_the_limit).await.outcome(), "missing_parameter");
    let answer = app.post("/login", JSON, at_the_limit + " ").await;
    assert_eq!((answer.status, answer.outcome()), (413, "body_too_large"));
}

#[tokio::test]
async fn other_methods_are_refused_with_allow() {
    let app = TestApp::start().await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = app.request(method, "/login", &HeaderMap::new(), b"").await;
        assert_eq!((answer.status, answer.outcome()), (405, "method_not_allowed"), "{method}");
        assert_eq!(answer.headers["allow"], "POST", "{method}");
    }
}

#[tokio::test]
async fn a_preflight_request_succeeds_on_every_route() {
    let app = TestApp::start().await;
    for path in ["/login", "/phone", "/user", "/logout", "/decrypt"] {
        let answer = app.request("OPTIONS", path, &HeaderMap::new(), b"").await;
        assert_eq!((answer.status, answer.outcome()), (200, "ok"), "{path}");
    }
}

#[tokio::test]
async fn a_code_that_wechat_does_not_know_is_invalid() {
    let app = TestApp::start().await;
    let answer = app.login("never-issued").await;
    assert_error(&answer, 400, 404, "invalid_code", "无效的code");
}

#[tokio::test]
async fn a_code_of_six_minutes_ago_is_invalid() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    app.clock.advance(Duration::from_secs(360));
    assert_eq!(app.login(&code).await.outcome(), "invalid_code");
}

#[tokio::test]
async fn a_user_whom_wechat_blocks_is_refused() {
    let app = TestApp::start().await;
    let code = app.wechat.issue(LoginCode { blocked: true, ..LoginCode::default() });
    assert_error(&app.login(&code).await, 403, 403, "user_blocked", "该用户被限制登录");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let app = TestApp::start().await;
    for _ in 0..100 {
        app.log_in("oAlice").await;
    }
    let answer = app.login(&app.wechat.login_code("oAlice")).await;
    assert_error(&answer, 429, 429, "rate_limited", "请求过于频繁，请稍后再试");
    assert_eq!(answer.headers["retry-after"], "60");
}

#[tokio::test]
async fn a_refused_request_stores_nothing() {
    let app = TestApp::start().await;
    app.login("never-issued").await;
    app.post("/login", JSON, "{}").await;
    app.login(&app.wechat.issue(LoginCode { blocked: true, ..LoginCode::default() })).await;
    assert_eq!(scan(&app.dynamodb(), &app.tables.users).await.len(), 0);
    assert_eq!(scan(&app.dynamodb(), &app.tables.sessions).await.len(), 0);
}

#[tokio::test]
async fn a_login_is_one_call_to_wechat_and_two_writes() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    app.aws.forget_calls();
    app.log_in("oBob").await;
    assert_eq!(app.wechat.calls("/sns/jscode2session"), 2);
    assert_eq!(app.aws.calls(), ["DynamoDb.UpdateItem", "DynamoDb.PutItem"]);
}

fn assert_error(answer: &tools::app::Answer, status: u16, code: u16, error: &str, msg: &str) {
    let request_id = answer.body["request_id"].as_str().unwrap_or_default();
    assert!(!request_id.is_empty(), "{answer:?}");
    let expected = json!({"code": code, "msg": msg, "data": Value::Null, "error": error, "request_id": request_id});
    assert_eq!((answer.status, &answer.body), (status, &expected));
}
