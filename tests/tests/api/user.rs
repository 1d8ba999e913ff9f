//! What `/user` takes and answers, by the HTTP contract, and what it stores.

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use tools::app::{KEYRING, TestApp, assert_outcome};
use tools::fakes::aws::scan;
use tools::fakes::wechat::LoginCode;

/// A back end where Alice is logged in: it and her token.
async fn with_alice() -> (TestApp, String) {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    (app, token)
}

#[tokio::test]
async fn a_new_user_is_known_by_openid_and_time_only() {
    let (app, token) = with_alice().await;
    let answer = app.call(&token, "GET", "/user", &Value::Null).await;
    let data = &answer.body["data"];
    let expected = json!({
        "openid": "oAlice", "unionid": null, "name": null, "avatar": null, "phone": null, "countryCode": null,
        "created_at": data["created_at"],
    });
    assert_eq!((answer.outcome(), data), ("ok", &expected));
    assert!(data["created_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{data}");
}

#[tokio::test]
async fn all_that_is_stored_of_a_user_is_read() {
    let app = TestApp::start().await;
    let code =
        app.wechat.issue(LoginCode { openid: "oAlice".into(), unionid: Some("uAlice".into()), ..LoginCode::default() });
    let token = app.login(&code).await.data("token");
    app.phone(&token, &app.wechat.phone_code("oAlice", "13912345678")).await;
    app.call(&token, "PUT", "/user", &json!({"name": "小明", "avatar": "https://a.example/1.png"})).await;
    let answer = app.call(&token, "GET", "/user", &Value::Null).await;
    for (name, value) in [
        ("openid", "oAlice"),
        ("unionid", "uAlice"),
        ("name", "小明"),
        ("avatar", "https://a.example/1.png"),
        ("phone", "13912345678"),
        ("countryCode", "86"),
    ] {
        assert_eq!(answer.data(name), value);
    }
}

#[tokio::test]
async fn a_change_answers_with_the_user_as_changed() {
    let (app, token) = with_alice().await;
    let put = app.call(&token, "PUT", "/user", &json!({"name": " Alice "})).await;
    let get = app.call(&token, "GET", "/user", &Value::Null).await;
    assert_eq!(put.data("name"), "Alice");
    assert_eq!(put.body, get.body);
}

#[tokio::test]
async fn what_a_change_leaves_out_stays_as_it_is() {
    let (app, token) = with_alice().await;
    app.call(&token, "PUT", "/user", &json!({"name": "Alice", "avatar": "https://a.example/1.png"})).await;
    app.call(&token, "PUT", "/user", &json!({"name": "Al", "avatar": null})).await;
    let answer = app.call(&token, "PUT", "/user", &json!({"avatar": "https://a.example/2.png"})).await;
    assert_eq!((answer.data("name").as_str(), answer.data("avatar").as_str()), ("Al", "https://a.example/2.png"));
}

#[tokio::test]
async fn a_field_out_of_bounds_is_invalid_and_changes_nothing() {
    let (app, token) = with_alice().await;
    let before = app.call(&token, "PUT", "/user", &json!({"name": "Alice", "avatar": "https://a.example/1.png"})).await;
    for body in [
        json!({"name": ""}),
        json!({"name": " "}),
        json!({"name": "a".repeat(51)}),
        json!({"name": "a\nb"}),
        json!({"name": 5}),
        json!({"avatar": "http://a.example/1.png"}),
        json!({"avatar": format!("https://a.example/{}", "a".repeat(183))}),
        json!({"avatar": ["https://a.example/1.png"]}),
        json!({"name": "Al", "avatar": ""}),
    ] {
        let answer = app.call(&token, "PUT", "/user", &body).await;
        assert_outcome(&answer, 400, "invalid_field");
        assert_eq!((answer.body["code"].clone(), answer.body["msg"].clone()), (400.into(), "字段不合法".into()));
    }
    assert_eq!(app.call(&token, "GET", "/user", &Value::Null).await.body, before.body);
}

#[tokio::test]
async fn a_change_of_nothing_lacks_a_parameter() {
    let (app, token) = with_alice().await;
    for body in [Value::Null, json!({}), json!({"name": null}), json!({"phone": "13912345678", "openid": "oBob"})] {
        assert_outcome(&app.call(&token, "PUT", "/user", &body).await, 400, "missing_parameter");
    }
}

#[tokio::test]
async fn a_form_changes_a_user_too() {
    let (app, token) = with_alice().await;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).expect("a value"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let answer = app.request("PUT", "/user", &headers, b"name=%E5%B0%8F%E6%98%8E").await;
    assert_eq!(answer.data("name"), "小明");
    let answer = app.request("PUT", "/user", &headers, b"name=%D0%A1%C3%F7").await;
    assert_eq!(answer.outcome(), "malformed_request", "GBK is no UTF-8");
}

#[tokio::test]
async fn without_a_live_session_nothing_is_read_changed_or_erased() {
    let (app, token) = with_alice().await;
    let other = app.log_in("oAlice").await;
    app.call(&other, "POST", "/logout", &json!({"all": true})).await;
    let change = json!({"name": "Mallory"});
    for wrong in [token.as_str(), "", "0123456789abcdef0123456789abcdef", &token.to_uppercase()] {
        for (method, path, body) in [
            ("GET", "/user", &Value::Null),
            ("PUT", "/user", &change),
            ("DELETE", "/user", &Value::Null),
            ("POST", "/logout", &Value::Null),
        ] {
            assert_outcome(&app.call(wrong, method, path, body).await, 401, "unauthorized");
        }
    }
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    assert!(users.len() == 1 && !users[0].contains_key("name"), "{users:?}");
}

#[tokio::test]
async fn other_methods_are_refused_with_what_is_allowed() {
    let (app, token) = with_alice().await;
    for (method, path, allow) in [
        ("POST", "/user", "GET, PUT, DELETE"),
        ("PATCH", "/user", "GET, PUT, DELETE"),
        ("GET", "/logout", "POST"),
        ("DELETE", "/logout", "POST"),
    ] {
        let answer = app.call(&token, method, path, &Value::Null).await;
        assert_outcome(&answer, 405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], allow, "{method} {path}");
    }
}

#[tokio::test]
async fn a_logout_behind_a_stage_or_a_base_path_is_one() {
    let (app, token) = with_alice().await;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).expect("a value"));
    let event = tools::fakes::gateway::event("POST", "/v1/prod/logout/", &headers, b"");
    assert_outcome(&app.invoke("/logout", event).await, 200, "ok");
    assert_outcome(&app.call(&token, "GET", "/user", &Value::Null).await, 401, "unauthorized");
}

#[tokio::test]
async fn reading_is_two_reads_and_changing_one_read_and_one_write() {
    let (app, token) = with_alice().await;
    app.aws.forget_calls();
    app.call(&token, "GET", "/user", &Value::Null).await;
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem", "DynamoDb.GetItem"]);
    app.aws.forget_calls();
    app.call(&token, "PUT", "/user", &json!({"name": "Alice"})).await;
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem", "DynamoDb.UpdateItem"]);
}

#[tokio::test]
async fn a_number_that_does_not_open_is_left_out_and_the_rest_is_there() {
    let (app, token) = with_alice().await;
    app.phone(&token, &app.wechat.phone_code("oAlice", "13912345678")).await;
    app.aws.put_secret(tools::app::KEY_SECRET_ID, &KEYRING.replace("k1", "k2"));
    let answer = app.another_instance().call(&token, "GET", "/user", &Value::Null).await;
    assert_outcome(&answer, 200, "ok");
    assert_eq!((&answer.body["data"]["phone"], answer.data("openid")), (&Value::Null, "oAlice".to_owned()));
}

#[tokio::test]
async fn a_user_needs_no_secret_but_the_keyring() {
    let (app, token) = with_alice().await;
    app.phone(&token, &app.wechat.phone_code("oAlice", "13912345678")).await;
    app.aws.delete_secret(tools::app::WECHAT_SECRET_ID);
    assert_outcome(&app.another_instance().call(&token, "GET", "/user", &Value::Null).await, 200, "ok");
}

/// Alice's user is taken away behind the functions' back, and made anew; her old session's item is still there.
async fn made_anew(app: &TestApp) {
    let gone = app.dynamodb().delete_item().table_name(&app.tables.users);
    gone.key("user_hash", TestApp::user_key("oAlice")).send().await.expect("a deletion");
    app.log_in("oAlice").await;
}

#[tokio::test]
async fn a_session_reads_no_user_who_was_made_anew_meanwhile() {
    let (app, token) = with_alice().await;
    made_anew(&app).await;
    assert_outcome(&app.call(&token, "GET", "/user", &Value::Null).await, 401, "unauthorized");
}

#[tokio::test]
async fn a_session_changes_no_user_who_was_made_anew_meanwhile() {
    let (app, token) = with_alice().await;
    made_anew(&app).await;
    assert_outcome(&app.call(&token, "PUT", "/user", &json!({"name": "Alice"})).await, 401, "unauthorized");
    assert!(!scan(&app.dynamodb(), &app.tables.users).await[0].contains_key("name"));
}

#[tokio::test]
async fn a_session_erases_no_user_who_was_made_anew_meanwhile() {
    let (app, token) = with_alice().await;
    made_anew(&app).await;
    assert_outcome(&app.call(&token, "DELETE", "/user", &Value::Null).await, 401, "unauthorized");
    assert_eq!(scan(&app.dynamodb(), &app.tables.users).await.len(), 1);
}

#[tokio::test]
async fn a_logout_of_a_user_who_is_gone_makes_nobody() {
    let (app, token) = with_alice().await;
    let gone = app.dynamodb().delete_item().table_name(&app.tables.users);
    gone.key("user_hash", TestApp::user_key("oAlice")).send().await.expect("a deletion");
    assert_outcome(&app.call(&token, "POST", "/logout", &Value::Null).await, 200, "ok");
    assert_eq!(scan(&app.dynamodb(), &app.tables.users).await.len(), 0);
}

#[tokio::test]
async fn a_session_whose_user_is_gone_ends_with_any_logout() {
    for (method, path, body) in
        [("POST", "/logout", Value::Null), ("POST", "/logout", json!({"all": true})), ("DELETE", "/user", Value::Null)]
    {
        let (app, token) = with_alice().await;
        made_anew(&app).await;
        app.call(&token, method, path, &body).await;
        let event = json!({"version": "2.0", "headers": {"authorization": format!("Bearer {token}")}});
        assert_eq!(app.authorize(event).await, Ok(json!({"isAuthorized": false})), "{method} {path} {body}");
    }
}
