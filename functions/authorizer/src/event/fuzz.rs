//! Fuzzing of authorizer events: nothing panics, a token is one that the caller presented, and a refusal refuses.

use super::Event;
use miniprogram::clock::Timestamp;
use miniprogram::session::Session;
use mutations::fuzz;
use serde_json::{Value, json};

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("../../../../events/authorizer.json"),
    include_bytes!("../../../../events/authorizer-token.json"),
    br#"{"type":"REQUEST","methodArn":"arn:aws:execute-api:ap-east-1:000000000000:abcdefghij/prod/GET/example",
        "headers":{"Authorization":"Bearer 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a","Accept":"*/*"}}"#,
    br#"{"version":"2.0","headers":{"authorization":"Bearer 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"}}"#,
];

/// Returns whether a response lets the request pass, in one form or the other.
fn passes(answer: &Value) -> bool {
    let statement = &answer["policyDocument"]["Statement"][0];
    let simple = answer["isAuthorized"].as_bool();
    let policy = statement["Effect"].as_str().map(|effect| effect == "Allow");
    assert!(simple.is_some() != policy.is_some(), "one form: {answer}");
    if policy.is_some() {
        let resource = statement["Resource"].as_str().unwrap();
        assert!(resource == "*" || (resource.starts_with("arn:") && resource.ends_with("/*")), "{resource}");
    }
    simple.or(policy).unwrap()
}

#[test]
fn a_token_is_one_that_was_presented_and_a_refusal_refuses() {
    let time = Timestamp::from_seconds(1_700_000_000);
    let session = Session {
        openid: "o1".to_owned(),
        unionid: None,
        appid: "wx".to_owned(),
        session_key: String::new(),
        created_at: time,
        expires_at: time,
    };
    fuzz("authorizer event", &SAMPLES, |bytes| {
        let Ok(event) = serde_json::from_slice::<Event>(bytes) else { return false };
        assert!(!passes(&json!(event.deny())));
        let answer = json!(event.allow(&session));
        if passes(&answer) {
            assert_ne!(answer["policyDocument"]["Statement"][0]["Resource"], "*");
            assert_eq!(answer["context"], json!({"openid": "o1", "expires_at": 1_700_000_000}));
        } else {
            assert_eq!(answer, json!(event.deny()));
        }
        let Some(token) = event.token() else { return false };
        // Where no field of ours is, the event may hold what is no JSON to others.
        let Ok(seen) = serde_json::from_slice::<Value>(bytes) else { return true };
        let headers = seen["headers"].as_object().into_iter().flatten();
        let mut presented = headers.map(|(_, value)| value).chain([&seen["authorizationToken"]]);
        assert!(presented.any(|text| text.as_str().is_some_and(|text| text.contains(token.expose()))));
        true
    });
}
