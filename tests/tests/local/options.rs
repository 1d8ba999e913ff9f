//! The command line.

use super::Local;
use serde_json::json;
use std::ffi::OsString;
use tools::app::SAMPLE_TOKEN;
use tools::local::{self, Options, USAGE};

fn read(words: &[&str]) -> Result<Option<Options>, String> {
    Options::from_args(["local"].iter().chain(words).map(OsString::from))
}

#[test]
fn every_option_that_cannot_be_understood_is_named() {
    for (words, named) in [
        (&["--chaos", "abc"][..], "--chaos"),
        (&["--chaos", "-1"], "--chaos"),
        (&["--chaos"], "--chaos"),
        (&["--port-base", "70000"], "--port-base"),
        (&["--port-base", "0"], "--port-base"),
        (&["--port-base", "65534"], "--port-base"),
        (&["--port-base", "x"], "--port-base"),
        (&["--data", ""], "--data"),
        (&["--host"], "--host"),
        (&["--devtools="], "--devtools"),
        (&["--devtools=a b"], "--devtools"),
        (&["--cors", "http://localhost:5173/"], "--cors"),
        (&["--cors", "*", "--cors", "http://a"], "--cors"),
        (&["--route", "GET /orders"], "--route"),
        (&["--route", "/orders=http://a/"], "--route"),
        (&["--route", "GET /orders=https://a/"], "--route"),
        (&["--route", "GET /orders=a"], "--route"),
        (&["--route", "GET /a=http://a/", "--route", "GET /a=http://b/"], "--route"),
        (&["--once", "--chaos", "1"], "--chaos"),
        (&["--once", "--stand-ins-only"], "--stand-ins-only"),
        (&["--stand-ins-only", "--cors", "*"], "--cors"),
        (&["--stand-ins-only", "--route", "GET /a=http://a/"], "--route"),
        (&["--no-such-thing"], "--no-such-thing"),
    ] {
        let error = read(words).expect_err("an error");
        assert!(error.contains(named), "{words:?}: {error}");
    }
}

#[test]
fn the_help_names_every_option() {
    assert_eq!(read(&["--help"]), Ok(None));
    for name in ["once", "stand-ins-only", "host", "port-base", "data", "devtools", "route", "cors", "chaos"] {
        assert!(USAGE.contains(&format!("  --{name} ")), "{name}");
    }
}

#[test]
fn options_may_be_combined() {
    let words = ["--devtools", "--cors", "http://a", "--cors", "http://b", "--route", "GET /a/{id}=http://c/d=e"];
    let options = read(&words).expect("options").expect("no help");
    assert!(options.devtools.is_some());
    assert_eq!(options.cors, ["http://a", "http://b"]);
    assert_eq!(options.routes[0].0.to_string(), "GET /a/{id}");
    assert_eq!(options.routes[0].1, "http://c/d=e");
}

#[tokio::test]
async fn a_port_in_use_suggests_others() {
    let taken = tools::listen(0).await.expect("a free port");
    let port = taken.local_addr().expect("an address").port().min(65_533).to_string();
    let options = read(&["--once", "--port-base", &port]).expect("options").expect("no help");
    let error = local::run(&options).await.expect_err("an error");
    assert!(error.contains(&port) && error.contains("--port-base"), "{error}");
}

#[tokio::test]
async fn with_data_a_session_and_its_session_key_outlive_a_restart() {
    let folder = std::env::temp_dir().join(format!("cargo-local-{}", uuid::Uuid::new_v4()));
    let data = folder.to_str().expect("UTF-8");
    let first = Local::start(&["--data", data]).await;
    let code = first.control("/_control/login-codes", &json!({"openid": "oBob"})).await;
    let code: serde_json::Value = code.json().await.expect("JSON");
    let (_, login) = first.call("POST", "/login", "", &code).await;
    let token = login["data"]["token"].as_str().expect("a token").to_owned();
    drop(first);

    let second = Local::start(&["--data", data]).await;
    let steps = json!({"openid": "oBob", "data": {"stepInfoList": []}});
    let encrypted = second.control("/_control/client-data", &steps).await;
    let encrypted: serde_json::Value = encrypted.json().await.expect("JSON");
    let (status, decrypted) = second.call("POST", "/decrypt", &token, &encrypted).await;
    assert_eq!((status, &decrypted["data"]["stepInfoList"]), (200, &json!([])));
    drop(second);
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test]
async fn an_impossible_step_of_the_clock_says_what_is_wrong() {
    let local = Local::start(&[]).await;
    for (step, says) in [
        (json!(-1), "negative"),
        (json!(4_000_000_000_u64), "at most"),
        (json!(1e30), "at most"),
        (json!(1.5), "whole number"),
        (json!("1"), "whole number"),
        (json!(null), "needed"),
    ] {
        let reply = local.control("/_control/clock", &json!({"advance_seconds": step})).await;
        let (status, text) = (reply.status(), reply.text().await.expect("text"));
        assert!(status == 400 && text.contains(says), "{step}: {status} {text}");
    }
    assert_eq!(local.control("/_control/clock", &json!({"advance_seconds": 3600})).await.status(), 204);
    assert_eq!(local.call("GET", "/user", SAMPLE_TOKEN, &json!(null)).await.0, 200);
}
