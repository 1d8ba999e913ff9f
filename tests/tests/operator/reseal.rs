//! Stored phone numbers are sealed anew after a rotation of the keyring.

use aws_sdk_dynamodb::types::AttributeValue;
use miniprogram::Scope;
use miniprogram::app::WARM_UP;
use miniprogram::clock::Timestamp;
use miniprogram::deadline::Deadline;
use miniprogram::keyring::Keyring;
use miniprogram::store::{Import, ImportedUser, SealedPhone, Store};
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, HashMap};
use tools::app::{APP_ID, KEYRING, TestApp};
use tools::fakes::aws::{Mood, Service, scan};
use tools::reseal::{Options, Report, Walk};

/// The keyring of the tests with a second key, which is the current one.
const ROTATED: &str = r#"{
    "current": "k2",
    "k1": "canaryKeyringKey0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL",
    "k2": "canaryKeyringKeyTwo3456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL"
}"#;

/// The new key alone.
const NEW: &str = r#"{"current":"k2","k2":"canaryKeyringKeyTwo3456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL"}"#;

const OPTIONS: Options = Options { page: 2, per_second: 1000, dry_run: false };

fn ring(text: &str) -> Keyring {
    Keyring::parse(text).expect("a keyring")
}

fn store(app: &TestApp) -> Store {
    Store::new(&miniprogram::aws::with_limits(app.aws.patient_sdk(), 1), &app.config)
}

/// Five users with numbers under the old key, and one without a number.
async fn six_users(app: &TestApp) {
    for index in 0..6 {
        let openid = format!("o{index}");
        let (number, at) = (format!("1391234567{index}").into(), Timestamp::from_millis(0));
        let sealed = SealedPhone::seal(&ring(KEYRING), (APP_ID, &openid), &number, "86", at).expect("a seal");
        let user = ImportedUser {
            appid: APP_ID.into(),
            phone: (index > 0).then_some(sealed),
            created_at: Timestamp::from_millis(1),
            openid,
            unionid: None,
            name: None,
            avatar: None,
        };
        let scope = Scope::until(Deadline::of_invocation(WARM_UP));
        assert_eq!(store(app).import_user(&user, &scope).await.expect("an answer"), Import::Made);
    }
}

/// A walk from the first page to the last.
async fn walk(app: &TestApp, options: Options) -> Report {
    let (store, keyring) = (store(app), ring(ROTATED));
    let mut walk = Walk::new(&store, &keyring, options);
    while let Some(page) = walk.read().await.expect("a page") {
        walk.seal(&page).await.expect("a page that is sealed");
    }
    walk.report()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// The stored numbers by user, as they are sealed.
async fn sealed(app: &TestApp) -> BTreeMap<String, String> {
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    let text = |value: &AttributeValue| value.as_s().expect("a text").clone();
    users.iter().filter_map(|user| Some((text(&user["openid"]), text(user.get("phone")?)))).collect()
}

/// The stored numbers that the new key opens without the old one.
async fn opened(app: &TestApp) -> Vec<String> {
    let open = |user: HashMap<String, AttributeValue>| {
        let text = |name: &str| user.get(name)?.as_s().or(user[name].as_n()).ok().cloned();
        let at = Timestamp::from_millis(text("phone_at")?.parse().ok()?);
        let sealed = SealedPhone { number: text("phone")?, country_code: text("country_code")?, at };
        let phone = sealed.open(&ring(NEW), (APP_ID, &text("openid")?)).ok()?;
        Some(phone.expose_secret().to_owned())
    };
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    let mut numbers: Vec<String> = users.into_iter().filter_map(open).collect();
    numbers.sort();
    numbers
}

const NUMBERS: [&str; 5] = ["13912345671", "13912345672", "13912345673", "13912345674", "13912345675"];

#[tokio::test]
async fn after_a_rotation_everything_opens_with_the_new_key_alone() {
    let app = TestApp::start().await;
    six_users(&app).await;
    assert_eq!(opened(&app).await.len(), 0);
    assert_eq!(walk(&app, OPTIONS).await, Report { seen: 5, sealed: 5, ..Report::default() });
    assert_eq!(opened(&app).await, NUMBERS);
}

#[tokio::test]
async fn a_user_finds_their_number_under_the_new_key_alone() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let code = app.wechat.phone_code("oAlice", "13912345678");
    assert_eq!(app.phone(&token, &code).await.outcome(), "ok");
    walk(&app, OPTIONS).await;
    app.aws.put_secret(tools::app::KEY_SECRET_ID, NEW);
    let user = app.another_instance().call(&token, "GET", "/user", &serde_json::Value::Null).await;
    assert_eq!(user.data("phone"), "13912345678");
}

#[tokio::test]
async fn what_the_current_key_sealed_is_left_alone() {
    let app = TestApp::start().await;
    six_users(&app).await;
    walk(&app, OPTIONS).await;
    let before = sealed(&app).await;
    assert_eq!(walk(&app, OPTIONS).await, Report { seen: 5, ..Report::default() });
    assert_eq!(sealed(&app).await, before);
}

#[tokio::test]
async fn nothing_but_the_number_changes() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let users = || async {
        let mut users = scan(&app.dynamodb(), &app.tables.users).await;
        users.sort_by_key(|user| user["openid"].as_s().cloned().unwrap_or_default());
        users.iter_mut().for_each(|user| drop(user.remove("phone")));
        users
    };
    let before = users().await;
    walk(&app, OPTIONS).await;
    assert_eq!(users().await, before);
}

#[tokio::test]
async fn a_walk_that_was_stopped_between_pages_is_finished_by_the_next() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let (store, keyring) = (store(&app), ring(ROTATED));
    let mut stopped = Walk::new(&store, &keyring, Options { page: 3, ..OPTIONS });
    let page = stopped.read().await.expect("a page").expect("users");
    stopped.seal(&page).await.expect("a page that is sealed");
    let done = stopped.report().sealed;
    assert!((2..=3).contains(&done), "{done}");
    assert_eq!(walk(&app, OPTIONS).await.sealed, 5 - done);
    assert_eq!(opened(&app).await, NUMBERS);
}

#[tokio::test]
async fn a_walk_that_was_stopped_by_a_lost_answer_is_finished_by_the_next() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let (store, keyring) = (store(&app), ring(ROTATED));
    let mut stopped = Walk::new(&store, &keyring, Options { page: 6, ..OPTIONS });
    let page = stopped.read().await.expect("a page").expect("users");
    // Whatever is written, the answer is a server's error.
    app.aws.set_mood(Service::DynamoDb, Mood::LosingWrites);
    let error = stopped.seal(&page).await.expect_err("an end");
    assert!(error.contains("run it again"), "{error}");
    app.aws.set_mood(Service::DynamoDb, Mood::Well);
    walk(&app, OPTIONS).await;
    assert_eq!(opened(&app).await, NUMBERS);
}

#[tokio::test]
async fn a_number_that_changes_meanwhile_is_not_overwritten() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let phone = |number: &str| app.wechat.phone_code("oAlice", number);
    app.phone(&token, &phone("13900000001")).await;
    let (store, keyring) = (store(&app), ring(ROTATED));
    let mut meanwhile = Walk::new(&store, &keyring, OPTIONS);
    let page = meanwhile.read().await.expect("a page").expect("users");
    app.phone(&token, &phone("13900000002")).await;
    meanwhile.seal(&page).await.expect("a page that is sealed");
    assert_eq!(meanwhile.report(), Report { seen: 1, changed: 1, ..Report::default() });
    assert_eq!(walk(&app, OPTIONS).await.sealed, 1);
    assert_eq!(opened(&app).await, ["13900000002"]);
}

#[tokio::test]
async fn a_user_who_is_erased_meanwhile_does_not_come_back() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let (store, keyring) = (store(&app), ring(ROTATED));
    let mut meanwhile = Walk::new(&store, &keyring, Options { page: 6, ..OPTIONS });
    let page = meanwhile.read().await.expect("a page").expect("users");
    let erased = app.dynamodb().delete_item().table_name(&app.tables.users);
    erased.key("user_hash", TestApp::user_key("o3")).send().await.expect("an erase");
    meanwhile.seal(&page).await.expect("a page that is sealed");
    assert_eq!(meanwhile.report(), Report { seen: 5, sealed: 4, changed: 1, ..Report::default() });
    assert!(!sealed(&app).await.contains_key("o3"));
}

#[tokio::test]
async fn a_number_that_does_not_open_is_counted_and_left() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let update = app.dynamodb().update_item().table_name(&app.tables.users);
    let update = update.key("user_hash", TestApp::user_key("o3")).update_expression("SET phone = :phone");
    update.expression_attribute_values(":phone", text("k0:AAAA")).send().await.expect("an update");
    assert_eq!(walk(&app, OPTIONS).await, Report { seen: 5, sealed: 4, closed: 1, ..Report::default() });
    assert_eq!(sealed(&app).await["o3"], "k0:AAAA");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let before = sealed(&app).await;
    let dry_run = Options { dry_run: true, ..OPTIONS };
    assert_eq!(walk(&app, dry_run).await, Report { seen: 5, sealed: 5, ..Report::default() });
    assert_eq!(sealed(&app).await, before);
}

#[tokio::test]
async fn writes_are_paced() {
    let app = TestApp::start().await;
    six_users(&app).await;
    let start = std::time::Instant::now();
    walk(&app, Options { per_second: 20, ..OPTIONS }).await;
    // The first of five does not wait.
    assert!(start.elapsed() >= std::time::Duration::from_millis(4 * 50));
}
