//! Users come over from another back end.

use miniprogram::clock::Timestamp;
use miniprogram::keyring::Keyring;
use miniprogram::store::{SealedPhone, Store};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use tools::app::{APP_ID, KEYRING, TestApp};
use tools::fakes::aws::scan;
use tools::import::{Report, import};

const CSV: &str = "\
open_id,nickname,avatar,mobile,date_joined,password
oAlice,爱丽丝,https://a.example/1.png,+86 139-1234-5678,2021-03-04 05:06:07.891011+08:00,x
oBob,,,,,
";

async fn import_into(app: &TestApp, csv: &str, dry_run: bool) -> Report {
    let store = Store::new(&app.aws.patient_sdk(), &app.config);
    let keyring = Keyring::parse(KEYRING).expect("a keyring");
    import(csv.as_bytes(), &store, &keyring, APP_ID, dry_run).await.expect("an import")
}

async fn users(app: &TestApp) -> HashMap<String, HashMap<String, String>> {
    let items = scan(&app.dynamodb(), &app.tables.users).await;
    let texts = |item: HashMap<String, aws_sdk_dynamodb::types::AttributeValue>| {
        let texts =
            item.into_iter().filter_map(|(name, value)| Some((name, value.as_s().or(value.as_n()).ok()?.clone())));
        texts.collect::<HashMap<_, _>>()
    };
    items.into_iter().map(texts).map(|user| (user["openid"].clone(), user)).collect()
}

#[tokio::test]
async fn users_are_imported_with_what_is_known_of_them() {
    let app = TestApp::start().await;
    let report = import_into(&app, CSV, false).await;
    assert_eq!(report, Report { imported: 2, ..Report::default() });
    let users = users(&app).await;
    let alice = &users["oAlice"];
    assert_eq!((alice["name"].as_str(), alice["avatar"].as_str()), ("爱丽丝", "https://a.example/1.png"));
    assert_eq!(alice["created_at"], "1614805567891");
    assert_eq!((alice["appid"].as_str(), alice["country_code"].as_str()), (APP_ID, "86"));
    let keyring = Keyring::parse(KEYRING).expect("a keyring");
    let sealed = SealedPhone {
        number: alice["phone"].clone(),
        country_code: alice["country_code"].clone(),
        at: Timestamp::from_millis(0),
    };
    let phone = sealed.open(&keyring, (APP_ID, "oAlice")).expect("a sealed phone");
    assert_eq!(phone.expose_secret(), "13912345678");
    assert!(!users["oBob"].contains_key("phone") && !users["oBob"].contains_key("name"));
}

#[test]
fn the_command_reads_the_table_of_erasures_that_it_is_given() {
    let config = tools::stack::config("users", Some("erasures")).expect("a configuration");
    assert_eq!((config.users_table.as_str(), config.erasures_table.as_deref()), ("users", Some("erasures")));
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let app = TestApp::start().await;
    assert_eq!(import_into(&app, CSV, true).await.imported, 2);
    assert_eq!(users(&app).await.len(), 0);
}

#[tokio::test]
async fn users_who_exist_are_left_alone() {
    let app = TestApp::start().await;
    app.log_in("oBob").await;
    let before = users(&app).await;
    let report = import_into(&app, CSV, false).await;
    assert_eq!((report.imported, report.existing), (1, 1));
    assert_eq!(users(&app).await["oBob"], before["oBob"]);
}

#[tokio::test]
async fn a_user_who_was_erased_here_is_not_imported_again() {
    let app = TestApp::start().await;
    import_into(&app, CSV, false).await;
    let token = app.log_in("oAlice").await;
    assert_eq!(app.call(&token, "DELETE", "/user", &serde_json::Value::Null).await.outcome(), "ok");
    let report = import_into(&app, CSV, false).await;
    assert_eq!((report.imported, report.existing, report.erased), (0, 1, 1));
}

#[tokio::test]
async fn a_country_code_before_a_number_is_taken_off() {
    for phone in ["13912345678", "+8613912345678", "008613912345678", "8613912345678"] {
        let app = TestApp::start().await;
        import_into(&app, &format!("openid,phone\noAlice,{phone}\n"), false).await;
        let token = app.log_in("oAlice").await;
        let user = app.call(&token, "GET", "/user", &serde_json::Value::Null).await;
        assert_eq!((user.data("phone"), user.data("countryCode")), ("13912345678".into(), "86".into()), "{phone}");
    }
}

#[tokio::test]
async fn an_imported_user_logs_in_as_the_same_user() {
    let app = TestApp::start().await;
    import_into(&app, CSV, false).await;
    let before = users(&app).await;
    app.log_in("oAlice").await;
    let after = users(&app).await;
    for name in ["id", "created_at", "name", "phone"] {
        assert_eq!(after["oAlice"][name], before["oAlice"][name], "{name}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_by_line_and_the_rest_is_imported() {
    let app = TestApp::start().await;
    let csv = "openid,name,avatar,phone,created_at\n\
               ,,,,\n\
               o 2,,,,\n\
               o3,a\u{7}b,,,\n\
               o4,,http://plain.example/1.png,,\n\
               o5,,,12-x,\n\
               o6,,,,yesterday\n\
               o7,too,many,columns,here,1\n\
               o8,Ada,,,\n";
    let report = import_into(&app, csv, false).await;
    assert_eq!((report.imported, report.wrong.len()), (1, 7), "{report:?}");
    let lines: Vec<&str> = report.wrong.iter().map(|wrong| wrong.split(':').next().unwrap_or_default()).collect();
    assert_eq!(lines, ["line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8"]);
}

#[tokio::test]
async fn a_file_without_openid_is_refused() {
    let app = TestApp::start().await;
    let store = Store::new(&app.aws.patient_sdk(), &app.config);
    let keyring = Keyring::parse(KEYRING).expect("a keyring");
    assert!(import("name\nAda\n".as_bytes(), &store, &keyring, APP_ID, false).await.is_err());
}
