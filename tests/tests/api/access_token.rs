//! The server's own access token: kept, shared, renewed, refused, replaced by force.

use futures_util::future::join_all;
use miniprogram::Scope;
use miniprogram::deadline::Deadline;
use miniprogram::store::{Claim, Store};
use std::time::Duration;
use tools::app::{APP_ID, Answer, TestApp};
use tools::fakes::aws::{Mood, Service};
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::fakes::wechat::{Fault, Revoked};

const PHONE: &str = "/wxa/business/getuserphonenumber";
const STABLE_TOKEN: &str = "/cgi-bin/stable_token";

/// `POST /phone` with a fresh code.
async fn phone(app: &TestApp, token: &str) -> Answer {
    app.phone(token, &app.wechat.phone_code("oAlice", "13912345678")).await
}

/// A back end whose access token is in use, and Alice's token.
async fn in_use() -> (TestApp, String) {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    (app, token)
}

/// Waits for something to come about.
async fn until(there: impl Fn() -> bool) {
    while !there() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn login_needs_no_access_token() {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 0);
}

#[tokio::test]
async fn instances_share_one_token() {
    let (app, token) = in_use().await;
    for _ in 0..3 {
        assert_eq!(phone(&app.another_instance(), &token).await.outcome(), "ok");
    }
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_without_a_refused_call() {
    let (app, token) = in_use().await;
    app.clock.advance(Duration::from_secs(7200 - 59));
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 2);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!((app.wechat.calls(STABLE_TOKEN), app.wechat.calls(PHONE)), (2, 3));
}

#[tokio::test]
async fn a_token_is_not_renewed_early() {
    let (app, token) = in_use().await;
    app.clock.advance(Duration::from_secs(7200 - 300));
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 1);
}

#[tokio::test]
async fn a_token_that_another_instance_renewed_is_taken_from_the_table() {
    let (app, token) = in_use().await;
    let other = app.another_instance();
    assert_eq!(phone(&other, &token).await.outcome(), "ok");
    app.clock.advance(Duration::from_secs(7200 - 59));
    for instance in [&app, &other] {
        assert_eq!(phone(instance, &token).await.outcome(), "ok");
    }
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_does_not_matter_while_the_old_token_works() {
    let (app, token) = in_use().await;
    app.clock.advance(Duration::from_secs(7200 - 59));
    app.wechat.fail_next(STABLE_TOKEN, [Fault::errcode(-1), Fault::errcode(-1)]);
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
}

#[tokio::test]
async fn a_renewal_that_fails_is_not_tried_again_at_once() {
    let (app, token) = in_use().await;
    app.clock.advance(Duration::from_secs(7200 - 59));
    app.wechat.fail_next(STABLE_TOKEN, [Fault::errcode(40164)]);
    for _ in 0..3 {
        assert_eq!(phone(&app, &token).await.outcome(), "ok");
    }
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 2);
    app.clock.advance(Duration::from_secs(15));
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 3);
}

#[tokio::test]
async fn a_number_is_stored_while_a_renewal_is_under_way() {
    let (app, token) = in_use().await;
    app.clock.advance(Duration::from_secs(7200 - 59));
    app.wechat.fail_next(STABLE_TOKEN, [Fault::Slow(Duration::from_secs(5))]);
    app.aws.forget_calls();
    let stored = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        app.aws.calls().contains(&"DynamoDb.UpdateItem".to_owned())
    };
    let (answer, stored) = tokio::join!(phone(&app, &token), stored);
    assert_eq!((answer.outcome(), stored), ("ok", true));
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_known_again() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Repeated);
    app.aws.set_mood(Service::DynamoDb, Mood::LosingOneWrite);
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.forced_refreshes(), 1);
}

#[tokio::test]
async fn of_claims_made_in_one_millisecond_one_is_granted() {
    let app = TestApp::start().await;
    let store = Store::new(&app.aws.sdk("phone", 1), &app.config);
    let scope = Scope::until(Deadline::of_invocation(FUNCTION_TIMEOUT));
    let now = app.clock.now();
    let claims = join_all((0..8).map(|_| store.claim_forced_refresh(APP_ID, now, &scope))).await;
    let granted = claims.into_iter().filter(|claim| *claim == Ok(Claim::Granted));
    assert_eq!(granted.count(), 1);
}

#[tokio::test]
async fn a_token_that_has_ended_is_replaced_before_the_call() {
    let (app, token) = in_use().await;
    app.clock.advance(Duration::from_secs(7200));
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.calls(PHONE), 2);
}

#[tokio::test]
async fn a_token_that_wechat_calls_expired_is_renewed_and_the_call_repeated() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Forgotten);
    app.wechat.fail_next(PHONE, [Fault::errcode(42001)]);
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.forced_refreshes(), 0);
}

#[tokio::test]
async fn a_revoked_token_is_renewed_and_the_call_repeated() {
    for errcode in [40001, 40014, 41001] {
        let (app, token) = in_use().await;
        app.wechat.revoke_access_token(Revoked::Forgotten);
        app.wechat.fail_next(PHONE, [Fault::errcode(errcode)]);
        assert_eq!(phone(&app, &token).await.outcome(), "ok", "{errcode}");
        assert_eq!((app.wechat.calls(STABLE_TOKEN), app.wechat.forced_refreshes()), (2, 0), "{errcode}");
    }
}

#[tokio::test]
async fn a_token_that_another_instance_replaced_is_taken_from_the_table() {
    let (app, token) = in_use().await;
    let other = app.another_instance();
    assert_eq!(phone(&other, &token).await.outcome(), "ok");
    app.wechat.revoke_access_token(Revoked::Forgotten);
    for instance in [&app, &other] {
        assert_eq!(phone(instance, &token).await.outcome(), "ok");
    }
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 2);
}

#[tokio::test]
async fn a_refused_token_that_normal_mode_repeats_is_replaced_by_force_once() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Repeated);
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.forced_refreshes(), 1);
}

#[tokio::test]
async fn a_token_is_not_replaced_by_force_when_it_is_called_expired() {
    let (app, token) = in_use().await;
    app.wechat.fail_next(PHONE, [Fault::errcode(42001)]);
    assert_eq!(phone(&app, &token).await.outcome(), "wechat_unavailable");
    assert_eq!(app.wechat.forced_refreshes(), 0);
}

#[tokio::test]
async fn a_refused_token_that_normal_mode_repeats_is_not_stored_again() {
    let (app, token) = in_use().await;
    app.wechat.fail_next(PHONE, [Fault::errcode(42001)]);
    app.aws.forget_calls();
    assert_eq!(phone(&app, &token).await.outcome(), "wechat_unavailable");
    assert_eq!(app.wechat.calls(STABLE_TOKEN), 2);
    assert!(!app.aws.calls().contains(&"DynamoDb.UpdateItem".to_owned()), "{:?}", app.aws.calls());
}

#[tokio::test]
async fn a_token_is_not_replaced_by_force_twice_within_thirty_seconds() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Repeated);
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    app.wechat.revoke_access_token(Revoked::Repeated);
    assert_eq!(phone(&app, &token).await.outcome(), "wechat_unavailable");
    assert_eq!(app.wechat.forced_refreshes(), 1);
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
    assert_eq!(app.wechat.forced_refreshes(), 2);
}

#[tokio::test]
async fn a_hundred_callers_survive_a_revoked_token_with_one_replacement_by_force() {
    for how in [Revoked::Forgotten, Revoked::Repeated] {
        let (app, token) = in_use().await;
        let other = app.another_instance();
        assert_eq!(phone(&other, &token).await.outcome(), "ok");
        app.wechat.revoke_access_token(how);
        let callers = (0..100).map(|caller| phone(if caller % 2 == 0 { &app } else { &other }, &token));
        for answer in join_all(callers).await {
            assert_eq!(answer.outcome(), "ok", "{how:?}: {answer:?}");
        }
        assert_eq!(app.wechat.forced_refreshes(), usize::from(how == Revoked::Repeated));
    }
}

#[tokio::test]
async fn a_replacement_by_force_is_waited_for_as_long_as_wechat_may_take() {
    let (app, token) = in_use().await;
    let other = app.another_instance();
    assert_eq!(phone(&other, &token).await.outcome(), "ok");
    app.wechat.revoke_access_token(Revoked::Repeated);
    let together = Fault::Slow(Duration::from_millis(300));
    app.wechat.fail_next(STABLE_TOKEN, [together.clone(), together, Fault::Slow(Duration::from_secs(3))]);
    let (one, two) = tokio::join!(phone(&app, &token), phone(&other, &token));
    assert_eq!((one.outcome(), two.outcome(), app.wechat.forced_refreshes()), ("ok", "ok", 1));
}

#[tokio::test]
async fn a_replacement_by_force_that_never_reached_the_table_is_had_from_wechat() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Repeated);
    let (one, two) = (app.another_instance(), app.another_instance());
    let seconds = Duration::from_secs;
    // Both are told the refused token; one claims the replacement, and is gone when WeChat has made it.
    app.wechat.fail_next(STABLE_TOKEN, [Duration::from_millis(300), seconds(1), seconds(9)].map(Fault::Slow));
    let gone = async {
        tokio::select! {
            _ = phone(&one, &token) => panic!("it is not gone"),
            () = until(|| app.wechat.forced_refreshes() == 1) => {}
        }
    };
    let later = async {
        until(|| app.wechat.calls(STABLE_TOKEN) == 2).await;
        phone(&two, &token).await
    };
    let ((), answer) = tokio::join!(gone, later);
    assert_eq!((answer.outcome(), app.wechat.forced_refreshes()), ("ok", 1));
}

#[tokio::test]
async fn a_code_that_may_have_been_spent_with_a_refused_token_is_unknown_and_not_invalid() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Forgotten);
    app.wechat.fail_next(PHONE, [Fault::errcode(40001), Fault::errcode(40029)]);
    let answer = phone(&app, &token).await;
    assert_eq!((answer.status, answer.outcome()), (502, "wechat_unavailable"));
}

#[tokio::test]
async fn a_token_that_stays_refused_is_tried_twice() {
    let (app, token) = in_use().await;
    app.wechat.revoke_access_token(Revoked::Forgotten);
    app.wechat.fail_next(PHONE, [Fault::errcode(40001), Fault::errcode(40001)]);
    assert_eq!(phone(&app, &token).await.outcome(), "wechat_unavailable");
    assert_eq!(app.wechat.calls(PHONE), 3);
}

#[tokio::test]
async fn what_wechat_says_about_the_token_becomes_the_contracts_reply() {
    for (fault, error) in [
        (Fault::errcode(40164), "misconfigured"),
        (Fault::errcode(40243), "misconfigured"),
        (Fault::errcode(89503), "misconfigured"),
        (Fault::errcode(40013), "misconfigured"),
        // WeChat's other token call gives this for a wrong AppSecret.
        (Fault::errcode(40001), "misconfigured"),
        (Fault::errcode(45011), "rate_limited"),
        (Fault::errcode(45009), "rate_limited"),
        (Fault::body(r#"{"access_token":"","expires_in":7200}"#), "wechat_unavailable"),
        (Fault::body("<html>"), "wechat_unavailable"),
    ] {
        let app = TestApp::start().await;
        let token = app.log_in("oAlice").await;
        app.wechat.fail_next(STABLE_TOKEN, [fault.clone()]);
        assert_eq!(phone(&app, &token).await.outcome(), error, "{fault:?}");
        assert_eq!(app.wechat.calls(PHONE), 0, "the code is not spent");
    }
}

#[tokio::test]
async fn a_new_app_secret_serves_the_token_too() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    app.wechat.change_app_secret("a-new-app-secret");
    let secret = serde_json::json!({"AppId": tools::app::APP_ID, "AppSecret": "a-new-app-secret"});
    app.aws.put_secret(tools::app::WECHAT_SECRET_ID, &secret.to_string());
    assert_eq!(phone(&app, &token).await.outcome(), "ok");
}

#[tokio::test]
async fn a_table_of_access_tokens_that_is_not_there_is_misconfigured() {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let lost = miniprogram::Config { access_tokens_table: "nowhere".into(), ..app.config.clone() };
    assert_eq!(phone(&app.with_config(lost), &token).await.outcome(), "misconfigured");
}
