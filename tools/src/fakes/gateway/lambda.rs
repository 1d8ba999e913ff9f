//! A function at the invoke address that `sam local start-lambda` and `cargo lambda watch` serve.

use serde_json::{Value, json};
use std::time::Duration;

/// After so long API Gateway gives up on an integration.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no response of the function.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nobody there, or an error of the function: API Gateway says 500.
    Integration(String),
    /// API Gateway says 503.
    Timeout,
}

/// Invokes the function with an event, and returns its response.
pub(super) async fn invoke(url: &str, event: &Value) -> Result<Value, Failed> {
    let request = crate::http_client().post(url).timeout(PATIENCE).json(event);
    let failed = |error: reqwest::Error| match error.is_timeout() {
        true => Failed::Timeout,
        false => Failed::Integration(format!("cannot be reached ({}). Is it running?", error.without_url())),
    };
    let response = request.send().await.map_err(failed)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.text().await.map_err(failed)?;
    if !status.is_success() {
        return Err(Failed::Integration(format!("says {status}: {}", excerpt(&body))));
    }
    if headers.contains_key("x-amz-function-error") {
        return Err(Failed::Integration(format!("failed: {}", excerpt(&body))));
    }
    serde_json::from_str(&body).map_err(|_| Failed::Integration(format!("returned no JSON: {}", excerpt(&body))))
}

/// The response in full that a function means by one without `statusCode` (payload format 2.0).
pub(super) fn inferred(response: Value) -> Value {
    if response["statusCode"].is_number() {
        return response;
    }
    let body = response.as_str().map_or_else(|| response.to_string(), str::to_owned);
    json!({"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body})
}

/// The first line, on one line of a terminal.
fn excerpt(body: &str) -> String {
    body.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_a_status_is_a_json_body() {
        let full = inferred(json!({"code": 200, "data": null}));
        assert_eq!(full["statusCode"], 200);
        assert_eq!(full["body"], r#"{"code":200,"data":null}"#);
        assert_eq!(inferred(json!("hello"))["body"], "hello");
    }

    #[test]
    fn a_response_with_a_status_stays_as_it_is() {
        let full = json!({"statusCode": 204});
        assert_eq!(inferred(full.clone()), full);
    }
}
