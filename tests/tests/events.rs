//! The sample events, and events that nobody sends in good faith.

use serde_json::{Value, json};
use tests::app::{TestApp, open_sample_session};
use tests::gateway;
use tests::wechat::{SAMPLE_LOGIN_CODE, SAMPLE_OPENID, SAMPLE_PHONE};

fn sample(name: &str) -> Value {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a file in events/");
    serde_json::from_str(&text).expect("a JSON file")
}

/// The login and the phone event of this kind are answered.
async fn both_are_answered(kind: &str) {
    let app = TestApp::start().await;
    let answer = app.invoke("/login", sample(&format!("login{kind}"))).await;
    assert_eq!((answer.outcome(), answer.data("openid").as_str()), ("ok", SAMPLE_OPENID));
    open_sample_session(&app.config, &app.aws, &app.clock).await;
    let answer = app.invoke("/phone", sample(&format!("phone{kind}"))).await;
    assert_eq!((answer.outcome(), answer.data("phone").as_str()), ("ok", SAMPLE_PHONE));
}

#[tokio::test]
async fn http_api_events_are_answered() {
    both_are_answered("").await;
}

#[tokio::test]
async fn http_api_events_with_a_form_are_answered() {
    both_are_answered("-form").await;
}

#[tokio::test]
async fn http_api_events_in_base64_are_answered() {
    both_are_answered("-base64").await;
}

#[tokio::test]
async fn rest_api_events_are_answered() {
    both_are_answered("-rest").await;
}

#[tokio::test]
async fn load_balancer_events_are_answered() {
    both_are_answered("-alb").await;
}

#[tokio::test]
async fn function_url_events_are_answered() {
    both_are_answered("-function-url").await;
}

#[tokio::test]
async fn an_http_api_event_of_payload_1_logs_in() {
    let app = TestApp::start().await;
    let mut event = sample("login-rest");
    event["version"] = "1.0".into();
    assert_eq!(app.invoke("/login", event).await.outcome(), "ok");
}

#[tokio::test]
async fn every_sample_event_has_a_test_above() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let kinds = ["-alb", "-base64", "-form", "-function-url", "-rest", ""];
    let expected = ["login", "phone"].map(|name| kinds.map(|kind| format!("{name}{kind}.json")));
    assert_eq!(names, expected.concat());
}

#[tokio::test]
async fn the_sample_code_works_every_time() {
    let app = TestApp::start().await;
    let first = app.login(SAMPLE_LOGIN_CODE).await;
    let second = app.login(SAMPLE_LOGIN_CODE).await;
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn the_sample_code_works_after_its_session_has_expired() {
    let app = TestApp::start().await;
    app.login(SAMPLE_LOGIN_CODE).await;
    app.clock.advance(miniprogram::config::SESSION_TTL);
    assert_eq!(app.login(SAMPLE_LOGIN_CODE).await.outcome(), "ok");
}

/// Changes a sample event, and expects this outcome of it.
async fn hostile(name: &str, outcome: &str, change: impl FnOnce(&mut Value)) {
    let app = TestApp::start().await;
    let mut event = sample(name);
    change(&mut event);
    let answer = app.invoke("/login", event).await;
    assert_eq!(answer.outcome(), outcome, "{answer:?}");
}

#[tokio::test]
async fn a_body_that_claims_base64_and_is_not_is_malformed() {
    for name in ["login", "login-form", "login-rest", "login-alb"] {
        hostile(name, "malformed_request", |event| {
            event["isBase64Encoded"] = true.into();
        })
        .await;
    }
}

#[tokio::test]
async fn a_host_that_is_none_does_no_harm() {
    for name in ["login", "login-rest", "login-alb"] {
        let host = if name == "login-rest" { "Host" } else { "host" };
        hostile(name, "ok", |event| event["headers"][host] = "a b:c/@?".into()).await;
    }
}

#[tokio::test]
async fn a_domain_name_that_is_none_does_no_harm() {
    hostile("login", "ok", |event| {
        event["requestContext"]["domainName"] = "a b".into();
    })
    .await;
}

#[tokio::test]
async fn a_forwarded_proto_that_is_none_does_no_harm() {
    for name in ["login", "login-alb"] {
        hostile(name, "ok", |event| event["headers"]["x-forwarded-proto"] = "1:".into()).await;
    }
}

#[tokio::test]
async fn a_path_or_a_query_that_is_none_does_no_harm() {
    for (field, text) in [("rawPath", ":99999"), ("rawPath", "@"), ("rawPath", ""), ("rawQueryString", "a b\u{7f}é")] {
        hostile("login", "ok", |event| event[field] = text.into()).await;
    }
    hostile("login-alb", "ok", |event| event["path"] = ":99999".into()).await;
    hostile("login-alb", "ok", |event| {
        event["queryStringParameters"] = json!({"%": "\u{0}"});
    })
    .await;
}

#[tokio::test]
async fn an_event_without_a_body_lacks_the_code() {
    hostile("login", "missing_parameter", |event| event["body"] = Value::Null).await;
}

#[tokio::test]
async fn the_gateway_hands_forms_over_in_base64() {
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().expect("a value"));
    let event = gateway::event("POST", "/login", &headers, b"code=1");
    assert_eq!(event["body"], "Y29kZT0x");
    assert_eq!(event["isBase64Encoded"], true);
}
