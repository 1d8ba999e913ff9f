//! A reply that was lost on the way may be asked for again; and requests that race.

use futures_util::future::join_all;
use std::collections::HashSet;
use std::time::Duration;
use tools::app::TestApp;
use tools::fakes::aws::{Mood, Service, scan};
use tools::fakes::wechat::Fault;

#[tokio::test]
async fn the_same_code_gives_the_same_token_again() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let first = app.login(&code).await;
    let again = app.login(&code).await;
    assert_eq!(first.outcome(), "ok");
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn another_instance_gives_the_same_token_again() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let first = app.login(&code).await;
    assert_eq!(app.another_instance().login(&code).await.body, first.body);
}

#[tokio::test]
async fn a_replay_writes_nothing() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    app.login(&code).await;
    app.aws.forget_calls();
    app.login(&code).await;
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem"]);
}

#[tokio::test]
async fn a_replay_works_after_the_keyring_was_rotated() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let first = app.login(&code).await;
    let rotated = tools::app::KEYRING
        .replace(r#""current":"k1""#, r#""current":"k0","k0":"another-key-of-more-than-32-characters""#);
    app.aws.put_secret(tools::app::KEY_SECRET_ID, &rotated);
    assert_eq!(app.another_instance().login(&code).await.body, first.body);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_again() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    let code = app.wechat.login_code("oAlice");
    app.aws.set_mood(Service::DynamoDb, Mood::LosingOneWrite);
    let first = app.login(&code).await;
    assert_eq!((first.outcome(), &app.login(&code).await.body), ("ok", &first.body));
}

#[tokio::test]
async fn a_login_whose_every_write_loses_its_answer_is_unavailable_and_the_next_one_is_good() {
    let app = TestApp::start().await;
    app.aws.set_mood(Service::DynamoDb, Mood::LosingWrites);
    assert_eq!(app.login(&app.wechat.login_code("oAlice")).await.outcome(), "unavailable");
    app.aws.set_mood(Service::DynamoDb, Mood::Well);
    assert_eq!(app.login(&app.wechat.login_code("oAlice")).await.data("openid"), "oAlice");
}

#[tokio::test]
async fn a_code_is_invalid_two_minutes_after_its_login() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    app.login(&code).await;
    app.clock.advance(Duration::from_secs(121));
    assert_eq!(app.login(&code).await.outcome(), "invalid_code");
}

#[tokio::test]
async fn a_code_is_invalid_after_its_session_has_ended() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let token = app.login(&code).await.data("token");
    delete_session(&app, &token).await;
    assert_eq!(app.login(&code).await.outcome(), "invalid_code");
}

#[tokio::test]
async fn a_session_that_expired_but_was_not_removed_is_not_replayed() {
    let app = TestApp::start().await;
    let short = app.with_config(miniprogram::Config { session_ttl: Duration::from_secs(5), ..app.config.clone() });
    let code = short.wechat.login_code("oAlice");
    short.login(&code).await;
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(short.login(&code).await.outcome(), "invalid_code");
    assert_eq!(scan(&app.dynamodb(), &app.tables.sessions).await.len(), 1, "the item is still there");
}

#[tokio::test]
async fn a_code_that_was_never_valid_stays_invalid() {
    let app = TestApp::start().await;
    // WeChat answers 40029 first, 40163 afterwards.
    assert_eq!(app.login("never-issued").await.outcome(), "invalid_code");
    assert_eq!(app.login("never-issued").await.outcome(), "invalid_code");
}

#[tokio::test]
async fn a_code_that_a_busy_wechat_used_up_is_unknown_and_not_invalid() {
    let app = TestApp::start().await;
    let busy = Fault::errcode_carried_out(-1);
    app.wechat.fail_next("/sns/jscode2session", [busy]);
    let answer = app.login(&app.wechat.login_code("oAlice")).await;
    assert_eq!((answer.status, answer.outcome()), (502, "wechat_unavailable"));
}

#[tokio::test]
async fn who_comes_second_waits_for_a_slow_winner() {
    let app = TestApp::start().await;
    app.log_in("oWarm").await;
    let code = app.wechat.login_code("oAlice");
    app.wechat.fail_next("/sns/jscode2session", [Fault::Slow(Duration::from_millis(1900))]);
    let second = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        app.login(&code).await
    };
    let (first, second) = tokio::join!(app.login(&code), second);
    assert_eq!((first.outcome(), &second.body), ("ok", &first.body));
}

#[tokio::test]
async fn a_hundred_calls_with_one_code_open_one_session_with_one_token() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let answers = join_all((0..100).map(|_| app.login(&code))).await;
    let tokens: HashSet<String> = answers.iter().map(|answer| answer.data("token")).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(scan(&app.dynamodb(), &app.tables.sessions).await.len(), 1);
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    assert_eq!(users[0]["sessions"].as_ss().map(Vec::len), Ok(1));
}

#[tokio::test]
async fn a_hundred_racing_first_logins_of_one_user_make_one_user_with_twenty_sessions() {
    let app = TestApp::start_unhurried().await;
    let codes: Vec<String> = (0..100).map(|_| app.wechat.login_code("oAlice")).collect();
    let answers = join_all(codes.iter().map(|code| app.login(code))).await;
    // Whoever is evicted before it is open must ask for another code; whoever runs out of time too.
    let outcomes: HashSet<&str> = answers.iter().map(tools::app::Answer::outcome).collect();
    assert!(outcomes.is_subset(&HashSet::from(["ok", "invalid_code", "unavailable"])), "{outcomes:?}");
    let live = async || {
        let sessions = scan(&app.dynamodb(), &app.tables.sessions).await;
        sessions.iter().filter(|item| item.contains_key("openid")).count()
    };
    assert!(live().await <= 20);
    // WeChat takes so many logins of a user in a minute.
    app.clock.advance(Duration::from_secs(61));
    app.log_in("oAlice").await;
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    assert_eq!((users.len(), users[0]["sessions"].as_ss().map(Vec::len)), (1, Ok(20)));
    assert!(live().await <= 20);
}

async fn delete_session(app: &TestApp, token: &str) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let hash = ring_sha256(token);
    let client = app.dynamodb();
    let delete = client.delete_item().table_name(&app.tables.sessions);
    delete.key("token_hash", AttributeValue::S(hash)).send().await.expect("a deletion");
}

fn ring_sha256(token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
