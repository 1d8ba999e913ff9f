//! When WeChat, DynamoDB or Secrets Manager is slow, down, or answers nonsense; and when secrets change.

use miniprogram::wechat::MAX_RESPONSE;
use serde_json::json;
use std::time::{Duration, Instant};
use tools::app::{APP_ID, KEY_SECRET_ID, TestApp, WECHAT_SECRET_ID, assert_outcome};
use tools::fakes::aws::{Mood, Service};
use tools::fakes::gateway;
use tools::fakes::wechat::Fault;
use tools::faults::Point;
use tools::faults::{self, Call, Proxy};

const PATH: &str = "/sns/jscode2session";

async fn login_meets(fault: Fault, status: u16, error: &str) {
    let app = TestApp::start().await;
    app.wechat.fail_next(PATH, [fault]);
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, status, error);
}

#[tokio::test]
async fn an_answer_that_is_none_is_wechat_unavailable() {
    for body in [
        "",
        "<html><body>502 Bad Gateway</body></html>",
        "{}",
        "[]",
        r#"{"openid":"oAlice"}"#,
        r#"{"session_key":"k"}"#,
        r#"{"openid":"oAlice","session_key":"k""#,
        r#"{"errcode":47001,"errmsg":"unheard of"}"#,
        "\0\0\0\0",
    ] {
        login_meets(Fault::body(body), 502, "wechat_unavailable").await;
    }
}

#[tokio::test]
async fn a_gateway_fault_is_wechat_unavailable_whatever_its_body_says() {
    let body = r#"{"openid":"oAlice","session_key":"k"}"#;
    for status in [201, 302, 404, 500, 502, 503] {
        login_meets(Fault::status(status, body), 502, "wechat_unavailable").await;
    }
}

#[tokio::test]
async fn an_answer_over_64_kib_is_wechat_unavailable() {
    let body = json!({"openid": "oAlice", "session_key": "k", "pad": "a".repeat(MAX_RESPONSE)});
    login_meets(Fault::body(body.to_string()), 502, "wechat_unavailable").await;
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_wechat_unavailable() {
    let fault = Fault::cut_short(r#"{"openid":"oAlice","session_key":"k"}"#);
    login_meets(fault, 502, "wechat_unavailable").await;
}

#[tokio::test]
async fn an_answer_with_drifted_types_and_a_byte_order_mark_is_understood() {
    let app = TestApp::start().await;
    app.wechat
        .fail_next(PATH, [Fault::body("\u{feff}{\"openid\":\"oAlice\",\"session_key\":\"k\\/k\",\"errcode\":\"0\"}")]);
    assert_eq!(app.login("any").await.data("openid"), "oAlice");
}

#[tokio::test]
async fn a_busy_wechat_is_asked_once_more() {
    let app = TestApp::start().await;
    app.wechat.fail_next(PATH, [Fault::errcode(-1)]);
    assert_eq!(app.login(&app.wechat.login_code("oAlice")).await.data("openid"), "oAlice");
}

#[tokio::test]
async fn a_wechat_that_stays_busy_is_asked_twice() {
    let app = TestApp::start().await;
    app.wechat.fail_next(PATH, [Fault::errcode(-1), Fault::errcode(-1)]);
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 502, "wechat_unavailable");
    assert_eq!(app.wechat.calls(PATH), 2);
}

#[tokio::test]
async fn a_code_is_not_sent_again_when_no_answer_came() {
    let app = TestApp::start().await;
    app.wechat.fail_next(PATH, [Fault::Reset(Point::Body(1))]);
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 502, "wechat_unavailable");
    assert_eq!(app.wechat.calls(PATH), 1);
}

#[tokio::test]
async fn a_silent_wechat_is_given_up_before_the_deadline() {
    let app = TestApp::start().await;
    app.wechat.fail_next(PATH, [Fault::Stall(Point::Request)]);
    let start = Instant::now();
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 502, "wechat_unavailable");
    assert!(start.elapsed() < gateway::FUNCTION_TIMEOUT);
}

#[tokio::test]
async fn a_wechat_that_cannot_be_reached_is_wechat_unavailable() {
    let app = TestApp::start().await;
    let closed = tools::listen(0).await.and_then(|listener| listener.local_addr()).expect("a port");
    let wechat_base_url = format!("http://{closed}");
    let alone = app.with_config(miniprogram::Config { wechat_base_url, ..app.config.clone() });
    assert_outcome(&alone.login("any").await, 502, "wechat_unavailable");
}

#[tokio::test]
async fn a_configuration_that_wechat_refuses_is_misconfigured() {
    for errcode in [40013, 40125, 41002, 41004, 40164, 40243, 89503, 89506, 89507] {
        login_meets(Fault::errcode(errcode), 500, "misconfigured").await;
    }
}

#[tokio::test]
async fn too_little_time_is_said_before_the_code_is_spent() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    let code = app.wechat.login_code("oAlice");
    let body = json!({"code": code}).to_string();
    let event = gateway::event("POST", "/login", &axum::http::HeaderMap::new(), body.as_bytes());
    let answer = app.invoke_within("/login", event, Duration::from_secs(2)).await;
    assert_outcome(&answer, 503, "unavailable");
    assert_outcome(&app.login(&code).await, 200, "ok");
}

#[tokio::test]
async fn a_new_app_secret_needs_no_new_deployment() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    rotate(&app);
    assert_eq!(app.login(&app.wechat.login_code("oAlice")).await.data("openid"), "oAlice");
}

#[tokio::test]
async fn a_code_that_was_spent_around_a_rotation_is_unknown_and_not_invalid() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    rotate(&app);
    let code = app.wechat.login_code("oAlice");
    app.wechat.fail_next(PATH, [Fault::errcode(40125), Fault::errcode(40029)]);
    assert_outcome(&app.login(&code).await, 502, "wechat_unavailable");
}

#[tokio::test]
async fn a_secret_that_wechat_refuses_is_read_again_at_most_every_second() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    app.wechat.change_app_secret("changed-at-wechat-only");
    app.aws.forget_calls();
    for _ in 0..2 {
        assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 500, "misconfigured");
    }
    assert_eq!(app.aws.calls(), ["SecretsManager.GetSecretValue"]);
    app.clock.advance(Duration::from_secs(1));
    app.login(&app.wechat.login_code("oAlice")).await;
    assert_eq!(app.aws.calls().len(), 2);
}

#[tokio::test]
async fn a_new_app_secret_is_found_though_the_function_looked_for_it_too_early() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    app.wechat.change_app_secret("a-new-app-secret");
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 500, "misconfigured");
    rotate(&app);
    app.clock.advance(Duration::from_secs(2));
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 200, "ok");
}

#[tokio::test]
async fn a_byte_order_mark_before_a_secret_does_no_harm() {
    let app = TestApp::start().await;
    let secret = json!({"AppId": APP_ID, "AppSecret": tools::app::APP_SECRET});
    app.aws.put_secret(WECHAT_SECRET_ID, &format!("\u{feff}{secret}"));
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 200, "ok");
}

#[tokio::test]
async fn secrets_are_kept_for_five_minutes() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let reads = || app.aws.calls().iter().filter(|call| call.starts_with("SecretsManager")).count();
    assert_eq!(reads(), 2);
    app.clock.advance(Duration::from_secs(299));
    app.log_in("oAlice").await;
    assert_eq!(reads(), 2);
    app.clock.advance(Duration::from_secs(1));
    app.log_in("oAlice").await;
    assert_eq!(reads(), 4);
}

#[tokio::test]
async fn old_secrets_serve_on_while_their_refresh_fails() {
    for mood in [Mood::Failing, Mood::Denying, Mood::Silent] {
        let app = TestApp::start().await;
        app.log_in("oAlice").await;
        app.aws.set_mood(Service::SecretsManager, mood);
        app.clock.advance(Duration::from_secs(301));
        assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 200, "ok");
    }
}

#[tokio::test]
async fn a_busy_wechat_and_no_time_left_is_wechat_unavailable() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    let busy = Fault::errcode(-1).late(Duration::from_millis(900));
    app.wechat.fail_next(PATH, [busy]);
    let body = json!({"code": app.wechat.login_code("oAlice")}).to_string();
    let event = gateway::event("POST", "/login", &axum::http::HeaderMap::new(), body.as_bytes());
    let answer = app.invoke_within("/login", event, Duration::from_millis(4200)).await;
    assert_outcome(&answer, 502, "wechat_unavailable");
}

#[tokio::test]
async fn a_secret_that_was_spoilt_does_not_replace_the_good_one() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    app.aws.put_secret(WECHAT_SECRET_ID, "oops");
    app.clock.advance(Duration::from_secs(301));
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 200, "ok");
}

#[tokio::test]
async fn a_secrets_manager_that_is_down_at_first_is_unavailable_until_it_is_back() {
    for mood in [Mood::Failing, Mood::Silent] {
        let app = TestApp::start().await;
        app.aws.set_mood(Service::SecretsManager, mood);
        let code = app.wechat.login_code("oAlice");
        assert_outcome(&app.login(&code).await, 503, "unavailable");
        app.aws.set_mood(Service::SecretsManager, Mood::Well);
        assert_outcome(&app.login(&code).await, 200, "ok");
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_or_unreadable_is_misconfigured() {
    let short_key = r#"{"current":"k1","k1":"short"}"#;
    let no_secret = json!({"AppId": APP_ID}).to_string();
    for (id, text) in [
        (WECHAT_SECRET_ID, None),
        (KEY_SECRET_ID, None),
        (WECHAT_SECRET_ID, Some(no_secret.as_str())),
        (KEY_SECRET_ID, Some(short_key)),
        (KEY_SECRET_ID, Some("")),
    ] {
        let app = TestApp::start().await;
        match text {
            Some(text) => app.aws.put_secret(id, text),
            None => app.aws.delete_secret(id),
        }
        assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 500, "misconfigured");
        assert_eq!(app.wechat.calls(PATH), 0, "the code is not spent");
    }
}

#[tokio::test]
async fn a_function_that_may_not_read_its_secrets_is_misconfigured() {
    let app = TestApp::start().await;
    app.aws.set_mood(Service::SecretsManager, Mood::Denying);
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 500, "misconfigured");
}

#[tokio::test]
async fn a_dynamodb_that_is_down_is_unavailable() {
    for mood in [Mood::Failing, Mood::Silent] {
        let app = TestApp::start().await;
        app.aws.set_mood(Service::DynamoDb, mood);
        let start = Instant::now();
        assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 503, "unavailable");
        assert!(start.elapsed() < gateway::FUNCTION_TIMEOUT);
    }
}

#[tokio::test]
async fn a_dynamodb_that_throttles_is_asked_until_there_is_no_hope() {
    let app = TestApp::start().await;
    let proxy = Proxy::before(app.aws.endpoint()).await;
    let behind = app.behind(app.wechat.base_url(), proxy.url());
    let throttle =
        |times| move |call: &Call| (call.writes() && call.nth < times).then(|| faults::Fault::throttled(call));
    proxy.decide(throttle(5));
    assert_outcome(&behind.login(&app.wechat.login_code("oAlice")).await, 200, "ok");
    proxy.decide(throttle(100));
    assert_outcome(&behind.login(&app.wechat.login_code("oAlice")).await, 503, "unavailable");
}

#[tokio::test]
async fn a_function_that_may_not_write_its_tables_is_misconfigured() {
    let app = TestApp::start().await;
    app.aws.set_mood(Service::DynamoDb, Mood::Denying);
    assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 500, "misconfigured");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_misconfigured() {
    let app = TestApp::start().await;
    let lost = app.with_config(miniprogram::Config { users_table: "nowhere".into(), ..app.config.clone() });
    assert_outcome(&lost.login(&app.wechat.login_code("oAlice")).await, 500, "misconfigured");
}

/// A new AppSecret, at WeChat and in Secrets Manager.
fn rotate(app: &TestApp) {
    app.wechat.change_app_secret("a-new-app-secret");
    app.aws.put_secret(WECHAT_SECRET_ID, &json!({"AppId": APP_ID, "AppSecret": "a-new-app-secret"}).to_string());
}
