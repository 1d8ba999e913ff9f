//! The CORS configuration of an HTTP API.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// What `CorsConfiguration` of the template says: the origins whose pages may read the responses.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Vec<String>,
}

/// `AllowMethods`.
const METHODS: HeaderValue = HeaderValue::from_static("DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT");
/// `AllowHeaders`.
const HEADERS: HeaderValue = HeaderValue::from_static("authorization,content-type");
/// `ExposeHeaders`.
const EXPOSED: HeaderValue = HeaderValue::from_static("apigw-requestid,retry-after");
/// `MaxAge`.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

const CORS_HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

impl Cors {
    /// Lets pages of these origins read the responses; none, if there is no origin. `*` stands for all.
    pub fn new(origins: Vec<String>) -> Self {
        Self { origins }
    }

    /// Whether there is a configuration. Without one API Gateway leaves CORS to the integrations.
    pub fn is_on(&self) -> bool {
        !self.origins.is_empty()
    }

    /// Puts the headers of the configuration, and no others, into the response to a page that may have it.
    pub fn apply(&self, request: &HeaderMap, is_preflight: bool, response: &mut Response) {
        if !self.is_on() {
            return;
        }
        let headers = response.headers_mut();
        // "API Gateway ignores CORS headers returned from your backend integration."
        for name in CORS_HEADERS {
            headers.remove(name);
        }
        let Some(origin) = request.get(header::ORIGIN).filter(|origin| self.allows(origin)) else {
            return;
        };
        let any = self.origins.iter().any(|allowed| allowed == "*");
        let allowed = if any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if is_preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        } else {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
    }
}

/// Checks an origin as a browser sends it: `https://h5.example.com`, `http://localhost:5173`, or `*`.
///
/// # Errors
/// If it is something else, such as a URL with a path.
pub fn check_origin(text: &str) -> Result<(), String> {
    let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte))
    };
    if text == "*" || host.is_some_and(plain) {
        return Ok(());
    }
    Err(format!("{text:?} is not an origin such as http://localhost:5173 (no path, no slash at the end, lower case)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for origin in
            ["*", "http://localhost:5173", "https://h5.example.com", "http://192.168.1.2:8080", "http://[::1]:1"]
        {
            assert!(check_origin(origin).is_ok(), "{origin}");
        }
        for other in
            ["", "localhost:5173", "https://", "https://a.b/", "https://a.b/c", "ftp://a.b", "null", "HTTPS://A.B"]
        {
            assert!(check_origin(other).is_err(), "{other}");
        }
    }
}
