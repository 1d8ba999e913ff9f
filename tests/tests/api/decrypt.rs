//! What `POST /decrypt` takes and answers, by the HTTP contract.

use miniprogram::Config;
use serde_json::{Value, json};
use std::time::Duration;
use tools::app::{Answer, TestApp, WECHAT_SECRET_ID, assert_outcome};
use tools::fakes::wechat::ClientData;

/// A back end where Alice is logged in, her token, and something that her client encrypted.
async fn with_alices_data() -> (TestApp, String, ClientData) {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let data = app.wechat.client_data("oAlice", &json!({"stepInfoList": [{"timestamp": 1, "step": 100}]}));
    (app, token, data)
}

async fn decrypt(app: &TestApp, token: &str, body: &Value) -> Answer {
    app.call(token, "POST", "/decrypt", body).await
}

fn changed(data: &ClientData, field: &str, value: impl Into<Value>) -> Value {
    let mut body = data.json();
    body[field] = value.into();
    body
}

#[tokio::test]
async fn what_the_client_encrypted_is_opened() {
    let (app, token, data) = with_alices_data().await;
    let answer = decrypt(&app, &token, &data.json()).await;
    assert_outcome(&answer, 200, "ok");
    assert_eq!(answer.body["data"]["stepInfoList"][0]["step"], 100);
    assert_eq!(answer.body["data"]["watermark"]["appid"], tools::app::APP_ID);
}

#[tokio::test]
async fn raw_data_and_signature_are_not_needed() {
    let (app, token, data) = with_alices_data().await;
    let body = json!({"encryptedData": data.encrypted_data, "iv": data.iv});
    assert_outcome(&decrypt(&app, &token, &body).await, 200, "ok");
}

#[tokio::test]
async fn a_field_that_must_be_there_is_missing() {
    let (app, token, data) = with_alices_data().await;
    for field in ["encryptedData", "iv", "rawData", "signature"] {
        for nothing in [Value::Null, "".into()] {
            assert_outcome(&decrypt(&app, &token, &changed(&data, field, nothing)).await, 400, "missing_parameter");
        }
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_one_is_malformed() {
    let (app, token, data) = with_alices_data().await;
    for (field, value) in [
        ("encryptedData", json!("####")),
        ("encryptedData", json!("AAAA")),
        ("encryptedData", json!(5)),
        ("iv", json!("AAAA")),
        ("iv", json!({})),
        ("rawData", json!({"a": 1})),
    ] {
        let answer = decrypt(&app, &token, &changed(&data, field, value)).await;
        assert_outcome(&answer, 400, "malformed_request");
    }
}

#[tokio::test]
async fn data_that_is_too_old_must_be_fetched_again() {
    let (app, token, data) = with_alices_data().await;
    let app = app.with_config(Config { decrypt_max_age: Some(Duration::from_secs(600)), ..app.config.clone() });
    app.clock.advance(Duration::from_secs(599));
    assert_outcome(&decrypt(&app, &token, &data.json()).await, 200, "ok");
    app.clock.advance(Duration::from_secs(2));
    assert_outcome(&decrypt(&app, &token, &data.json()).await, 409, "session_key_stale");
}

#[tokio::test]
async fn a_signature_that_does_not_fit_means_a_stale_key() {
    let (app, token, data) = with_alices_data().await;
    let answer = decrypt(&app, &token, &changed(&data, "rawData", "{\"step\":10000}")).await;
    assert_outcome(&answer, 409, "session_key_stale");
    assert_eq!(
        (answer.body["code"].clone(), answer.body["msg"].clone()),
        (409.into(), "登录态已过期，请重新登录".into())
    );
}

#[tokio::test]
async fn a_key_that_wechat_has_replaced_is_stale_until_the_next_login() {
    let (app, token, _) = with_alices_data().await;
    let newer = app.log_in("oAlice").await;
    let data = app.wechat.client_data("oAlice", &json!({"step": 1}));
    let body = json!({"encryptedData": data.encrypted_data, "iv": data.iv});
    assert_outcome(&decrypt(&app, &token, &body).await, 409, "session_key_stale");
    assert_outcome(&decrypt(&app, &newer, &body).await, 200, "ok");
}

#[tokio::test]
async fn data_of_another_user_does_not_open() {
    let (app, _, data) = with_alices_data().await;
    let bob = app.log_in("oBob").await;
    assert_outcome(&decrypt(&app, &bob, &data.json()).await, 409, "session_key_stale");
}

#[tokio::test]
async fn data_of_another_mini_program_is_a_mismatch() {
    let (app, token, _) = with_alices_data().await;
    let data = app.wechat.watermarked("oAlice", &json!({"step": 1}), &json!({"timestamp": 1, "appid": "wxother"}));
    assert_outcome(&decrypt(&app, &token, &data.json()).await, 403, "code_mismatch");
}

#[tokio::test]
async fn what_opens_but_is_no_object_with_a_watermark_is_stale() {
    let (app, token, _) = with_alices_data().await;
    for plain in ["", "[]", "{}", "5", "{\"watermark\":{}}", "{\"watermark\":{\"appid\":5}}", "\u{0}"] {
        let (data, iv) = app.wechat.encrypted("oAlice", plain.as_bytes());
        let answer = decrypt(&app, &token, &json!({"encryptedData": data, "iv": iv})).await;
        assert_outcome(&answer, 409, "session_key_stale");
    }
}

#[tokio::test]
async fn a_body_may_have_64_kib_here() {
    let (app, token, _) = with_alices_data().await;
    // In base64 a third more, and raw data as text besides.
    let data = app.wechat.client_data("oAlice", &json!({"pad": "a".repeat(27_000)}));
    assert!((60_000..65_536).contains(&data.json().to_string().len()), "{}", data.json().to_string().len());
    assert_outcome(&decrypt(&app, &token, &data.json()).await, 200, "ok");
    let answer = decrypt(&app, &token, &changed(&data, "pad", "a".repeat(6_000))).await;
    assert_outcome(&answer, 413, "body_too_large");
}

#[tokio::test]
async fn without_a_live_session_nothing_is_opened() {
    let (app, token, data) = with_alices_data().await;
    app.call(&token, "POST", "/logout", &Value::Null).await;
    for token in [token.as_str(), "", "0123456789abcdef0123456789abcdef"] {
        assert_outcome(&decrypt(&app, token, &data.json()).await, 401, "unauthorized");
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_allow() {
    let (app, token, _) = with_alices_data().await;
    let answer = app.call(&token, "GET", "/decrypt", &Value::Null).await;
    assert_outcome(&answer, 405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "POST");
}

#[tokio::test]
async fn opening_is_one_read_and_needs_no_secret_but_the_keyring() {
    let (app, token, data) = with_alices_data().await;
    app.aws.delete_secret(WECHAT_SECRET_ID);
    let app = app.another_instance();
    assert_outcome(&decrypt(&app, &token, &data.json()).await, 200, "ok");
    app.aws.forget_calls();
    assert_outcome(&decrypt(&app, &token, &data.json()).await, 200, "ok");
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem"]);
}
