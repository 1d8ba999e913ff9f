//! A request as it comes over the wire, and the events that API Gateway makes of it.

use super::route::RouteKey;
use axum::http::{HeaderMap, Method, Uri, header};
use miniprogram::clock::{Timestamp, system_now};
use miniprogram::log::rfc3339;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// A request with its whole body.
pub(super) struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub source: IpAddr,
    /// API Gateway's id of it.
    pub id: String,
}

impl Request {
    /// The event of a function behind `route` (payload 2.0).
    pub fn event(&self, route: &RouteKey, parameters: &Map<String, Value>) -> Value {
        let mut headers = self.headers.clone();
        let cookies: Vec<_> =
            headers.get_all(header::COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()).collect();
        let cookies: Vec<_> = cookies.iter().flat_map(|line| line.split("; ")).map(str::to_owned).collect();
        headers.remove(header::COOKIE);
        let mut event = super::event(self.method.as_str(), self.uri.path(), &headers, &self.body);
        event["routeKey"] = route.to_string().into();
        event["rawQueryString"] = self.uri.query().unwrap_or_default().into();
        let now = Timestamp::from(system_now());
        let context = &mut event["requestContext"];
        context["routeKey"] = route.to_string().into();
        context["requestId"] = self.id.as_str().into();
        context["time"] = common_log_time(now).into();
        context["timeEpoch"] = now.millis().into();
        context["http"]["sourceIp"] = self.source.to_string().into();
        context["http"]["userAgent"] = text(&self.headers, &header::USER_AGENT).into();
        context["domainName"] = text(&self.headers, &header::HOST).into();
        if !cookies.is_empty() {
            event["cookies"] = cookies.into();
        }
        if let Some(query) = self.query_parameters() {
            event["queryStringParameters"] = query.into();
        }
        if !parameters.is_empty() {
            event["pathParameters"] = parameters.clone().into();
        }
        if self.body.is_empty()
            && let Some(fields) = event.as_object_mut()
        {
            fields.remove("body");
            fields["isBase64Encoded"] = false.into();
        }
        event
    }

    /// The event of the authorizer before `route`; `None` if the request has not what identifies a caller.
    pub fn authorizer_event(&self, route: &RouteKey, parameters: &Map<String, Value>) -> Option<Value> {
        let identity = text(&self.headers, &header::AUTHORIZATION);
        if identity.is_empty() {
            return None;
        }
        let mut event = self.event(route, parameters);
        let arn =
            format!("arn:aws:execute-api:us-east-1:000000000000:local/$default/{}{}", self.method, self.uri.path());
        if let Some(fields) = event.as_object_mut() {
            fields.remove("body");
            fields.remove("isBase64Encoded");
        }
        event["type"] = "REQUEST".into();
        event["routeArn"] = arn.into();
        event["identitySource"] = json!([identity]);
        Some(event)
    }

    /// Parameters that come several times are joined by commas.
    fn query_parameters(&self) -> Option<Map<String, Value>> {
        let query = self.uri.query().filter(|query| !query.is_empty())?;
        let mut parameters = Map::<String, Value>::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let [name, value] = [name, value].map(|part| {
                let spaced = part.replace('+', " ");
                percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
            });
            let joined = match parameters.get(&name).and_then(Value::as_str) {
                Some(earlier) => format!("{earlier},{value}"),
                None => value,
            };
            parameters.insert(name, joined.into());
        }
        Some(parameters)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `12/Mar/2026:19:03:58 +0000`.
fn common_log_time(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = rfc3339(time);
    let month = text.get(5..7).and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    format!("{}/{}/{}:{} +0000", part(8..10), MONTHS[(month - 1) % 12], part(0..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn request(method: &str, uri: &str) -> Request {
        Request {
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            source: [127, 0, 0, 1].into(),
            id: "id".into(),
        }
    }

    fn event_of(request: &Request, key: &str) -> Value {
        let key: RouteKey = key.parse().unwrap();
        let parameters = key.parameters(&request.method, request.uri.path()).unwrap();
        request.event(&key, &parameters)
    }

    #[test]
    fn an_event_carries_path_parameters_query_and_cookies_as_api_gateway_writes_them() {
        let mut request = request("GET", "/orders/a%20b?x=1&x=2&y=%E5%B0%8F+q&z");
        request.headers.insert("cookie", HeaderValue::from_static("a=1; b=2"));
        let event = event_of(&request, "GET /orders/{id}");
        assert_eq!(event["routeKey"], "GET /orders/{id}");
        assert_eq!(event["rawQueryString"], "x=1&x=2&y=%E5%B0%8F+q&z");
        assert_eq!(event["queryStringParameters"], json!({"x": "1,2", "y": "小 q", "z": ""}));
        assert_eq!(event["pathParameters"], json!({"id": "a b"}));
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert!(event["headers"].get("cookie").is_none());
    }

    #[test]
    fn what_a_request_does_not_have_is_absent() {
        let event = event_of(&request("GET", "/orders"), "GET /orders");
        for name in ["body", "queryStringParameters", "pathParameters", "cookies"] {
            assert!(event.get(name).is_none(), "{name}");
        }
        assert_eq!(event["isBase64Encoded"], false);
    }

    #[test]
    fn the_time_has_the_form_of_the_common_log() {
        assert_eq!(common_log_time(Timestamp::from_seconds(1_795_420_800)), "23/Nov/2026:08:00:00 +0000");
    }
}
