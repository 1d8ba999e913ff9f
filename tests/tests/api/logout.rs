//! The ends of sessions and of users, and what comes too late for them.

use serde_json::{Value, json};
use std::time::Duration;
use tests::invariants::violations;
use tools::app::{Answer, TestApp, assert_outcome};
use tools::fakes::aws::{Mood, Service, scan};
use tools::fakes::wechat::{Fault, SAMPLE_LOGIN_CODE};
use tools::leaks::Canaries;

const EXCHANGE: &str = "/sns/jscode2session";

async fn log_out(app: &TestApp, token: &str) -> Answer {
    app.call(token, "POST", "/logout", &Value::Null).await
}

async fn log_out_everywhere(app: &TestApp, token: &str) -> Answer {
    let answer = app.call(token, "POST", "/logout", &json!({"all": true})).await;
    app.pass_margin();
    answer
}

async fn erase(app: &TestApp, token: &str) -> Answer {
    let answer = app.call(token, "DELETE", "/user", &Value::Null).await;
    app.pass_margin();
    answer
}

async fn works(app: &TestApp, token: &str) -> bool {
    app.call(token, "GET", "/user", &Value::Null).await.outcome() == "ok"
}

async fn assert_sound(app: &TestApp) {
    assert_eq!(violations(app, &Canaries::default()).await, [""; 0]);
}

/// A login that asks WeChat now, and gets its answer only after `end` is through.
async fn slow_login(app: &TestApp, end: impl Future<Output = Answer>) -> Answer {
    let code = app.wechat.login_code("oAlice");
    app.wechat.fail_next(EXCHANGE, [Fault::Slow(Duration::from_millis(600))]);
    let late = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_outcome(&end.await, 200, "ok");
    };
    tokio::join!(app.login(&code), late).0
}

#[tokio::test]
async fn a_logout_ends_its_session_and_no_other() {
    let app = TestApp::start().await;
    let (phone, tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
    let answer = log_out(&app, &phone).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"code": 200, "msg": "ok", "data": null})));
    assert_eq!((works(&app, &phone).await, works(&app, &tablet).await), (false, true));
    assert_sound(&app).await;
}

#[tokio::test]
async fn a_logout_everywhere_ends_every_session_of_the_user_and_of_nobody_else() {
    let app = TestApp::start().await;
    let (phone, tablet, bob) = (app.log_in("oAlice").await, app.log_in("oAlice").await, app.log_in("oBob").await);
    assert_outcome(&log_out_everywhere(&app, &phone).await, 200, "ok");
    assert_eq!((works(&app, &phone).await, works(&app, &tablet).await), (false, false));
    assert!(works(&app, &bob).await);
    assert_sound(&app).await;
}

#[tokio::test]
async fn a_logout_keeps_what_is_stored_of_the_user() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.call(&token, "PUT", "/user", &json!({"name": "Alice"})).await;
    let before = app.call(&token, "GET", "/user", &Value::Null).await;
    log_out_everywhere(&app, &token).await;
    let token = app.log_in("oAlice").await;
    assert_eq!(app.call(&token, "GET", "/user", &Value::Null).await.body, before.body);
}

#[tokio::test]
async fn all_is_true_or_false() {
    let app = TestApp::start().await;
    let (phone, tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
    for all in [json!("yes"), json!(1), json!([])] {
        let answer = app.call(&phone, "POST", "/logout", &json!({"all": all})).await;
        assert_outcome(&answer, 400, "malformed_request");
    }
    assert_outcome(&app.call(&phone, "POST", "/logout", &json!({"all": false})).await, 200, "ok");
    assert!(works(&app, &tablet).await);
}

#[tokio::test]
async fn a_code_whose_session_was_ended_is_invalid() {
    let app = TestApp::start().await;
    let code = app.wechat.login_code("oAlice");
    let token = app.login(&code).await.data("token");
    log_out(&app, &token).await;
    assert_outcome(&app.login(&code).await, 400, "invalid_code");
    assert!(!works(&app, &token).await);
}

#[tokio::test]
async fn whoever_logged_out_logs_in_again() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    log_out(&app, &token).await;
    let token = app.log_in("oAlice").await;
    log_out_everywhere(&app, &token).await;
    let token = app.log_in("oAlice").await;
    erase(&app, &token).await;
    let token = app.log_in("oAlice").await;
    assert!(works(&app, &token).await);
    assert_sound(&app).await;
}

#[tokio::test]
async fn after_an_erase_no_table_holds_openid_name_number_or_token() {
    let app = TestApp::start().await;
    let (phone, tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
    app.phone(&phone, &app.wechat.phone_code("oAlice", "13912345678")).await;
    app.call(&phone, "PUT", "/user", &json!({"name": "小明", "avatar": "https://a.example/1.png"})).await;
    let answer = erase(&app, &phone).await;
    assert_eq!((answer.status, &answer.body["data"]), (200, &Value::Null));
    let mut stored = String::new();
    for table in [&app.tables.users, &app.tables.sessions, &app.tables.access_tokens] {
        stored += &format!("{:?}", scan(&app.dynamodb(), table).await);
    }
    for gone in ["oAlice", "小明", "a.example", "13912345678", &phone, &tablet, "phone", "session_key", "created_at"]
    {
        assert!(!stored.contains(gone), "{gone} in {stored}");
    }
    assert_eq!((works(&app, &phone).await, works(&app, &tablet).await), (false, false));
}

#[tokio::test]
async fn a_user_made_anew_is_another_user() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.call(&token, "PUT", "/user", &json!({"name": "Alice"})).await;
    let before = scan(&app.dynamodb(), &app.tables.users).await.remove(0);
    erase(&app, &token).await;
    app.log_in("oAlice").await;
    let after = scan(&app.dynamodb(), &app.tables.users).await.remove(0);
    assert_ne!(before["id"], after["id"]);
    assert!(!after.contains_key("name"));
}

#[tokio::test]
async fn a_logout_is_one_read_and_two_writes_and_an_erase_of_one_session_four() {
    let app = TestApp::start().await;
    let (phone, tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
    app.aws.forget_calls();
    log_out(&app, &phone).await;
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem", "DynamoDb.PutItem", "DynamoDb.UpdateItem"]);
    app.aws.forget_calls();
    erase(&app, &tablet).await;
    let (get, put, update) = ("DynamoDb.GetItem", "DynamoDb.PutItem", "DynamoDb.UpdateItem");
    // The caller's tombstone, the door, the record of the erasure, the user's tombstone.
    assert_eq!(app.aws.calls(), [get, put, update, put, put]);
}

#[tokio::test]
async fn a_user_with_twenty_sessions_is_erased_whole() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for _ in 0..20 {
        tokens.push(app.log_in("oAlice").await);
    }
    assert_outcome(&erase(&app, &tokens[7]).await, 200, "ok");
    for token in &tokens {
        assert!(!works(&app, token).await);
    }
    assert_sound(&app).await;
}

#[tokio::test]
async fn a_user_whose_set_has_a_session_twice_is_erased_whole() {
    let app = TestApp::start().await;
    app.login(SAMPLE_LOGIN_CODE).await;
    app.clock.advance(miniprogram::config::SESSION_TTL);
    let token = app.login(SAMPLE_LOGIN_CODE).await.data("token");
    assert_outcome(&erase(&app, &token).await, 200, "ok");
    assert!(!works(&app, &token).await);
}

#[tokio::test]
async fn a_login_that_began_before_an_erase_brings_nobody_back() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    assert_outcome(&slow_login(&app, erase(&app, &token)).await, 400, "invalid_code");
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    assert!(users.iter().all(|user| !user.contains_key("openid")), "{users:?}");
}

#[tokio::test]
async fn a_login_that_began_before_a_logout_everywhere_opens_no_session() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    assert_outcome(&slow_login(&app, log_out_everywhere(&app, &token)).await, 400, "invalid_code");
    let user = scan(&app.dynamodb(), &app.tables.users).await.remove(0);
    assert!(!user.contains_key("sessions"), "{user:?}");
    assert_sound(&app).await;
}

#[tokio::test]
async fn a_login_that_began_before_another_devices_logout_is_good() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    assert_outcome(&slow_login(&app, log_out(&app, &token)).await, 200, "ok");
}

#[tokio::test]
async fn a_number_on_its_way_does_not_outlive_the_session() {
    for all in [false, true] {
        let app = TestApp::start().await;
        let (phone, _tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
        let path = "/wxa/business/getuserphonenumber";
        app.phone(&phone, &app.wechat.phone_code("oAlice", "13900000000")).await;
        app.wechat.fail_next(path, [Fault::Slow(Duration::from_millis(500))]);
        let code = app.wechat.phone_code("oAlice", "13912345678");
        let end = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            app.call(&phone, "POST", "/logout", &json!({"all": all})).await
        };
        let (answer, ended) = tokio::join!(app.phone(&phone, &code), end);
        assert_outcome(&ended, 200, "ok");
        assert_outcome(&answer, 401, "unauthorized");
        app.pass_margin();
        let token = app.log_in("oAlice").await;
        assert_eq!(app.call(&token, "GET", "/user", &Value::Null).await.data("phone"), "13900000000");
    }
}

/// A late copy of every write that `began` made arrives after `end`: nothing may come back.
async fn late_copies(end: impl AsyncFn(&TestApp, &str)) {
    let app = TestApp::start().await;
    app.aws.keep_copies();
    let token = app.log_in("oAlice").await;
    app.phone(&token, &app.wechat.phone_code("oAlice", "13912345678")).await;
    app.call(&token, "PUT", "/user", &json!({"name": "Alice"})).await;
    end(&app, &token).await;
    let before = scan(&app.dynamodb(), &app.tables.users).await;
    app.aws.deliver_copies().await;
    assert_eq!(scan(&app.dynamodb(), &app.tables.users).await, before);
    assert!(!works(&app, &token).await);
    assert_sound(&app).await;
}

#[tokio::test]
async fn late_copies_of_writes_do_nothing_after_a_logout() {
    late_copies(async |app, token| assert_outcome(&log_out(app, token).await, 200, "ok")).await;
}

#[tokio::test]
async fn late_copies_of_writes_do_nothing_after_a_logout_everywhere() {
    late_copies(async |app, token| assert_outcome(&log_out_everywhere(app, token).await, 200, "ok")).await;
}

#[tokio::test]
async fn late_copies_of_writes_do_nothing_after_an_erase() {
    late_copies(async |app, token| assert_outcome(&erase(app, token).await, 200, "ok")).await;
}

#[tokio::test]
async fn a_late_copy_of_an_erase_spares_the_user_made_anew() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.aws.keep_copies();
    erase(&app, &token).await;
    let token = app.log_in("oAlice").await;
    app.aws.deliver_copies().await;
    assert!(works(&app, &token).await);
    assert_sound(&app).await;
}

#[tokio::test]
async fn an_end_whose_answer_dynamodb_loses_is_carried_out_once() {
    let app = TestApp::start().await;
    let (phone, tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
    app.aws.set_mood(Service::DynamoDb, Mood::LosingOneWrite);
    assert_outcome(&log_out(&app, &phone).await, 200, "ok");
    app.aws.set_mood(Service::DynamoDb, Mood::LosingOneWrite);
    assert_outcome(&erase(&app, &tablet).await, 200, "ok");
    assert_sound(&app).await;
}

#[tokio::test]
async fn a_login_within_the_margin_of_an_end_is_refused_and_the_next_one_is_not() {
    let app = TestApp::start().await;
    for (method, path, body) in [("POST", "/logout", json!({"all": true})), ("DELETE", "/user", Value::Null)] {
        let token = app.log_in("oAlice").await;
        assert_outcome(&app.call(&token, method, path, &body).await, 200, "ok");
        assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 400, "invalid_code");
        app.pass_margin();
        assert_outcome(&app.login(&app.wechat.login_code("oAlice")).await, 200, "ok");
    }
}

#[tokio::test]
async fn an_end_may_be_repeated_with_the_same_token_for_an_hour() {
    let app = TestApp::start().await;
    for (method, path, body) in
        [("POST", "/logout", Value::Null), ("POST", "/logout", json!({"all": true})), ("DELETE", "/user", Value::Null)]
    {
        let token = app.log_in("oAlice").await;
        for _ in 0..2 {
            assert_outcome(&app.call(&token, method, path, &body).await, 200, "ok");
        }
        app.clock.advance(Duration::from_secs(3601));
        assert_outcome(&app.call(&token, method, path, &body).await, 401, "unauthorized");
    }
}

#[tokio::test]
async fn a_token_that_was_ended_one_way_is_unauthorized_the_other_way() {
    let app = TestApp::start().await;
    let (phone, tablet) = (app.log_in("oAlice").await, app.log_in("oAlice").await);
    log_out(&app, &phone).await;
    assert_outcome(&log_out_everywhere(&app, &phone).await, 401, "unauthorized");
    assert_outcome(&erase(&app, &phone).await, 401, "unauthorized");
    assert!(works(&app, &tablet).await);
}

#[tokio::test]
async fn a_late_copy_of_a_login_does_not_reopen_an_evicted_session() {
    let app = TestApp::start().await;
    app.aws.keep_copies();
    let evicted = app.log_in("oAlice").await;
    let mut newest = String::new();
    for _ in 0..20 {
        app.clock.advance(Duration::from_millis(10));
        newest = app.log_in("oAlice").await;
    }
    log_out_everywhere(&app, &newest).await;
    app.aws.deliver_copies().await;
    assert!(!works(&app, &evicted).await);
    assert_sound(&app).await;
}

#[tokio::test]
async fn an_end_time_far_ahead_locks_nobody_out() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let far = (app.clock.now() + Duration::from_secs(24 * 3600)).millis().to_string();
    for name in ["ended_at", "gone_at"] {
        let update = app.dynamodb().update_item().table_name(&app.tables.users);
        let update =
            update.key("user_hash", TestApp::user_key("oAlice")).update_expression(format!("SET {name} = :far"));
        let far = aws_sdk_dynamodb::types::AttributeValue::N(far.clone());
        update.expression_attribute_values(":far", far).send().await.expect("an update");
        app.clock.advance(Duration::from_millis(10));
        let token = app.log_in("oAlice").await;
        assert!(works(&app, &token).await, "{name}");
    }
}

#[tokio::test]
async fn an_end_covers_a_login_that_came_through_its_door() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    // As if this login had enrolled while the door took its time.
    let later = (app.clock.now() + Duration::from_secs(5)).millis();
    let member = format!("{later:013}#{}", "a".repeat(64));
    let update =
        app.dynamodb().update_item().table_name(&app.tables.users).key("user_hash", TestApp::user_key("oAlice"));
    let update = update.update_expression("ADD #sessions :member").expression_attribute_names("#sessions", "sessions");
    update.expression_attribute_values(":member", AttributeValue::Ss(vec![member])).send().await.expect("an update");
    assert_outcome(&erase(&app, &token).await, 200, "ok");
    let user = scan(&app.dynamodb(), &app.tables.users).await.remove(0);
    let ended_at: u64 = user["ended_at"].as_n().expect("a number").parse().expect("a number");
    assert!(!user.contains_key("openid") && ended_at > later, "{ended_at} {later}");
}
