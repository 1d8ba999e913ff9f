//! `--devtools`: codes that nobody issued.

use super::Local;
use serde_json::{Value, json};
use tools::fakes::wechat::{DEVTOOLS_OPENID, DEVTOOLS_PHONE};

/// What `wx.login` gives in DevTools without an AppId of one's own, every time.
const MOCK: &str = "the code is a mock one";

/// Logs in with this code: the token, and whose it is.
async fn log_in(local: &Local, code: &str) -> (String, String) {
    let (status, body) = local.call("POST", "/login", "", &json!({"code": code})).await;
    assert_eq!(status, 200, "{body}");
    let text = |name: &str| body["data"][name].as_str().expect("a text").to_owned();
    (text("token"), text("openid"))
}

#[tokio::test]
async fn the_one_code_of_devtools_logs_in_again_and_again() {
    let local = Local::start(&["--devtools"]).await;
    let (first, openid) = log_in(&local, MOCK).await;
    assert_eq!(openid, DEVTOOLS_OPENID);
    // A repetition, as after a lost response.
    assert_eq!(log_in(&local, MOCK).await.0, first);
    let mut last = first;
    for (method, path) in [("POST", "/logout"), ("DELETE", "/user")] {
        assert_eq!(local.call(method, path, &last, &Value::Null).await.0, 200, "{path}");
        // For a second after an erasure logins are refused.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let (next, _) = log_in(&local, MOCK).await;
        assert_ne!(next, last, "{path}");
        last = next;
    }
}

#[tokio::test]
async fn every_phone_code_gives_the_number_of_devtools() {
    let local = Local::start(&["--devtools"]).await;
    let (token, _) = log_in(&local, MOCK).await;
    for code in ["invented", "invented", "another"] {
        let (status, body) = local.call("POST", "/phone", &token, &json!({"code": code})).await;
        assert_eq!((status, &body["data"]["phone"]), (200, &json!(DEVTOOLS_PHONE)), "{code}");
    }
}

#[tokio::test]
async fn the_user_of_devtools_can_be_changed() {
    let local = Local::start(&["--devtools=oBob"]).await;
    let (token, openid) = log_in(&local, MOCK).await;
    assert_eq!(openid, "oBob");
    local.call("POST", "/logout", &token, &Value::Null).await;
    assert_eq!(local.control("/_control/devtools", &json!({"openid": "oCarol"})).await.status(), 204);
    assert_eq!(log_in(&local, MOCK).await.1, "oCarol");
    assert_eq!(local.control("/_control/devtools", &json!({})).await.status(), 400);
}

#[tokio::test]
async fn an_issued_code_is_that_users_all_the_same() {
    let local = Local::start(&["--devtools"]).await;
    let issued = local.control("/_control/login-codes", &json!({"openid": "oAlice"})).await;
    let issued: Value = issued.json().await.expect("JSON");
    assert_eq!(log_in(&local, issued["code"].as_str().expect("a code")).await.1, "oAlice");
}

#[tokio::test]
async fn without_the_option_an_invented_code_is_invalid() {
    let local = Local::start(&[]).await;
    assert_eq!(local.call("POST", "/login", "", &json!({"code": MOCK})).await.1["error"], "invalid_code");
}
