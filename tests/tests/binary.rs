//! The built binary on a Lambda Runtime API: what the library tests cannot see. Start, environment, log.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tools::app::{APP_ID, APP_SECRET, Answer, KEYRING, TestApp, environment};
use tools::fakes::aws::{Mood, Service};
use tools::fakes::gateway::{self, FUNCTION_TIMEOUT};
use tools::fakes::runtime_api::Instance;
use tools::fakes::wechat::{Fault, LoginCode, Revoked};
use tools::faults::Point;

async fn send(instance: &Instance, body: &str) -> Answer {
    let event = gateway::event("POST", "/login", &HeaderMap::new(), body.as_bytes());
    Answer::from_event(&instance.invoke(event, FUNCTION_TIMEOUT).await)
}

async fn phone(instance: &Instance, token: &str, code: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    let event = gateway::event("POST", "/phone", &headers, json!({"code": code}).to_string().as_bytes());
    Answer::from_event(&instance.invoke(event, FUNCTION_TIMEOUT).await)
}

async fn login(instance: &Instance, code: &str) -> Answer {
    send(instance, &json!({"code": code}).to_string()).await
}

fn lines(printed: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a line that is no JSON: {line}"));
    printed.lines().map(parse).collect()
}

#[tokio::test]
async fn the_binary_logs_a_user_in() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    assert_eq!(login(&instance, &app.wechat.login_code("oAlice")).await.data("openid"), "oAlice");
}

#[tokio::test]
async fn the_sdks_own_variable_for_an_endpoint_works_too() {
    let app = TestApp::start().await;
    let mut environment = environment(&app);
    environment.retain(|(name, _)| *name != "LOCAL_AWS_ENDPOINT");
    environment.push(("LOCAL_AWS_ENDPOINT", String::new()));
    environment.push(("AWS_ENDPOINT_URL", app.aws.endpoint().to_owned()));
    let instance = Instance::start("login", &environment).await;
    assert_eq!(login(&instance, &app.wechat.login_code("oAlice")).await.outcome(), "ok");
}

#[tokio::test]
async fn the_first_request_finds_the_secrets_read() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    login(&instance, "never-issued").await;
    let reads = app.aws.calls().iter().filter(|call| call.starts_with("SecretsManager")).count();
    assert_eq!(reads, 2, "{:?}", app.aws.calls());
}

#[tokio::test]
async fn a_function_starts_while_every_service_is_down() {
    let app = TestApp::start().await;
    app.aws.set_mood(Service::SecretsManager, Mood::Silent);
    app.aws.set_mood(Service::DynamoDb, Mood::Silent);
    let instance = Instance::start("login", &environment(&app)).await;
    let code = app.wechat.login_code("oAlice");
    assert_eq!(login(&instance, &code).await.outcome(), "unavailable");
    app.aws.set_mood(Service::SecretsManager, Mood::Well);
    app.aws.set_mood(Service::DynamoDb, Mood::Well);
    assert_eq!(login(&instance, &code).await.outcome(), "ok");
}

#[tokio::test]
async fn a_variable_that_is_missing_is_misconfigured_and_named_in_the_log() {
    let app = TestApp::start().await;
    let mut environment = environment(&app);
    environment.retain(|(name, _)| *name != "USERS_TABLE");
    let instance = Instance::start("login", &environment).await;
    assert_eq!(login(&instance, "any").await.outcome(), "misconfigured");
    assert_eq!(lines(&instance.stop())[0]["cause"], "USERS_TABLE is not set");
}

#[tokio::test]
async fn a_request_is_one_line_with_the_fields_of_the_allow_list() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    let code = app.wechat.login_code("oAlice");
    for code in [&code, &code, "never-issued"] {
        login(&instance, code).await;
    }
    let lines = lines(&instance.stop());
    let always = [
        "timestamp",
        "level",
        "request_id",
        "route",
        "outcome",
        "status",
        "replayed",
        "cold_start",
        "wechat_ms",
        "dynamodb_ms",
    ];
    let refused = [&always[..], &["cause", "errcode", "rid"]].concat();
    let names = |line: &Value| line.as_object().map(|line| line.keys().cloned().collect::<BTreeSet<_>>());
    let expected = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    assert_eq!(lines.len(), 3);
    assert_eq!(names(&lines[0]), expected(&always));
    assert_eq!(names(&lines[2]), expected(&refused));
    let values = |name: &str| lines.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(values("cold_start"), [true, false, false]);
    assert_eq!(values("replayed"), [false, true, false]);
    assert_eq!(values("outcome"), ["ok", "ok", "invalid_code"]);
    assert_eq!(values("errcode"), [Value::Null, Value::Null, 40029.into()]);
}

#[tokio::test]
async fn a_dynamodb_that_does_not_answer_is_not_called_contention() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    app.aws.set_mood(Service::DynamoDb, Mood::Silent);
    assert_eq!(login(&instance, &app.wechat.login_code("oAlice")).await.outcome(), "unavailable");
    assert_eq!(lines(&instance.stop())[0]["cause"], "DynamoDB: no answer");
}

#[tokio::test]
async fn nothing_secret_is_printed_over_all_cases_at_trace() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    let mut secrets = vec![APP_SECRET.to_owned(), KEYRING[21..60].to_owned()];

    let code = app.wechat.login_code("oCanaryOpenid");
    secrets.push(login(&instance, &code).await.data("token"));
    assert_eq!(login(&instance, &code).await.outcome(), "ok");
    secrets.push(code);
    let blocked = app.wechat.issue(LoginCode { blocked: true, ..LoginCode::default() });
    for code in ["canary-never-issued", &blocked] {
        login(&instance, code).await;
        login(&instance, code).await;
        secrets.push(code.to_owned());
    }
    for body in [r#"{"code":7,"canary-field":"canary-value"}"#, "canary-not-json", "{}", r#"{"code":"canary-é"}"#] {
        send(&instance, body).await;
    }
    send(&instance, &"canary-too-long".repeat(400)).await;
    let session = r#"{"openid":"oCanaryOpenid","session_key":"canary-session-key"}"#;
    for fault in [
        Fault::body(session),
        Fault::body(&session[..60]),
        Fault::status(500, session),
        Fault::cut_short(session),
        Fault::Stall(Point::Request),
        Fault::errcode(40125),
        Fault::errcode(45011),
        Fault::body(r#"{"errcode":40029,"errmsg":"canary-errmsg, rid: canary-rid"}"#),
    ] {
        app.wechat.fail_next("/sns/jscode2session", [fault]);
        let code = app.wechat.login_code("oCanaryOpenid");
        let answer = login(&instance, &code).await;
        secrets.extend(answer.body["data"]["token"].as_str().map(str::to_owned));
        secrets.push(code);
    }
    for (service, mood) in [
        (Service::DynamoDb, Mood::Failing),
        (Service::DynamoDb, Mood::Denying),
        (Service::DynamoDb, Mood::Silent),
        (Service::DynamoDb, Mood::LosingWrites),
    ] {
        app.aws.set_mood(service, mood);
        let code = app.wechat.login_code("oCanaryOpenid");
        login(&instance, &code).await;
        secrets.push(code);
    }
    let closed = json!({"version": "2.0", "canary-event": true});
    instance.invoke(closed, FUNCTION_TIMEOUT).await;

    let printed = instance.stop();
    assert!(lines(&printed).len() > 20, "{printed}");
    assert_silent(&printed, &secrets);
}

#[tokio::test]
async fn nothing_secret_is_printed_over_all_cases_of_phone_at_trace() {
    let app = TestApp::start().await;
    let instance = Instance::start("phone", &environment(&app)).await;
    let token = app.log_in("oCanaryOpenid").await;
    // Access tokens begin with `70_`.
    let mut secrets = vec![APP_SECRET.to_owned(), KEYRING[21..60].to_owned(), token.clone(), "70_".to_owned()];

    let mut number = 13_812_345_670_u64;
    let mut next = |secrets: &mut Vec<String>| {
        number += 1;
        let code = app.wechat.phone_code("oCanaryOpenid", &number.to_string());
        secrets.extend([number.to_string(), code.clone()]);
        code
    };
    let code = next(&mut secrets);
    for _ in 0..2 {
        assert_eq!(phone(&instance, &token, &code).await.outcome(), "ok");
    }
    for (token, code) in [(token.as_str(), "canary-never-issued"), ("canary-token", "canary-code"), (&token, "é")] {
        phone(&instance, token, code).await;
    }
    let info = r#"{"phone_info":{"purePhoneNumber":"13899999999","countryCode":"canary"}}"#;
    secrets.push("13899999999".to_owned());
    for fault in [
        Fault::body(info),
        Fault::status(500, info),
        Fault::cut_short(info),
        Fault::Stall(Point::Request),
        Fault::errcode(40001),
        Fault::errcode(42001),
        Fault::errcode(40013),
        Fault::errcode(45011),
    ] {
        app.wechat.fail_next("/wxa/business/getuserphonenumber", [fault]);
        phone(&instance, &token, &next(&mut secrets)).await;
    }
    app.wechat.revoke_access_token(Revoked::Repeated);
    phone(&instance, &token, &next(&mut secrets)).await;
    for mood in [Mood::Failing, Mood::Denying, Mood::Silent, Mood::LosingWrites] {
        app.aws.set_mood(Service::DynamoDb, mood);
        phone(&instance, &token, &next(&mut secrets)).await;
    }

    let printed = instance.stop();
    assert!(lines(&printed).len() > 15, "{printed}");
    assert_silent(&printed, &secrets);
}

/// None of the secrets is in what was printed: plain, in base64 or percent-encoded.
fn assert_silent(printed: &str, secrets: &[String]) {
    assert!(!printed.to_lowercase().contains("canary"), "{printed}");
    for secret in secrets {
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for form in [secret.clone(), STANDARD.encode(secret), percent] {
            assert!(!printed.contains(&form), "{form} in {printed}");
        }
    }
    assert!(!printed.contains(APP_ID), "the URL to WeChat is printed");
}

#[tokio::test]
async fn an_event_that_is_none_is_an_invocation_error_and_the_next_one_is_answered() {
    let app = TestApp::start().await;
    let instance = Instance::start("login", &environment(&app)).await;
    let answer = instance.invoke(json!({"hello": "world"}), FUNCTION_TIMEOUT).await;
    assert!(answer["errorMessage"].is_string(), "{answer}");
    assert_eq!(login(&instance, &app.wechat.login_code("oAlice")).await.outcome(), "ok");
}
