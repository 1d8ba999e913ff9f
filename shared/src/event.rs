//! Sanitizes events: removes what makes `lambda_http` panic.
//!
//! `lambda_http` 1.3 builds a URL from stage, path, query, `Host` and `X-Forwarded-Proto`, and decodes a body that
//! claims to be base64, each with an `unwrap`. No route of ours needs that URL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::HOST;
use lambda_http::request::LambdaRequest;

/// The byte 0xFF in base64. It is neither JSON nor a form, so the route responds that the body is malformed.
const MALFORMED_BODY: &str = "/w==";

/// Removes from `event` what would make the adapter panic.
pub fn sanitize(mut event: LambdaRequest) -> LambdaRequest {
    match &mut event {
        LambdaRequest::ApiGatewayV2(v2) => {
            sanitize_headers(&mut v2.headers);
            sanitize_path(&mut v2.raw_path);
            sanitize_body(v2.is_base64_encoded, &mut v2.body);
            v2.raw_query_string = None;
            v2.query_string_parameters = QueryMap::default();
            v2.request_context.stage = None;
            v2.request_context.domain_name = None;
        }
        LambdaRequest::ApiGatewayV1(v1) => {
            sanitize_headers(&mut v1.headers);
            sanitize_headers(&mut v1.multi_value_headers);
            sanitize_path(&mut v1.path);
            sanitize_body(v1.is_base64_encoded, &mut v1.body);
            v1.query_string_parameters = QueryMap::default();
            v1.multi_value_query_string_parameters = QueryMap::default();
            v1.request_context.stage = None;
            v1.request_context.domain_name = None;
        }
        LambdaRequest::Alb(alb) => {
            sanitize_headers(&mut alb.headers);
            sanitize_headers(&mut alb.multi_value_headers);
            sanitize_path(&mut alb.path);
            sanitize_body(alb.is_base64_encoded, &mut alb.body);
            alb.query_string_parameters = QueryMap::default();
            alb.multi_value_query_string_parameters = QueryMap::default();
        }
        // The enum is open; the features that we enable have no further kind.
        _ => {}
    }
    event
}

fn sanitize_headers(headers: &mut HeaderMap) {
    headers.remove(HOST);
    headers.remove("x-forwarded-proto");
}

/// A path with other characters is not one of our routes.
fn sanitize_path(path: &mut Option<String>) {
    let plain = path.as_deref().is_some_and(|path| {
        path.starts_with('/')
            && path.len() <= 512
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_'))
    });
    if !plain {
        *path = Some("/".to_owned());
    }
}

fn sanitize_body(is_base64: bool, body: &mut Option<String>) {
    if let Some(text) = body
        && is_base64
        && STANDARD.decode(&*text).is_err()
    {
        MALFORMED_BODY.clone_into(text);
    }
}
