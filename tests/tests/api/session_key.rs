//! `checkSessionKey` and `resetUserSessionKey`, as the WeChat client speaks them.

use miniprogram::deadline::Deadline;
use miniprogram::wechat::{Error, Kind};
use miniprogram::{App, Scope};
use secrecy::{ExposeSecret, SecretString};
use tools::app::TestApp;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::fakes::wechat::{Fault, Revoked};

/// A back end where Alice is logged in, the App of a function, and her `session_key`.
async fn with_alice() -> (TestApp, App, SecretString) {
    let app = TestApp::start().await;
    app.log_in("oAlice").await;
    let function = App::new(app.config.clone(), &app.aws.sdk("phone", 1), app.clock.for_app());
    let key = app.wechat.session_key("oAlice").expect("a key");
    (app, function, key.into())
}

fn scope() -> Scope {
    Scope::until(Deadline::of_invocation(FUNCTION_TIMEOUT))
}

async fn check(app: &App, openid: &str, key: &SecretString) -> Result<(), Kind> {
    let checked = app.wechat().expect("a client").check_session_key(openid, key, &scope()).await;
    checked.map_err(|error: Error| error.kind)
}

async fn reset(app: &App, key: &SecretString) -> Result<SecretString, Kind> {
    let reset = app.wechat().expect("a client").reset_user_session_key("oAlice", key, &scope()).await;
    reset.map_err(|error| error.kind)
}

#[tokio::test]
async fn a_users_own_key_is_valid() {
    let (_stand_ins, app, key) = with_alice().await;
    assert_eq!(check(&app, "oAlice", &key).await, Ok(()));
}

#[tokio::test]
async fn another_key_or_user_is_told() {
    let (_stand_ins, app, key) = with_alice().await;
    assert_eq!(check(&app, "oAlice", &"another".to_owned().into()).await, Err(Kind::SessionKey));
    assert_eq!(check(&app, "oNobody", &key).await, Err(Kind::SessionKey));
}

#[tokio::test]
async fn a_reset_gives_the_key_that_counts_from_then_on() {
    let (stand_ins, app, key) = with_alice().await;
    let new = reset(&app, &key).await.expect("a key");
    assert_eq!(stand_ins.wechat.session_key("oAlice").as_deref(), Some(new.expose_secret()));
    assert_eq!(check(&app, "oAlice", &new).await, Ok(()));
    assert_eq!(check(&app, "oAlice", &key).await, Err(Kind::SessionKey));
}

#[tokio::test]
async fn a_reset_with_another_key_changes_nothing() {
    let (_stand_ins, app, key) = with_alice().await;
    assert!(reset(&app, &"another".to_owned().into()).await.is_err_and(|kind| kind == Kind::SessionKey));
    assert_eq!(check(&app, "oAlice", &key).await, Ok(()));
}

#[tokio::test]
async fn an_access_token_that_is_refused_is_renewed_first() {
    let (stand_ins, app, key) = with_alice().await;
    assert_eq!(check(&app, "oAlice", &key).await, Ok(()));
    stand_ins.wechat.revoke_access_token(Revoked::Forgotten);
    assert_eq!(check(&app, "oAlice", &key).await, Ok(()));
}

#[tokio::test]
async fn a_reset_without_openid_or_key_is_none() {
    let (stand_ins, app, key) = with_alice().await;
    for body in [
        r#"{"errcode":0}"#,
        r#"{"openid":"oAlice"}"#,
        r#"{"openid":"oBob","session_key":"k"}"#,
        r#"{"openid":"oAlice","session_key":"a b"}"#,
    ] {
        stand_ins.wechat.fail_next("/wxa/resetusersessionkey", [Fault::body(body)]);
        assert!(reset(&app, &key).await.is_err_and(|kind| matches!(kind, Kind::Unavailable(_))), "{body}");
    }
}
