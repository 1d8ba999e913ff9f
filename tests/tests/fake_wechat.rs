//! The fake of WeChat keeps the rules that were observed, so that what the tests show holds for WeChat too.

use serde_json::{Value, json};
use std::time::Duration;
use tools::app::{APP_ID, APP_SECRET, TestApp};
use tools::fakes::wechat::{PhoneCode, SessionKeyRule};

async fn get(app: &TestApp, path: &str) -> Value {
    let response = tools::http_client().get(format!("{}{path}", app.wechat.base_url())).send().await;
    let body = response.expect("a response").bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

/// A token of the old call.
async fn old_token(app: &TestApp) -> String {
    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}");
    let answer = get(app, &path).await;
    assert_eq!(answer["expires_in"], 7200);
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// The phone call's response to a fresh code with this token.
async fn phone_number(app: &TestApp, token: &str, code: &str) -> Value {
    let url = format!("{}/wxa/business/getuserphonenumber?access_token={token}", app.wechat.base_url());
    let response = tools::http_client().post(url).json(&json!({"code": code})).send().await;
    let body = response.expect("a response").bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

async fn works(app: &TestApp, token: &str) -> bool {
    phone_number(app, token, &app.wechat.phone_code("", "")).await["errcode"] == 0
}

#[tokio::test]
async fn the_old_token_call_voids_the_token_before_after_five_minutes() {
    let app = TestApp::start().await;
    let first = old_token(&app).await;
    let second = old_token(&app).await;
    assert_ne!(first, second);
    app.clock.advance(Duration::from_secs(299));
    assert!(works(&app, &first).await);
    app.clock.advance(Duration::from_secs(1));
    assert!(!works(&app, &first).await);
    assert!(works(&app, &second).await);
}

#[tokio::test]
async fn the_old_token_call_leaves_the_stable_token_alone() {
    let app = TestApp::start().await;
    let session = app.log_in("oAlice").await;
    app.phone(&session, &app.wechat.phone_code("oAlice", "")).await;
    for _ in 0..3 {
        old_token(&app).await;
        app.clock.advance(Duration::from_secs(300));
    }
    assert_eq!(app.phone(&session, &app.wechat.phone_code("oAlice", "")).await.outcome(), "ok");
    assert_eq!(app.wechat.calls("/cgi-bin/stable_token"), 1);
}

#[tokio::test]
async fn the_stable_token_call_needs_post() {
    let app = TestApp::start().await;
    assert_eq!(get(&app, "/cgi-bin/stable_token").await["errcode"], 43002);
}

#[tokio::test]
async fn a_rid_begins_with_the_time_in_hex() {
    let app = TestApp::start().await;
    let answer = get(&app, "/cgi-bin/stable_token").await;
    let (_, rid) = answer["errmsg"].as_str().expect("a text").split_once("rid: ").expect("a rid");
    let made_at = u64::from_str_radix(&rid[..8], 16).expect("hex");
    assert!(made_at.abs_diff(app.clock.now().seconds()) < 10, "{rid}");
}

#[tokio::test]
async fn only_a_foreign_phone_number_has_its_country_code_before_it() {
    let app = TestApp::start().await;
    let token = old_token(&app).await;
    for (country_code, phone, expected) in [("86", "13912345678", "13912345678"), ("852", "51234567", "+852 51234567")]
    {
        let code = PhoneCode { phone: phone.into(), country_code: country_code.into(), ..PhoneCode::default() };
        let answer = phone_number(&app, &token, &app.wechat.issue_phone_code(code)).await;
        assert_eq!(answer["phone_info"]["phoneNumber"], expected);
        assert_eq!(answer["phone_info"]["purePhoneNumber"], phone);
    }
}

/// What `/decrypt` answers to data that the client encrypts between getting a second code and logging in with it: under
/// the first session, and after the login under the second.
async fn decrypted_around_a_second_login(rule: SessionKeyRule) -> [String; 2] {
    let app = TestApp::start().await;
    app.wechat.set_session_key_rule(rule);
    let first = app.log_in("oAlice").await;
    let code = app.wechat.login_code("oAlice");
    let data = app.wechat.client_data("oAlice", &json!({"step": 1})).json();
    let second = app.login(&code).await.data("token");
    let mut outcomes = Vec::new();
    for token in [first, second] {
        outcomes.push(app.call(&token, "POST", "/decrypt", &data).await.outcome().to_owned());
    }
    outcomes.try_into().expect("two")
}

#[tokio::test]
async fn a_session_key_changes_by_the_rule_that_is_set() {
    for (rule, expected) in [
        (SessionKeyRule::WithTheLogin, ["ok", "session_key_stale"]),
        (SessionKeyRule::WithTheCode, ["session_key_stale", "ok"]),
        (SessionKeyRule::Kept, ["ok", "ok"]),
    ] {
        assert_eq!(decrypted_around_a_second_login(rule).await, expected, "{rule:?}");
    }
}
