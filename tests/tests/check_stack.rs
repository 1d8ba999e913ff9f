//! `tools/check-stack` against a stack that is made up: what the AWS CLI prints, and what the routes respond.

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Stands in for the AWS CLI: a stack with one alarm, and one line of log whose cause is in the environment.
const AWS: &str = r#"#!/usr/bin/env bash
case "$*" in
*Outputs*) printf 'BaseUrl\t%s\nLogGroupName\tlogs\nWeChatSecretId\tthe-secret\n' "$BASE" ;;
*Parameters*) printf 'AuthorizerCacheSeconds\t10\n' ;;
*describe-stack-resources*) printf 'A\tstack-A\tAWS::CloudWatch::Alarm\nAlarmTopic\ttopic\tAWS::SNS::Topic\nApi\tapi\tx\n' ;;
*describe-alarms*) printf 'stack-A\tOK\n' ;;
*filter-log-events*) printf '{"cause":"%s"}\n' "$CAUSE" ;;
*get-authorizers*) echo "$CACHED" ;;
*list-subscriptions-by-topic*) echo "$SUBSCRIPTION" ;;
*) exit 1 ;;
esac
"#;

struct Stack {
    /// What login responds to codes, one after the other; then the last again.
    logins: &'static [&'static str],
    cause: &'static str,
    cached: &'static str,
    subscription: &'static str,
}

const WELL: Stack =
    Stack { logins: &[r#"{"error":"invalid_code"}"#], cause: "", cached: "10", subscription: "arn:confirmed" };

async fn respond(State(logins): State<Arc<Mutex<VecDeque<&'static str>>>>, uri: Uri, body: String) -> String {
    match uri.path() {
        "/login" if body == "{}" => r#"{"error":"missing_parameter"}"#.to_owned(),
        "/login" => {
            let mut logins = logins.lock().expect("no panic");
            let next = if logins.len() > 1 { logins.pop_front() } else { logins.front().copied() };
            next.unwrap_or_default().to_owned()
        }
        "/example" => r#"{"message":"Not Found"}"#.to_owned(),
        _ => r#"{"error":"unauthorized"}"#.to_owned(),
    }
}

/// Exit status and output of check-stack for this stack.
async fn check(stack: Stack) -> (Option<i32>, String) {
    let listener = tools::listen(0).await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let logins: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(stack.logins.iter().copied().collect()));
    let router = Router::new().fallback(respond).with_state(logins);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let folder = std::env::temp_dir().join(format!("check-stack-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).expect("a folder");
    let aws = folder.join("aws");
    fs::write(&aws, AWS).expect("a file");
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).expect("permissions");
    let path = format!("{}:{}", folder.display(), tools::environment("PATH").unwrap_or_default());
    let output = Command::new(repository().join("tools/check-stack"))
        .arg("stack")
        .env("PATH", path)
        .env("BASE", base)
        .env("CAUSE", stack.cause)
        .env("CACHED", stack.cached)
        .env("SUBSCRIPTION", stack.subscription)
        .output()
        .await
        .expect("bash");
    fs::remove_dir_all(folder).expect("the folder");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn a_stack_that_is_well_passes() {
    let (status, output) = check(WELL).await;
    assert_eq!(status, Some(0), "{output}");
    assert!(!output.contains("WRONG"), "{output}");
}

#[tokio::test]
async fn a_code_that_an_old_secret_spent_is_followed_by_another() {
    let logins = &[r#"{"error":"wechat_unavailable","request_id":"0-1"}"#, r#"{"error":"invalid_code"}"#];
    let (status, output) = check(Stack { logins, cause: "WeChat: code spent by a first try", ..WELL }).await;
    assert_eq!(status, Some(0), "{output}");
}

#[tokio::test]
async fn a_wrong_secret_is_named() {
    let logins = &[r#"{"error":"misconfigured","request_id":"0-1"}"#];
    let (status, output) = check(Stack { logins, cause: "WeChat: AppId or AppSecret refused", ..WELL }).await;
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains("Put the right values into the secret the-secret"), "{output}");
}

#[tokio::test]
async fn no_control_character_of_the_network_reaches_the_terminal() {
    let logins = &["{\"error\":\"\u{1b}]0;owned\u{7}\u{9b}31m\",\"request_id\":\"0-1\"}"];
    let (_, output) = check(Stack { logins, cause: "\u{1b}[31m", ..WELL }).await;
    assert!(output.contains("owned"), "{output}");
    assert!(!output.chars().any(|c| c.is_control() && c != '\n'), "{output:?}");
}

#[tokio::test]
async fn another_cache_time_than_the_parameters_is_told() {
    let (status, output) = check(Stack { cached: "300", ..WELL }).await;
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains("for 300 s instead of 10 s"), "{output}");
}

#[tokio::test]
async fn an_address_that_never_confirmed_is_told() {
    let (status, output) = check(Stack { subscription: "PendingConfirmation", ..WELL }).await;
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains("was never confirmed"), "{output}");
}

#[test]
fn every_cause_that_check_stack_knows_is_one_that_the_functions_log() {
    let script = fs::read_to_string(repository().join("tools/check-stack")).expect("the script");
    let mut sources = Vec::new();
    let mut folders = vec![repository().join("shared/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { sources.push(fs::read_to_string(path).expect("a source")) }
        }
    }
    // The patterns of its `case`: `"WeChat: …")`, or several with a bar between them.
    let prefixes = ["WeChat: ", "Secrets Manager: ", "DynamoDB: "];
    let causes: Vec<&str> =
        script.split('"').filter(|text| prefixes.iter().any(|prefix| text.starts_with(prefix))).collect();
    assert!(causes.len() > 6, "{causes:?}");
    for cause in causes {
        // What ends in a blank is the beginning of several.
        let literal = if cause.ends_with(' ') { format!("\"{cause}") } else { format!("\"{cause}\"") };
        assert!(sources.iter().any(|source| source.contains(&literal)), "{cause}");
    }
}
