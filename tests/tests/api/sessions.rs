//! What is stored: users, their sessions, and how both stay in step.

use aws_sdk_dynamodb::types::AttributeValue;
use miniprogram::code::Code;
use miniprogram::keyring::Keyring;
use miniprogram::session::Token;
use secrecy::ExposeSecret;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tools::app::{APP_ID, KEYRING, TestApp};
use tools::fakes::aws::scan;
use tools::fakes::wechat::LoginCode;

type Item = HashMap<String, AttributeValue>;

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().expect("a text")
}

async fn only_user(app: &TestApp) -> Item {
    let mut users = scan(&app.dynamodb(), &app.tables.users).await;
    assert_eq!(users.len(), 1);
    users.remove(0)
}

#[tokio::test]
async fn the_first_login_makes_the_user() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let user = only_user(&app).await;
    let names: HashSet<&str> = user.keys().map(String::as_str).collect();
    assert_eq!(names, HashSet::from(["user_hash", "openid", "id", "appid", "created_at", "sessions"]));
    assert_eq!((text(&user, "openid"), text(&user, "appid")), ("oAlice", APP_ID));
}

#[tokio::test]
async fn a_later_login_keeps_what_is_stored_of_the_user() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let first = only_user(&app).await;
    let own = [("name", "Alice"), ("avatar", "https://a.example/1.png"), ("phone", "sealed")];
    for (name, value) in own {
        let update = app.dynamodb().update_item().table_name(&app.tables.users);
        let update = update.key("user_hash", first["user_hash"].clone()).update_expression("SET #name = :value");
        let update = update.expression_attribute_names("#name", name);
        let update = update.expression_attribute_values(":value", AttributeValue::S(value.to_owned()));
        update.send().await.expect("an update");
    }
    app.clock.advance(Duration::from_secs(3600));
    app.log_in("oAlice").await;
    let second = only_user(&app).await;
    for name in ["id", "created_at", "appid"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    for (name, value) in own {
        assert_eq!(text(&second, name), value);
    }
}

#[tokio::test]
async fn a_unionid_is_stored_and_outlives_a_login_without_it() {
    let app = TestApp::start().await;
    let with = LoginCode { openid: "oAlice".into(), unionid: Some("uAlice".into()), ..LoginCode::default() };
    let code = app.wechat.issue(with);
    app.login(&code).await;
    app.log_in("oAlice").await;
    assert_eq!(text(&only_user(&app).await, "unionid"), "uAlice");
}

#[tokio::test]
async fn a_session_lives_thirty_days() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let sessions = scan(&app.dynamodb(), &app.tables.sessions).await;
    let number = |name: &str| sessions[0][name].as_n().expect("a number").parse::<u64>().expect("a number");
    assert_eq!(number("expires_at") - number("created_at") / 1000, 30 * 24 * 60 * 60);
}

#[tokio::test]
async fn dynamodb_is_told_to_remove_sessions_by_the_attribute_that_they_carry() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let sessions = scan(&app.dynamodb(), &app.tables.sessions).await;
    let ttl = app.dynamodb().describe_time_to_live().table_name(&app.tables.sessions).send().await.expect("a TTL");
    let attribute = ttl.time_to_live_description().and_then(|ttl| ttl.attribute_name()).expect("an attribute");
    assert!(sessions[0][attribute].as_n().is_ok(), "{attribute}");
}

#[tokio::test]
async fn a_session_can_be_made_to_live_longer_or_shorter() {
    let app = TestApp::start().await;
    let short = app.with_config(miniprogram::Config { session_ttl: Duration::from_secs(60), ..app.config.clone() });
    short.log_in("oAlice").await;
    let sessions = scan(&app.dynamodb(), &app.tables.sessions).await;
    let number = |name: &str| sessions[0][name].as_n().expect("a number").parse::<u64>().expect("a number");
    assert_eq!(number("expires_at") - number("created_at") / 1000, 60);
}

#[tokio::test]
async fn the_tables_hold_neither_token_nor_session_key_nor_code() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let token = app.login(&code).await.data("token");
    let keyring = Keyring::parse(KEYRING).expect("a keyring");
    let sessions = scan(&app.dynamodb(), &app.tables.sessions).await;
    let opened = Token::from_code(&keyring, APP_ID, &Code::parse(&code).expect("a code"))
        .and_then(|token| token.open(&keyring, text(&sessions[0], "session_key")))
        .expect("the sealed session_key opens with its token");
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    let stored = format!("{users:?} {sessions:?}");
    for secret in [&token, &code, opened.expose_secret()] {
        assert!(!stored.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn sessions_that_have_expired_are_evicted_together() {
    let app = TestApp::start().await;
    for _ in 0..20 {
        app.log_in("oAlice").await;
    }
    app.clock.advance(miniprogram::config::SESSION_TTL);
    app.log_in("oAlice").await;
    assert_eq!(only_user(&app).await["sessions"].as_ss().map(Vec::len), Ok(1));
    app.aws.forget_calls();
    app.log_in("oAlice").await;
    assert_eq!(app.aws.calls(), ["DynamoDb.UpdateItem", "DynamoDb.PutItem"]);
}

#[tokio::test]
async fn the_twenty_first_session_evicts_the_oldest() {
    let app = TestApp::start().await;
    let mut codes = Vec::new();
    for _ in 0..21 {
        codes.push(app.wechat.login_code("oAlice"));
        app.login(codes.last().expect("a code")).await;
        app.clock.advance(Duration::from_millis(10));
    }
    assert_eq!(app.login(&codes[0]).await.outcome(), "invalid_code");
    assert_eq!(app.login(&codes[1]).await.outcome(), "ok");
    assert_eq!(app.login(&codes[20]).await.outcome(), "ok");
    let sessions = scan(&app.dynamodb(), &app.tables.sessions).await;
    assert_eq!(sessions.iter().filter(|session| session.contains_key("openid")).count(), 20);
    assert_eq!(only_user(&app).await["sessions"].as_ss().map(Vec::len), Ok(20));
}
