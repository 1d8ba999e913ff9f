//! Erase and logout of all, racing with logins and phone numbers; and requests that are killed between any two writes.

use fastrand::Rng;
use serde_json::{Value, json};
use std::time::Duration;
use tests::invariants::violations;
use tokio::time::{sleep, timeout};
use tools::app::{Answer, TestApp};
use tools::fakes::aws::{Mood, Service, scan};
use tools::fakes::wechat::Fault;
use tools::leaks::Canaries;

/// Longer than a request that waits for nothing takes, and shorter than the function's own limits.
const KILLED_AFTER: Duration = Duration::from_millis(400);

async fn assert_sound(app: &TestApp) {
    assert_eq!(violations(app, &Canaries::default()).await, [""; 0]);
}

async fn works(app: &TestApp, token: &str) -> bool {
    app.call(token, "GET", "/user", &Value::Null).await.outcome() == "ok"
}

fn after(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An end against two logins, a phone call and a change, all started within a few milliseconds, twenty times.
async fn race(method: &str, path: &str, body: Value) {
    let mut random = Rng::with_seed(7);
    let app = TestApp::start_unhurried().await;
    for round in 0..20 {
        let openid = format!("oAlice{round}");
        let tokens = [app.log_in(&openid).await, app.log_in(&openid).await];
        let [phone_code, first, second] = [
            app.wechat.phone_code(&openid, "13912345678"),
            app.wechat.login_code(&openid),
            app.wechat.login_code(&openid),
        ];
        let slow = (0..2).map(|_| Fault::Slow(after(random.u64(..60))));
        app.wechat.fail_next("/sns/jscode2session", slow);
        let pauses: [u64; 5] = std::array::from_fn(|_| random.u64(..40));
        let in_between = |index: usize| sleep(after(pauses[index]));
        let login = async |code: &str, index: usize| {
            in_between(index).await;
            app.login(code).await
        };
        let (end, first, second, _, _) = tokio::join!(
            async {
                in_between(0).await;
                app.call(&tokens[0], method, path, &body).await
            },
            login(&first, 1),
            login(&second, 2),
            async {
                in_between(3).await;
                app.phone(&tokens[1], &phone_code).await
            },
            async {
                in_between(4).await;
                app.call(&tokens[1], "PUT", "/user", &json!({"name": "Alice"})).await
            },
        );
        assert_eq!(end.outcome(), "ok", "{end:?}");
        for token in &tokens {
            assert!(!works(&app, token).await, "a token from before the end works");
        }
        for login in [first, second] {
            // What began before comes too late, or was ended with the rest; what began after is good.
            assert!(["ok", "invalid_code"].contains(&login.outcome()), "{login:?}");
        }
        assert_sound(&app).await;
    }
}

#[tokio::test]
async fn an_erase_that_races_with_everything_leaves_the_tables_sound() {
    race("DELETE", "/user", Value::Null).await;
}

#[tokio::test]
async fn a_logout_everywhere_that_races_with_everything_leaves_the_tables_sound() {
    race("POST", "/logout", json!({"all": true})).await;
}

#[tokio::test]
async fn a_logout_that_races_with_everything_leaves_the_tables_sound() {
    let app = TestApp::start_unhurried().await;
    for _ in 0..10 {
        let tokens = [app.log_in("oAlice").await, app.log_in("oAlice").await];
        let (code, phone_code) = (app.wechat.login_code("oAlice"), app.wechat.phone_code("oAlice", "13912345678"));
        let (first, second, login, _) = tokio::join!(
            app.call(&tokens[0], "POST", "/logout", &Value::Null),
            app.call(&tokens[1], "POST", "/logout", &Value::Null),
            app.login(&code),
            app.phone(&tokens[0], &phone_code),
        );
        assert_eq!([first.outcome(), second.outcome(), login.outcome()], ["ok"; 3]);
        assert!(!works(&app, &tokens[0]).await && !works(&app, &tokens[1]).await);
        app.pass_margin();
        assert!(works(&app, &login.data("token")).await);
        assert_sound(&app).await;
    }
}

#[tokio::test]
async fn of_two_ends_at_once_one_is_done_and_the_other_finds_it_done() {
    let app = TestApp::start_unhurried().await;
    let all = json!({"all": true});
    for _ in 0..10 {
        let tokens = [app.log_in("oAlice").await, app.log_in("oAlice").await];
        let (erase, logout) = tokio::join!(
            app.call(&tokens[0], "DELETE", "/user", &Value::Null),
            app.call(&tokens[1], "POST", "/logout", &all),
        );
        for answer in [&erase, &logout] {
            assert!(["ok", "unauthorized"].contains(&answer.outcome()), "{answer:?}");
        }
        assert!(erase.outcome() == "ok" || logout.outcome() == "ok");
        assert!(!works(&app, &tokens[0]).await && !works(&app, &tokens[1]).await);
        app.pass_margin();
        assert_sound(&app).await;
    }
}

/// A request whose instance dies before its write gets through, or before it hears of it.
async fn killed(app: &TestApp, mood: Mood, request: impl Future<Output = Answer>) {
    app.aws.set_mood(Service::DynamoDb, mood);
    assert!(timeout(KILLED_AFTER, request).await.is_err(), "it answered before it was killed");
    app.aws.set_mood(Service::DynamoDb, Mood::Well);
    assert_sound(app).await;
}

/// Kills `method path` before and after its write, repeats it, and expects one of these outcomes then.
async fn killed_and_repeated(method: &str, path: &str, body: Value, again: [&str; 2]) -> [TestApp; 2] {
    let mut apps = Vec::new();
    for (mood, again) in [Mood::StallingWrites, Mood::SwallowingWrites].into_iter().zip(again) {
        let app = TestApp::start_unhurried().await;
        let token = app.log_in("oAlice").await;
        // Secrets are read and connections open.
        app.phone(&token, &app.wechat.phone_code("oAlice", "13900000000")).await;
        app.call(&token, "GET", "/user", &Value::Null).await;
        killed(&app, mood, app.call(&token, method, path, &body)).await;
        let answer = app.another_instance().call(&token, method, path, &body).await;
        assert_eq!(answer.outcome(), again, "{mood:?}");
        assert_sound(&app).await;
        apps.push(app);
    }
    apps.try_into().unwrap_or_else(|_| panic!("two of them"))
}

#[tokio::test]
async fn a_logout_that_is_killed_is_repeated() {
    killed_and_repeated("POST", "/logout", Value::Null, ["ok", "ok"]).await;
    killed_and_repeated("POST", "/logout", json!({"all": true}), ["ok", "ok"]).await;
}

#[tokio::test]
async fn an_erase_that_is_killed_is_repeated() {
    for app in killed_and_repeated("DELETE", "/user", Value::Null, ["ok", "ok"]).await {
        let users = scan(&app.dynamodb(), &app.tables.users).await;
        assert!(users.iter().all(|user| !user.contains_key("openid")), "{users:?}");
    }
}

#[tokio::test]
async fn a_change_that_is_killed_is_repeated() {
    for app in killed_and_repeated("PUT", "/user", json!({"name": "Alice"}), ["ok", "ok"]).await {
        let user = scan(&app.dynamodb(), &app.tables.users).await.remove(0);
        assert_eq!(user["name"].as_s().map(String::as_str), Ok("Alice"));
    }
}

#[tokio::test]
async fn a_login_that_is_killed_is_repeated() {
    // Between its two writes there is no session yet: the page gets another code.
    for (mood, again) in [(Mood::StallingWrites, "invalid_code"), (Mood::SwallowingWrites, "invalid_code")] {
        let app = TestApp::start_unhurried().await;
        app.log_in("oBob").await;
        let code = app.wechat.login_code("oAlice");
        killed(&app, mood, app.login(&code)).await;
        let app = app.another_instance();
        assert_eq!(app.login(&code).await.outcome(), again, "{mood:?}");
        app.log_in("oAlice").await;
        assert_sound(&app).await;
    }
}

#[tokio::test]
async fn a_phone_call_that_is_killed_is_repeated() {
    for (mood, again) in [(Mood::StallingWrites, "invalid_code"), (Mood::SwallowingWrites, "ok")] {
        let app = TestApp::start_unhurried().await;
        let token = app.log_in("oAlice").await;
        app.phone(&token, &app.wechat.phone_code("oAlice", "13900000000")).await;
        let code = app.wechat.phone_code("oAlice", "13912345678");
        killed(&app, mood, app.phone(&token, &code)).await;
        let app = app.another_instance();
        assert_eq!(app.phone(&token, &code).await.outcome(), again, "{mood:?}");
        assert_sound(&app).await;
    }
}

#[tokio::test]
async fn a_sealed_number_moved_to_another_user_does_not_open() {
    let app = TestApp::start_unhurried().await;
    let (alice, bob) = (app.log_in("oAlice").await, app.log_in("oBob").await);
    app.phone(&alice, &app.wechat.phone_code("oAlice", "13912345678")).await;
    app.phone(&bob, &app.wechat.phone_code("oBob", "13900000000")).await;
    move_attribute(&app, &app.tables.users, "user_hash", "phone").await;
    for token in [alice, bob] {
        let answer = app.call(&token, "GET", "/user", &Value::Null).await;
        assert_eq!((answer.outcome(), &answer.body["data"]["phone"]), ("ok", &Value::Null));
    }
}

#[tokio::test]
async fn a_sealed_session_key_moved_to_another_session_does_not_open() {
    let app = TestApp::start_unhurried().await;
    let (alice, bob) = (app.log_in("oAlice").await, app.log_in("oBob").await);
    let data = app.wechat.client_data("oAlice", &json!({"step": 1})).json();
    move_attribute(&app, &app.tables.sessions, "token_hash", "session_key").await;
    for token in [alice, bob] {
        assert_eq!(app.call(&token, "POST", "/decrypt", &data).await.outcome(), "session_key_stale");
    }
}

/// Exchanges an attribute of the only two items of a table.
async fn move_attribute(app: &TestApp, table: &str, key: &str, attribute: &str) {
    let items = scan(&app.dynamodb(), table).await;
    assert_eq!(items.len(), 2);
    for (item, other) in [(&items[0], &items[1]), (&items[1], &items[0])] {
        let update = app.dynamodb().update_item().table_name(table).key(key, item[key].clone());
        let update = update.update_expression("SET #attribute = :value");
        let update = update.expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":value", other[attribute].clone()).send().await.expect("an update");
    }
}
