//! The sample events, and events that nobody sends in good faith.

use serde_json::{Value, json};
use tools::app::{Answer, SAMPLE_TOKEN, TestApp, open_sample_session};
use tools::fakes::gateway;
use tools::fakes::wechat::{SAMPLE_LOGIN_CODE, SAMPLE_OPENID, SAMPLE_PHONE};

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

/// The back end with the session whose token stands in the samples.
async fn with_sample_session() -> TestApp {
    let app = TestApp::start().await;
    open_sample_session(&app.config, &app.aws, &app.clock).await;
    app
}

async fn answer(path: &str, name: &str) -> Answer {
    with_sample_session().await.invoke(path, sample(name)).await
}

#[tokio::test]
async fn the_sample_user_is_read() {
    for name in ["user", "user-rest"] {
        let answer = answer("/user", name).await;
        assert_eq!((answer.outcome(), answer.data("openid").as_str()), ("ok", SAMPLE_OPENID), "{name}");
    }
}

#[tokio::test]
async fn the_sample_change_of_a_user_counts() {
    let answer = answer("/user", "user-put").await;
    assert_eq!((answer.outcome(), answer.data("name").as_str()), ("ok", "小明"));
    assert_eq!(answer.data("avatar"), "https://cdn.example.com/avatars/1.png");
}

#[tokio::test]
async fn the_sample_data_of_the_client_opens() {
    for name in ["decrypt", "decrypt-rest"] {
        let answer = answer("/decrypt", name).await;
        assert_eq!((answer.outcome(), answer.data("nickName").as_str()), ("ok", "小明"), "{name}");
    }
}

#[tokio::test]
async fn the_sample_signature_is_checked() {
    let app = with_sample_session().await;
    let mut event = sample("decrypt");
    event["body"] = event["body"].as_str().expect("a body").replace("gender\\\":0", "gender\\\":1").into();
    assert_ne!(event, sample("decrypt"));
    assert_eq!(app.invoke("/decrypt", event).await.outcome(), "session_key_stale");
}

#[tokio::test]
async fn the_sample_logout_ends_the_sample_session() {
    let app = with_sample_session().await;
    assert_eq!(app.invoke("/logout", sample("logout")).await.outcome(), "ok");
    assert_eq!(app.invoke("/user", sample("user")).await.outcome(), "unauthorized");
}

#[tokio::test]
async fn the_sample_code_works_after_the_sample_logout() {
    let app = with_sample_session().await;
    assert_eq!(app.invoke("/logout", sample("logout")).await.outcome(), "ok");
    assert_eq!(app.login(SAMPLE_LOGIN_CODE).await.outcome(), "ok");
}

#[tokio::test]
async fn http_apis_are_told_who_calls() {
    let answer = with_sample_session().await.authorize(sample("authorizer")).await.expect("an answer");
    assert_eq!(answer["isAuthorized"], true);
    assert_eq!(answer["context"]["openid"], SAMPLE_OPENID);
}

#[tokio::test]
async fn rest_apis_and_http_apis_of_payload_1_are_given_a_policy_for_the_whole_stage() {
    let api = "arn:aws:execute-api:ap-east-1:000000000000:abcdefghij";
    for (name, stage) in
        [("authorizer-token", "prod"), ("authorizer-request", "prod"), ("authorizer-payload-1", "$default")]
    {
        let answer = with_sample_session().await.authorize(sample(name)).await.expect("an answer");
        let statement = &answer["policyDocument"]["Statement"][0];
        assert_eq!(
            (&statement["Effect"], &statement["Resource"]),
            (&json!("Allow"), &json!(format!("{api}/{stage}/*")))
        );
        assert_eq!(answer["context"]["openid"], SAMPLE_OPENID, "{name}");
    }
}

#[tokio::test]
async fn the_samples_hold_the_sample_token() {
    for name in ["authorizer", "decrypt", "logout", "phone", "user"] {
        assert!(sample(name).to_string().contains(&format!("Bearer {SAMPLE_TOKEN}")), "{name}");
    }
}

#[tokio::test]
async fn every_sample_event_has_a_test_above() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let every_kind = &["-alb", "-base64", "-form", "-function-url", "-rest", ""][..];
    let expected = [
        ("authorizer", &["-payload-1", "-request", "-token", ""][..]),
        ("decrypt", &["-rest", ""]),
        ("login", every_kind),
        ("logout", &[""]),
        ("phone", every_kind),
        ("user", &["-put", "-rest", ""]),
    ];
    let expected = expected.map(|(name, kinds)| kinds.iter().map(move |kind| format!("{name}{kind}.json")));
    assert_eq!(names, expected.into_iter().flatten().collect::<Vec<_>>());
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
