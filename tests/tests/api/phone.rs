//! What `POST /phone` takes and answers, by the HTTP contract, and what it stores.

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use std::time::Duration;
use tools::app::{APP_ID, APP_SECRET, TestApp, assert_outcome};
use tools::fakes::aws::{Mood, Service, scan};
use tools::fakes::wechat::{Fault, PhoneCode};
use tools::faults::Point;

const PATH: &str = "/wxa/business/getuserphonenumber";
const NUMBER: &str = "13912345678";

/// A back end where Alice is logged in: it and her token.
async fn with_alice() -> (TestApp, String) {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    (app, token)
}

/// The back end, Alice's token and a fresh code of hers.
async fn with_alices_code() -> (TestApp, String, String) {
    let (app, token) = with_alice().await;
    let code = app.wechat.phone_code("oAlice", NUMBER);
    (app, token, code)
}

/// What is stored of the only user who has, or had, a phone number.
async fn stored_phones(app: &TestApp) -> usize {
    scan(&app.dynamodb(), &app.tables.users).await.iter().filter(|user| user.contains_key("phone")).count()
}

#[tokio::test]
async fn a_fresh_code_gives_the_number_and_its_country_code() {
    let (app, token, code) = with_alices_code().await;
    let answer = app.phone(&token, &code).await;
    let expected = json!({"code": 200, "msg": "ok", "data": {"phone": NUMBER, "countryCode": "86"}});
    assert_eq!((answer.status, answer.body), (200, expected));
}

#[tokio::test]
async fn the_number_is_kept_with_the_user_of_the_session() {
    let (app, token, code) = with_alices_code().await;
    app.log_in("oBob").await;
    app.phone(&token, &code).await;
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    let with_phone: Vec<_> = users.iter().filter(|user| user.contains_key("phone")).collect();
    assert_eq!(with_phone.len(), 1);
    assert_eq!(with_phone[0]["openid"].as_s().map(String::as_str), Ok("oAlice"));
    assert_eq!(with_phone[0]["country_code"].as_s().map(String::as_str), Ok("86"));
}

#[tokio::test]
async fn the_tables_hold_neither_number_nor_code_nor_access_token_in_clear() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &code).await;
    let mut stored = String::new();
    for table in [&app.tables.users, &app.tables.sessions, &app.tables.access_tokens] {
        let items = scan(&app.dynamodb(), table).await;
        assert_eq!(items.len(), 1, "{table}");
        stored += &format!("{items:?}");
    }
    // Access tokens begin with `70_`.
    for secret in [NUMBER, &code, &token, "70_"] {
        assert!(!stored.contains(secret), "{secret} in {stored}");
    }
}

#[tokio::test]
async fn a_form_is_taken_too() {
    let (app, token, code) = with_alices_code().await;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("bearer {token}")).expect("a value"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let answer = app.request("POST", "/phone", &headers, format!("code={code}").as_bytes()).await;
    assert_eq!(answer.data("phone"), NUMBER);
}

#[tokio::test]
async fn without_a_live_session_the_code_is_not_spent() {
    let (app, token, code) = with_alices_code().await;
    let unknown = "0123456789abcdef0123456789abcdef";
    let upper = token.to_uppercase();
    let answers = [
        app.post("/phone", "application/json", json!({"code": code}).to_string()).await,
        app.phone("", &code).await,
        app.phone("short", &code).await,
        app.phone(&upper, &code).await,
        app.phone(unknown, &code).await,
    ];
    for answer in answers {
        assert_outcome(&answer, 401, "unauthorized");
        assert_eq!(answer.body["msg"], "未登录或登录已过期");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(app.wechat.calls(PATH), 0);
}

#[tokio::test]
async fn a_session_that_expired_but_was_not_removed_does_not_count() {
    let (app, token, _) = with_alices_code().await;
    app.clock.advance(miniprogram::config::SESSION_TTL);
    let code = app.wechat.phone_code("oAlice", NUMBER);
    assert_outcome(&app.phone(&token, &code).await, 401, "unauthorized");
    assert_eq!(scan(&app.dynamodb(), &app.tables.sessions).await.len(), 1, "the item is still there");
}

#[tokio::test]
async fn a_session_of_another_mini_program_does_not_count() {
    let (app, token, code) = with_alices_code().await;
    let other = json!({"AppId": "wxother", "AppSecret": "s"}).to_string();
    app.aws.put_secret(tools::app::WECHAT_SECRET_ID, &other);
    assert_outcome(&app.another_instance().phone(&token, &code).await, 401, "unauthorized");
}

#[tokio::test]
async fn an_app_id_that_was_just_put_right_counts_at_once() {
    let (app, token, code) = with_alices_code().await;
    let right = json!({"AppId": APP_ID, "AppSecret": APP_SECRET}).to_string();
    let placeholder = json!({"AppId": "put-the-AppId-here", "AppSecret": "s"}).to_string();
    app.aws.put_secret(tools::app::WECHAT_SECRET_ID, &placeholder);
    let instance = app.another_instance();
    // The instance has now cached the placeholder.
    assert_outcome(&instance.phone(&token, &code).await, 401, "unauthorized");
    app.aws.put_secret(tools::app::WECHAT_SECRET_ID, &right);
    app.clock.advance(Duration::from_secs(2));
    assert_outcome(&instance.phone(&token, &code).await, 200, "ok");
}

#[tokio::test]
async fn a_missing_code_is_a_missing_parameter() {
    let (app, token) = with_alice().await;
    assert_outcome(&app.phone(&token, "").await, 400, "missing_parameter");
}

#[tokio::test]
async fn a_code_that_cannot_be_one_is_malformed() {
    let (app, token) = with_alice().await;
    assert_outcome(&app.phone(&token, "é").await, 400, "malformed_request");
}

#[tokio::test]
async fn other_methods_are_refused_with_allow() {
    let app = TestApp::start().await;
    let answer = app.request("GET", "/phone", &HeaderMap::new(), b"").await;
    assert_outcome(&answer, 405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "POST");
}

#[tokio::test]
async fn a_code_of_wx_login_is_invalid_here_and_the_reverse() {
    let (app, token, code) = with_alices_code().await;
    let login_code = app.wechat.login_code("oAlice");
    assert_outcome(&app.phone(&token, &login_code).await, 400, "invalid_code");
    assert_outcome(&app.login(&code).await, 400, "invalid_code");
}

#[tokio::test]
async fn a_code_of_six_minutes_ago_is_invalid() {
    let (app, token, code) = with_alices_code().await;
    app.clock.advance(Duration::from_secs(360));
    assert_outcome(&app.phone(&token, &code).await, 400, "invalid_code");
}

#[tokio::test]
async fn a_code_of_another_user_is_a_mismatch_and_lands_nowhere() {
    let (app, _, code) = with_alices_code().await;
    let bob = app.log_in("oBob").await;
    let answer = app.phone(&bob, &code).await;
    assert_outcome(&answer, 403, "code_mismatch");
    assert_eq!(answer.body["msg"], "手机号凭证与登录用户不符");
    assert_eq!(stored_phones(&app).await, 0);
}

#[tokio::test]
async fn the_check_of_the_user_can_be_turned_off() {
    let (app, _, code) = with_alices_code().await;
    let bob = app.log_in("oBob").await;
    let config = miniprogram::Config { send_openid_with_phone_code: false, ..app.config.clone() };
    assert_outcome(&app.with_config(config).phone(&bob, &code).await, 200, "ok");
}

#[tokio::test]
async fn a_code_of_another_mini_program_is_a_mismatch() {
    let (app, token) = with_alice().await;
    let code = app.wechat.issue_phone_code(PhoneCode { foreign: true, ..PhoneCode::default() });
    assert_outcome(&app.phone(&token, &code).await, 403, "code_mismatch");
}

#[tokio::test]
async fn a_foreign_watermark_is_a_mismatch_and_lands_nowhere() {
    let (app, token) = with_alice().await;
    let foreign = PhoneCode { watermark_appid: "wxother".into(), ..PhoneCode::default() };
    let code = app.wechat.issue_phone_code(foreign);
    assert_outcome(&app.phone(&token, &code).await, 403, "code_mismatch");
    assert_eq!(stored_phones(&app).await, 0);
}

#[tokio::test]
async fn what_wechat_says_becomes_the_contracts_reply() {
    for (fault, status, error) in [
        (Fault::errcode(45011), 429, "rate_limited"),
        (Fault::errcode(45009), 429, "rate_limited"),
        (Fault::errcode(48001), 500, "misconfigured"),
        (Fault::errcode(47001), 502, "wechat_unavailable"),
        (Fault::errcode(40125), 500, "misconfigured"),
        (Fault::errcode(40164), 500, "misconfigured"),
        (Fault::body("<html>"), 502, "wechat_unavailable"),
        (Fault::status(500, ""), 502, "wechat_unavailable"),
        (Fault::cut_short("{"), 502, "wechat_unavailable"),
    ] {
        let (app, token, code) = with_alices_code().await;
        app.wechat.fail_next(PATH, [fault]);
        assert_outcome(&app.phone(&token, &code).await, status, error);
    }
}

#[tokio::test]
async fn a_busy_wechat_is_asked_once_more() {
    let (app, token, code) = with_alices_code().await;
    app.wechat.fail_next(PATH, [Fault::errcode(-1)]);
    assert_outcome(&app.phone(&token, &code).await, 200, "ok");
}

#[tokio::test]
async fn a_code_is_not_sent_again_when_no_answer_came() {
    let (app, token, code) = with_alices_code().await;
    app.wechat.fail_next(PATH, [Fault::Reset(Point::Body(1))]);
    assert_outcome(&app.phone(&token, &code).await, 502, "wechat_unavailable");
    assert_eq!(app.wechat.calls(PATH), 1);
}

#[tokio::test]
async fn a_phone_call_is_one_read_one_call_to_wechat_and_one_write() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &code).await;
    let code = app.wechat.phone_code("oAlice", NUMBER);
    app.aws.forget_calls();
    app.phone(&token, &code).await;
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem", "DynamoDb.UpdateItem"]);
    assert_eq!(app.wechat.calls(PATH), 2);
    assert_eq!(app.wechat.calls("/cgi-bin/stable_token"), 1);
}

#[tokio::test]
async fn a_number_of_a_clock_that_ran_ahead_does_not_stand_for_ever() {
    let (app, token, code) = with_alices_code().await;
    let client = app.dynamodb();
    let update = client.update_item().table_name(&app.tables.users).key("user_hash", TestApp::user_key("oAlice"));
    let ahead = (app.clock.now() + Duration::from_secs(3600)).millis().to_string();
    let update = update.update_expression("SET phone_at = :ahead");
    update.expression_attribute_values(":ahead", AttributeValue::N(ahead)).send().await.expect("an update");
    app.phone(&token, &code).await;
    assert_eq!(stored_phones(&app).await, 1);
}

#[tokio::test]
async fn a_code_is_not_spent_with_less_than_a_second_left_for_wechat() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &app.wechat.phone_code("oAlice", NUMBER)).await;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).expect("a value"));
    let event = tools::fakes::gateway::event("POST", "/phone", &headers, json!({"code": code}).to_string().as_bytes());
    let answer = app.invoke_within("/phone", event, Duration::from_millis(3300)).await;
    assert_outcome(&answer, 503, "unavailable");
    assert_eq!(app.wechat.numbers_sold(), 1);
}

#[tokio::test]
async fn a_number_does_not_come_back_with_a_user_who_was_erased_meanwhile() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &app.wechat.phone_code("oAlice", NUMBER)).await;
    // WeChat takes its time over this one.
    app.wechat.fail_next(PATH, [Fault::errcode(-1).late(Duration::from_millis(500))]);
    let erase = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let client = app.dynamodb();
        let user = client.delete_item().table_name(&app.tables.users);
        user.key("user_hash", TestApp::user_key("oAlice")).send().await.expect("a deletion");
    };
    let (answer, ()) = tokio::join!(app.phone(&token, &code), erase);
    assert_outcome(&answer, 401, "unauthorized");
    assert_eq!(scan(&app.dynamodb(), &app.tables.users).await.len(), 0);
}

#[tokio::test]
async fn a_number_does_not_land_with_a_user_who_was_made_anew_meanwhile() {
    let (app, token, code) = with_alices_code().await;
    let client = app.dynamodb();
    let user = client.delete_item().table_name(&app.tables.users);
    user.key("user_hash", TestApp::user_key("oAlice")).send().await.expect("a deletion");
    app.log_in("oAlice").await;
    assert_outcome(&app.phone(&token, &code).await, 401, "unauthorized");
    assert_eq!(stored_phones(&app).await, 0);
}

#[tokio::test]
async fn a_dynamodb_that_is_down_is_unavailable_and_the_code_is_not_spent() {
    let (app, token, code) = with_alices_code().await;
    app.aws.set_mood(Service::DynamoDb, Mood::Failing);
    assert_outcome(&app.phone(&token, &code).await, 503, "unavailable");
    app.aws.set_mood(Service::DynamoDb, Mood::Well);
    assert_outcome(&app.phone(&token, &code).await, 200, "ok");
}
