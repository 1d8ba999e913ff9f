//! What the playground's page is served. The page itself is tested in a browser.

use super::Local;
use serde_json::json;
use tools::app::SAMPLE_TOKEN;
use tools::http_client;

async fn get(url: &str) -> (u16, String, String) {
    let reply = http_client().get(url).send().await.expect("a reply");
    let media_type = reply.headers().get("content-type").map(|value| value.to_str().expect("ASCII").to_owned());
    (reply.status().as_u16(), media_type.unwrap_or_default(), reply.text().await.expect("text"))
}

#[tokio::test]
async fn the_page_and_its_modules_come_from_the_binary() {
    let local = Local::start(&[]).await;
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/_playground/files/panel.js", "text/javascript; charset=utf-8"),
        ("/_playground/files/sample/api", "text/javascript; charset=utf-8"),
        ("/_playground/files/sample/client.js", "text/javascript; charset=utf-8"),
        ("/_playground/files/sample/pages/index/index.wxml", "text/plain; charset=utf-8"),
    ] {
        let (status, served, text) = get(&local.wechat(path)).await;
        assert_eq!((status, served.as_str(), text.is_empty()), (200, media_type, false), "{path}");
    }
    assert_eq!(get(&local.wechat("/_playground/files/../Cargo.toml")).await.0, 404);
    assert_eq!(get(&local.wechat("/_playground/files/none.js")).await.0, 404);
}

#[tokio::test]
async fn the_other_ports_say_what_they_are() {
    let local = Local::start(&[]).await;
    assert!(get(&local.functions("/")).await.2.contains("functions"));
    assert!(get(&format!("http://127.0.0.1:{}/", local.port + 2)).await.2.contains("DynamoDB"));
}

#[tokio::test]
async fn a_lost_response_is_one_that_was_carried_out() {
    let local = Local::start(&[]).await;
    for (what, name) in [("request", json!(null)), ("reply", json!("Bob"))] {
        assert_eq!(local.control("/_playground/lose", &json!({"what": what})).await.status(), 204);
        let request =
            http_client().put(local.functions("/user")).bearer_auth(SAMPLE_TOKEN).json(&json!({"name": "Bob"}));
        let lost = match request.send().await {
            Ok(reply) => reply.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(lost, "{what}");
        let (_, user) = local.call("GET", "/user", SAMPLE_TOKEN, &json!(null)).await;
        assert_eq!(user["data"]["name"], name, "{what}");
    }
    let state = local.state().await;
    let events = state["events"].as_array().expect("events");
    assert_eq!(events.iter().filter(|event| event["kind"] == "request" && event["status"].is_null()).count(), 2);
}

#[tokio::test]
async fn the_state_shows_requests_calls_tables_and_codes() {
    let local = Local::start(&[]).await;
    let state = local.state().await;
    let of_kind =
        |kind: &str| state["events"].as_array().expect("events").iter().filter(|event| event["kind"] == kind).count();
    for kind in ["request", "call", "wechat"] {
        assert!(of_kind(kind) > 0, "{kind}");
    }
    let tables: Vec<_> =
        state["tables"].as_array().expect("tables").iter().map(|table| table["name"].clone()).collect();
    assert_eq!(json!(tables), json!(["users", "sessions", "access_tokens", "erasures"]));
    assert!(state["wechat"]["users"].as_array().expect("users").contains(&json!("oAlice")));
    let after = state["last"].as_u64().expect("a number");
    let later: serde_json::Value = http_client()
        .get(local.wechat(&format!("/_playground/state?after={after}")))
        .send()
        .await
        .expect("a reply")
        .json()
        .await
        .expect("JSON");
    assert_eq!(later["events"], json!([]));
}
