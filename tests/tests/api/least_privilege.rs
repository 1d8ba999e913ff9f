//! Each function may do what it does, and no more. The stand-ins refuse what `template.yaml` does not allow, in this and in
//! every other test; here it is shown that everything that is allowed is also needed.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tools::app::{Answer, TestApp, environment};
use tools::fakes::aws::iam::allowed;
use tools::fakes::gateway::{self, FUNCTION_TIMEOUT};
use tools::fakes::runtime_api::Instance;
use tools::fakes::wechat::Revoked;

async fn ask(instance: &Instance, token: &str, code: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    let event = gateway::event("POST", "/", &headers, json!({"code": code}).to_string().as_bytes());
    Answer::from_event(&instance.invoke(event, FUNCTION_TIMEOUT).await)
}

#[tokio::test]
async fn every_function_has_a_role_of_its_own_without_wildcards() {
    let functions: BTreeSet<&str> = allowed().keys().map(String::as_str).collect();
    assert_eq!(functions, BTreeSet::from(["authorizer", "decrypt", "example", "login", "phone", "user"]));
}

#[tokio::test]
async fn the_example_may_do_nothing() {
    assert_eq!(allowed()["example"], BTreeSet::new());
}

#[tokio::test]
async fn login_needs_all_that_it_may_do() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    // A new user, a replay, and a session too many.
    let code = app.wechat.login_code("oAlice");
    for _ in 0..2 {
        assert_eq!(ask(&instance, "-", &code).await.outcome(), "ok");
    }
    for _ in 0..20 {
        assert_eq!(ask(&instance, "-", &app.wechat.login_code("oAlice")).await.outcome(), "ok");
    }
    assert_eq!(app.aws.used("login"), allowed()["login"]);
}

#[tokio::test]
async fn phone_needs_all_that_it_may_do() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let instance = Instance::start("phone", &environment(&app)).await;
    // A number, a replay, and an access token that must be replaced by force.
    let code = app.wechat.phone_code("oAlice", "13912345678");
    for _ in 0..2 {
        assert_eq!(ask(&instance, &token, &code).await.outcome(), "ok");
    }
    app.wechat.revoke_access_token(Revoked::Repeated);
    let code = app.wechat.phone_code("oAlice", "13912345678");
    assert_eq!(ask(&instance, &token, &code).await.outcome(), "ok");
    assert_eq!(app.aws.used("phone"), allowed()["phone"]);
}

async fn call(instance: &Instance, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    let event = gateway::event(method, path, &headers, body.to_string().as_bytes());
    Answer::from_event(&instance.invoke(event, FUNCTION_TIMEOUT).await)
}

#[tokio::test]
async fn user_needs_all_that_it_may_do() {
    let app = TestApp::start().await;
    let tokens = [app.log_in("oAlice").await, app.log_in("oAlice").await];
    let instance = Instance::start("user", &environment(&app)).await;
    for (token, method, path) in [
        (&tokens[0], "PUT", "/user"),
        (&tokens[0], "GET", "/user"),
        (&tokens[0], "POST", "/logout"),
        (&tokens[1], "DELETE", "/user"),
    ] {
        let answer = call(&instance, token, method, path, &json!({"name": "Alice"})).await;
        assert_eq!(answer.outcome(), "ok", "{method} {path}");
    }
    assert_eq!(app.aws.used("user"), allowed()["user"]);
}

#[tokio::test]
async fn decrypt_needs_all_that_it_may_do() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let data = app.wechat.client_data("oAlice", &json!({"step": 1})).json();
    let instance = Instance::start("decrypt", &environment(&app)).await;
    assert_eq!(call(&instance, &token, "POST", "/decrypt", &data).await.outcome(), "ok");
    assert_eq!(app.aws.used("decrypt"), allowed()["decrypt"]);
}

#[tokio::test]
async fn the_authorizer_needs_all_that_it_may_do() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let instance = Instance::start("authorizer", &environment(&app)).await;
    let event = json!({"version": "2.0", "headers": {"authorization": format!("Bearer {token}")}});
    assert_eq!(instance.invoke(event, FUNCTION_TIMEOUT).await["isAuthorized"], true);
    assert_eq!(app.aws.used("authorizer"), allowed()["authorizer"]);
}

#[tokio::test]
async fn a_function_is_refused_what_its_role_does_not_allow() {
    let app = TestApp::start().await;
    let client = aws_sdk_dynamodb::Client::new(&app.aws.sdk("login", 1));
    let scan = client.scan().table_name(&app.tables.users).send().await;
    assert!(scan.is_err_and(|error| error.into_service_error().meta().code() == Some("AccessDeniedException")));
}
