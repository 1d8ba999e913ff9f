//! A restore of the users table brings nobody back, and leaves no session that its user does not know.

use aws_sdk_dynamodb::types::AttributeValue;
use miniprogram::Scope;
use miniprogram::app::WARM_UP;
use miniprogram::deadline::Deadline;
use miniprogram::store::{ErasuresReplayed, SessionsEnded, Store};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tests::invariants::violations;
use tools::app::{TestApp, assert_outcome};
use tools::fakes::aws::scan;
use tools::leaks::Canaries;

type Item = HashMap<String, AttributeValue>;

fn store(app: &TestApp) -> Store {
    Store::new(&miniprogram::aws::with_limits(app.aws.patient_sdk(), 10), &app.config)
}

fn scope() -> Scope {
    Scope::until(Deadline::of_invocation(WARM_UP))
}

async fn users(app: &TestApp) -> Vec<Item> {
    scan(&app.dynamodb(), &app.tables.users).await
}

/// Puts an older copy of the users table in its place.
async fn restore(app: &TestApp, copy: Vec<Item>) {
    let client = app.dynamodb();
    for user in users(app).await {
        let gone = client.delete_item().table_name(&app.tables.users).key("user_hash", user["user_hash"].clone());
        gone.send().await.expect("a deletion");
    }
    for user in copy {
        client.put_item().table_name(&app.tables.users).set_item(Some(user)).send().await.expect("a put");
    }
}

async fn erase(app: &TestApp, token: &str) {
    assert_outcome(&app.call(token, "DELETE", "/user", &Value::Null).await, 200, "ok");
    app.pass_margin();
}

/// All pages of the erasures.
async fn replay(app: &TestApp) -> ErasuresReplayed {
    let (store, mut sum, mut after) = (store(app), ErasuresReplayed::default(), None);
    loop {
        let page = store.replay_erasures(after.as_deref(), 1, &app.clock.for_app(), &scope()).await.expect("a page");
        sum.erased += page.erased;
        sum.kept += page.kept;
        sum.ahead += page.ahead;
        after = page.next;
        if after.is_none() {
            return sum;
        }
    }
}

async fn end_unlisted_sessions(app: &TestApp) -> SessionsEnded {
    store(app).end_unlisted_sessions(None, 100, &app.clock.for_app(), &scope()).await.expect("a page")
}

fn people(users: &[Item]) -> usize {
    users.iter().filter(|user| user.contains_key("id")).count()
}

#[tokio::test]
async fn who_was_erased_since_the_backup_is_gone_after_the_replay() {
    let app = TestApp::start().await;
    let tokens = [app.log_in("oAlice").await, app.log_in("oBob").await];
    app.call(&tokens[0], "PUT", "/user", &json!({"name": "Alice"})).await;
    app.phone(&tokens[0], &app.wechat.phone_code("oAlice", "13912345678")).await;
    let backup = users(&app).await;
    erase(&app, &tokens[0]).await;
    restore(&app, backup).await;
    assert_eq!(people(&users(&app).await), 2);
    let expected = ErasuresReplayed { erased: 1, ..ErasuresReplayed::default() };
    assert_eq!(replay(&app).await, expected);
    let left = users(&app).await;
    assert_eq!(people(&left), 1);
    assert!(!format!("{left:?}").contains("Alice"), "{left:?}");
    assert_eq!(replay(&app).await, ErasuresReplayed::default());
}

#[tokio::test]
async fn who_came_back_after_their_erasure_stays() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    erase(&app, &token).await;
    let token = app.log_in("oAlice").await;
    assert_eq!(replay(&app).await, ErasuresReplayed { kept: 1, ..ErasuresReplayed::default() });
    assert_outcome(&app.call(&token, "GET", "/user", &Value::Null).await, 200, "ok");
}

#[tokio::test]
async fn an_erasure_far_ahead_is_reported_and_left_alone() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let far = (app.clock.now() + Duration::from_secs(3600)).millis().to_string();
    let put = app.dynamodb().put_item().table_name(&app.tables.erasures).item("user_hash", TestApp::user_key("oAlice"));
    put.item("erased_at", AttributeValue::N(far)).send().await.expect("a put");
    assert_eq!(replay(&app).await, ErasuresReplayed { ahead: 1, ..ErasuresReplayed::default() });
    assert_outcome(&app.call(&token, "GET", "/user", &Value::Null).await, 200, "ok");
}

#[tokio::test]
async fn a_session_opened_since_the_backup_ends_and_others_go_on() {
    let app = TestApp::start().await;
    let before = app.log_in("oAlice").await;
    let backup = users(&app).await;
    let since = [app.log_in("oAlice").await, app.log_in("oBob").await];
    restore(&app, backup).await;
    assert_eq!(end_unlisted_sessions(&app).await, SessionsEnded { ended: 2, next: None });
    let is_authorized = async |token: &str| {
        let event = json!({"version": "2.0", "headers": {"authorization": format!("Bearer {token}")}});
        app.authorize(event).await.expect("an answer")["isAuthorized"].clone()
    };
    assert_eq!(is_authorized(&before).await, true);
    for token in &since {
        assert_eq!(is_authorized(token).await, false);
    }
    assert_eq!(violations(&app, &Canaries::default()).await, [""; 0]);
    assert_eq!(end_unlisted_sessions(&app).await, SessionsEnded::default());
}
