//! The authorizer, in each of the forms that API Gateway asks in.

use serde_json::{Value, json};
use tools::app::{TestApp, environment};
use tools::fakes::aws::{Mood, Service};
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::fakes::runtime_api::Instance;
use tools::fakes::wechat::LoginCode;

const ARN: &str = "arn:aws:execute-api:ap-east-1:000000000000:abcdefghij/prod/GET/orders/5";
const EVERY_ROUTE: &str = "arn:aws:execute-api:ap-east-1:000000000000:abcdefghij/prod/*";

/// An HTTP API's question with payload 2.0.
fn simple(header: Option<&str>) -> Value {
    let headers = header.map_or(json!({"host": "x"}), |header| json!({"host": "x", "authorization": header}));
    json!({
        "version": "2.0", "type": "REQUEST", "routeArn": ARN, "identitySource": [header], "routeKey": "GET /orders/{id}",
        "rawPath": "/orders/5", "rawQueryString": "", "headers": headers,
        "requestContext": {"accountId": "000000000000", "apiId": "abcdefghij", "stage": "$default"},
    })
}

/// A REST API's question of a TOKEN authorizer.
fn of_token(header: Option<&str>) -> Value {
    json!({"type": "TOKEN", "methodArn": ARN, "authorizationToken": header})
}

/// A REST API's question of a REQUEST authorizer; an HTTP API's with payload 1.0 looks the same.
fn of_request(header: Option<&str>) -> Value {
    let headers = header.map_or(json!({"Host": "x"}), |header| json!({"Host": "x", "Authorization": header}));
    json!({
        "type": "REQUEST", "methodArn": ARN, "resource": "/orders/{id}", "path": "/orders/5", "httpMethod": "GET",
        "headers": headers, "multiValueHeaders": null, "queryStringParameters": null, "stageVariables": null,
    })
}

/// A question with this `Authorization` header, or without one.
type Form = fn(Option<&str>) -> Value;

const FORMS: [Form; 3] = [simple, of_token, of_request];

fn is_refused(answer: &Value) -> bool {
    let statement = &answer["policyDocument"]["Statement"][0];
    *answer == json!({"isAuthorized": false})
        || (statement["Effect"] == "Deny" && statement["Resource"] == EVERY_ROUTE && answer.get("context").is_none())
}

fn is_allowed(answer: &Value) -> bool {
    answer["isAuthorized"] == true || answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
}

async fn asked(app: &TestApp, form: Form, token: &str) -> Value {
    app.authorize(form(Some(&format!("Bearer {token}")))).await.expect("an answer")
}

#[tokio::test]
async fn an_http_api_learns_who_calls_and_until_when() {
    let app = TestApp::start().await;
    let code = LoginCode { openid: "oAlice".into(), unionid: Some("uAlice".into()), ..LoginCode::default() };
    let before = app.clock.now().seconds();
    let token = app.login(&app.wechat.issue(code)).await.data("token");
    let answer = asked(&app, simple, &token).await;
    let expires_at = answer["context"]["expires_at"].as_u64().expect("a time in seconds");
    let expected = json!({"openid": "oAlice", "unionid": "uAlice", "expires_at": expires_at});
    assert_eq!(answer, json!({"isAuthorized": true, "context": expected}));
    assert!((before..before + 60).contains(&(expires_at - 2_592_000)), "{expires_at}");
}

#[tokio::test]
async fn a_rest_api_gets_a_policy_for_every_route_of_the_stage() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    for form in [of_token, of_request] {
        let answer = asked(&app, form, &token).await;
        assert_eq!(answer["principalId"], "oAlice");
        let statement = json!([{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": EVERY_ROUTE}]);
        assert_eq!(answer["policyDocument"], json!({"Version": "2012-10-17", "Statement": statement}));
        assert_eq!(answer["context"]["openid"], "oAlice");
    }
}

#[tokio::test]
async fn a_context_holds_no_null() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    for form in FORMS {
        assert_eq!(asked(&app, form, &token).await["context"].get("unionid"), None);
    }
}

#[tokio::test]
async fn a_question_without_a_token_is_refused() {
    let app = TestApp::start().await;
    for form in FORMS {
        assert!(is_refused(&app.authorize(form(None)).await.expect("an answer")));
    }
    assert_eq!(app.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_malformed_token_is_refused_without_a_read() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.aws.forget_calls();
    for form in FORMS {
        for header in ["", "Bearer", "Bearer ", "Bearer short", &token, &format!("Basic {token}")] {
            assert!(is_refused(&app.authorize(form(Some(header))).await.expect("an answer")), "{header}");
        }
        assert!(is_refused(&asked(&app, form, &token.to_uppercase()).await));
    }
    assert_eq!(app.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn only_ascii_blanks_are_trimmed() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    for form in FORMS {
        assert!(is_allowed(&asked(&app, form, &format!(" \t{token} ")).await));
        for blank in ["\u{a0}", "\u{3000}", "\u{2003}", "\u{85}"] {
            assert!(is_refused(&asked(&app, form, &format!("{token}{blank}")).await), "{blank:?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_token_is_refused() {
    let app = TestApp::start().await;
    for form in FORMS {
        assert!(is_refused(&asked(&app, form, "0123456789abcdef0123456789abcdef").await));
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_before_its_item_is_removed() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.clock.advance(miniprogram::config::SESSION_TTL);
    for form in FORMS {
        assert!(is_refused(&asked(&app, form, &token).await));
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let app = TestApp::start().await;
    for (method, path, body) in
        [("POST", "/logout", Value::Null), ("POST", "/logout", json!({"all": true})), ("DELETE", "/user", Value::Null)]
    {
        let token = app.log_in("oAlice").await;
        for form in FORMS {
            assert!(is_allowed(&asked(&app, form, &token).await));
        }
        app.call(&token, method, path, &body).await;
        for form in FORMS {
            assert!(is_refused(&asked(&app, form, &token).await), "{method} {path} {body}");
        }
        app.pass_margin();
    }
}

#[tokio::test]
async fn the_key_of_a_tombstone_is_no_token() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.call(&token, "DELETE", "/user", &Value::Null).await;
    for item in tools::fakes::aws::scan(&app.dynamodb(), &app.tables.sessions).await {
        let key = item["token_hash"].as_s().expect("a key");
        assert!(is_refused(&asked(&app, simple, key).await));
    }
}

#[tokio::test]
async fn it_is_one_read_and_no_write() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.aws.forget_calls();
    asked(&app, simple, &token).await;
    assert_eq!(app.aws.calls(), ["DynamoDb.GetItem"]);
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_neither_allowed_nor_refused() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.aws.set_mood(Service::DynamoDb, Mood::Failing);
    for form in FORMS {
        assert!(app.authorize(form(Some(&format!("Bearer {token}")))).await.is_err());
    }
}

#[tokio::test]
async fn without_a_usable_method_arn_even_a_live_token_is_refused() {
    let app = TestApp::start().await;
    let bearer = format!("Bearer {}", app.log_in("oAlice").await);
    for arn in [
        Value::Null,
        "".into(),
        "arn:aws:x".into(),
        "a/b/c".into(),
        "arn:aws:s3:::bucket/prod/GET/a".into(),
        "arn:aws:execute-api:ap-east-1:000000000000:*/prod/GET/a".into(),
        "arn:aws:execute-api:ap-east-1:000000000000:abcdefghij/*/GET/a".into(),
        "arn:aws:execute-api:ap-east-1:000000000000:abcdefghij//GET/a".into(),
    ] {
        let answer = app.authorize(json!({"type": "TOKEN", "methodArn": arn, "authorizationToken": bearer})).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Deny");
        assert_eq!(answer["policyDocument"]["Statement"][0]["Resource"], "*");
    }
}

#[tokio::test]
async fn the_binary_answers_and_prints_one_line_without_the_token() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    // It needs no secret: none is there.
    app.aws.delete_secret(tools::app::KEY_SECRET_ID);
    app.aws.delete_secret(tools::app::WECHAT_SECRET_ID);
    let instance = Instance::start("authorizer", &environment(&app)).await;
    let answer = instance.invoke(simple(Some(&format!("Bearer {token}"))), FUNCTION_TIMEOUT).await;
    assert_eq!(answer["context"]["openid"], "oAlice");
    let refused = instance.invoke(simple(None), FUNCTION_TIMEOUT).await;
    assert_eq!(refused, json!({"isAuthorized": false}));
    app.aws.set_mood(Service::DynamoDb, Mood::Failing);
    let error = instance.invoke(simple(Some(&format!("Bearer {token}"))), FUNCTION_TIMEOUT).await;
    assert_eq!(error["errorMessage"], "the session cannot be read");
    let printed = instance.stop();
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["route"].as_str(), line["outcome"].as_str())).collect();
    let route = Some("authorizer");
    assert_eq!(told, [(route, Some("ok")), (route, Some("unauthorized")), (route, Some("unavailable"))]);
    assert!(!printed.contains(&token), "{printed}");
}
