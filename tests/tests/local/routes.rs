//! API Gateway on this machine: own routes, the example, CORS and limits.

use super::Local;
use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tools::app::SAMPLE_TOKEN;
use tools::fakes::wechat::SAMPLE_OPENID;
use tools::http_client;

/// A function at an invoke address: it keeps the events, and responds with these headers and this body.
struct Invoked {
    url: String,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Invoked {
    async fn serve(headers: &'static [(&'static str, &'static str)], response: &'static str) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let invoke = axum::routing::post(move |event: axum::Json<Value>| async move {
            seen.lock().expect("no panic").push(event.0);
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
                .collect();
            (headers, response)
        });
        let path = "/2015-03-31/functions/OrdersFunction/invocations";
        let listener = tools::listen(0).await.expect("a free port");
        let url = format!("http://{}{path}", listener.local_addr().expect("an address"));
        tokio::spawn(async { axum::serve(listener, axum::Router::new().route(path, invoke)).await });
        Self { url, events }
    }

    fn events(&self) -> Vec<Value> {
        self.events.lock().expect("no panic").clone()
    }
}

#[tokio::test]
async fn an_own_route_is_told_who_calls_and_what_is_in_the_path() {
    let orders = Invoked::serve(&[], r#"{"code":200,"msg":"ok","data":[1]}"#).await;
    let local = Local::start(&["--route", &format!("GET /orders/{{id}}={}", orders.url)]).await;
    let (status, body) = local.call("GET", "/orders/a%20b?page=2", SAMPLE_TOKEN, &Value::Null).await;
    assert_eq!((status, &body["data"]), (200, &json!([1])));
    let [event] = &orders.events()[..] else { panic!("one event") };
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "GET /orders/{id}");
    assert_eq!(event["pathParameters"], json!({"id": "a b"}));
    assert_eq!(event["queryStringParameters"], json!({"page": "2"}));
    assert_eq!(event["requestContext"]["authorizer"]["lambda"]["openid"], SAMPLE_OPENID);
}

#[tokio::test]
async fn who_has_no_session_does_not_get_to_an_own_route() {
    let orders = Invoked::serve(&[], "{}").await;
    let local = Local::start(&["--route", &format!("GET /orders={}", orders.url)]).await;
    assert_eq!(local.call("GET", "/orders", "", &Value::Null).await, (401, json!({"message": "Unauthorized"})));
    let strange = "0".repeat(32);
    assert_eq!(local.call("GET", "/orders", &strange, &Value::Null).await, (403, json!({"message": "Forbidden"})));
    assert_eq!(orders.events().len(), 0);
}

#[tokio::test]
async fn the_most_specific_of_several_own_routes_is_taken() {
    let (one, other) = (Invoked::serve(&[], "1").await, Invoked::serve(&[], "2").await);
    let any = format!("ANY /{{proxy+}}={}", one.url);
    let post = format!("POST /orders={}", other.url);
    let local = Local::start(&["--route", &any, "--route", &post]).await;
    assert_eq!(local.call("POST", "/orders", SAMPLE_TOKEN, &json!({"n": 1})).await.1, json!(2));
    assert_eq!(local.call("GET", "/orders", SAMPLE_TOKEN, &Value::Null).await.1, json!(1));
    assert_eq!(other.events()[0]["body"], r#"{"n":1}"#);
    assert_eq!(local.call("GET", "/user", SAMPLE_TOKEN, &Value::Null).await.1["code"], 200);
}

#[tokio::test]
async fn a_response_in_full_sets_status_headers_and_cookies() {
    let full =
        r#"{"statusCode":201,"headers":{"x-a":"1"},"cookies":["a=1","b=2"],"body":"aGk=","isBase64Encoded":true}"#;
    let orders = Invoked::serve(&[], full).await;
    let local = Local::start(&["--route", &format!("GET /orders={}", orders.url)]).await;
    let reply = http_client().get(local.functions("/orders")).bearer_auth(SAMPLE_TOKEN).send().await.expect("a reply");
    let cookies: Vec<_> =
        reply.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    assert_eq!((reply.status().as_u16(), cookies), (201, vec!["a=1", "b=2"]));
    assert_eq!(reply.headers()["x-a"], "1");
    assert_eq!(reply.text().await.expect("text"), "hi");
}

#[tokio::test]
async fn a_function_that_fails_or_is_not_there_is_an_internal_server_error() {
    let broken = Invoked::serve(&[("x-amz-function-error", "Unhandled")], r#"{"errorMessage":"secret"}"#).await;
    let failing = format!("GET /failing={}", broken.url);
    let local = Local::start(&["--route", &failing, "--route", "GET /absent=http://127.0.0.1:9/"]).await;
    for path in ["/failing", "/absent"] {
        let answer = local.call("GET", path, SAMPLE_TOKEN, &Value::Null).await;
        assert_eq!(answer, (500, json!({"message": "Internal Server Error"})), "{path}");
    }
}

#[tokio::test]
async fn the_example_takes_get_only() {
    let local = Local::start(&[]).await;
    assert_eq!(local.call("GET", "/example", SAMPLE_TOKEN, &Value::Null).await.0, 200);
    for method in ["POST", "PUT", "DELETE"] {
        let answer = local.call(method, "/example", SAMPLE_TOKEN, &Value::Null).await;
        assert_eq!(answer, (404, json!({"message": "Not Found"})), "{method}");
    }
}

#[tokio::test]
async fn a_body_over_10_mb_is_refused_by_api_gateway() {
    let local = Local::start(&[]).await;
    let size = 10 * 1024 * 1024;
    for (size, expected) in [(size, "body_too_large"), (size + 1, "Request Entity Too Large")] {
        let request = http_client().post(local.functions("/login")).body(" ".repeat(size));
        let reply = request.send().await.expect("a reply");
        assert_eq!(reply.status(), 413);
        assert!(reply.text().await.expect("text").contains(expected), "{size}");
    }
}

/// The CORS headers that a page of this origin gets.
async fn cors(local: &Local, method: Method, path: &str, origin: &str) -> (u16, Option<String>, bool) {
    let request = http_client().request(method, local.functions(path)).header("origin", origin);
    let reply = request.header("access-control-request-method", "POST").send().await.expect("a reply");
    let allowed = reply.headers().get("access-control-allow-origin");
    let allowed = allowed.map(|origin| origin.to_str().expect("ASCII").to_owned());
    (reply.status().as_u16(), allowed, reply.headers().contains_key("access-control-allow-headers"))
}

#[tokio::test]
async fn pages_of_the_named_origins_may_call_and_no_others() {
    const PAGE: &str = "http://localhost:5173";
    let orders = Invoked::serve(&[("x", "y")], "{}").await;
    let local = Local::start(&["--cors", PAGE, "--route", &format!("GET /orders={}", orders.url)]).await;
    let (page, own) = (Some(PAGE.to_owned()), Method::OPTIONS);
    // Of a route for one method API Gateway itself answers the preflight request; of one for ANY, the function.
    assert_eq!(cors(&local, own.clone(), "/orders", PAGE).await, (204, page.clone(), true));
    assert_eq!(cors(&local, own.clone(), "/login", PAGE).await, (200, page.clone(), true));
    assert_eq!(cors(&local, Method::GET, "/user", PAGE).await, (401, page, false));
    assert_eq!(cors(&local, own, "/login", "http://evil.example").await, (200, None, false));
    assert_eq!(cors(&local, Method::GET, "/user", "http://evil.example").await, (401, None, false));
}

#[tokio::test]
async fn without_cors_no_page_of_another_origin_may_call() {
    let local = Local::start(&[]).await;
    assert_eq!(cors(&local, Method::GET, "/user", "http://localhost:5173").await.1, None);
}

#[tokio::test]
async fn with_a_star_every_page_may_call() {
    let local = Local::start(&["--cors", "*"]).await;
    assert_eq!(cors(&local, Method::GET, "/user", "http://a.example").await.1, Some("*".to_owned()));
}
