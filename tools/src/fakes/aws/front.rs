//! One address for both services, told apart by `X-Amz-Target`; and Secrets Manager itself.

use super::{Aws, Service};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Front {
    aws: Aws,
    http: reqwest::Client,
}

/// A write on its way for a second time.
#[derive(Clone)]
pub(super) struct Copy {
    headers: HeaderMap,
    body: Bytes,
}

impl Copy {
    pub(super) async fn deliver(&self, engine: &str) {
        let mut body: Value = serde_json::from_slice(&self.body).expect("a JSON body");
        if body.get("ClientRequestToken").is_some() {
            body["ClientRequestToken"] = uuid::Uuid::new_v4().to_string().into();
        }
        // Nobody waits for the answer.
        let _ = pass_on(&crate::http_client(), engine, Method::POST, &self.headers, body.to_string().into()).await;
    }
}

pub(super) async fn serve(listener: TcpListener, aws: Aws) {
    let front = Front { aws, http: crate::http_client() };
    let says =
        get(async || "The fake of DynamoDB and Secrets Manager of cargo local: an endpoint for AWS's SDKs and CLI.\n");
    let router = Router::new().route("/", says.post(answer)).fallback(answer).with_state(front);
    // It ends with the runtime of the test.
    let _ = axum::serve(listener, router).await;
}

async fn answer(State(front): State<Front>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (service, operation) = match target.split_once('.') {
        Some(("secretsmanager", operation)) => (Service::SecretsManager, operation),
        Some((dynamodb, operation)) if dynamodb.starts_with("DynamoDB") => (Service::DynamoDb, operation),
        _ => return fault(StatusCode::BAD_REQUEST, "UnknownOperationException"),
    };
    {
        let mut state = front.aws.state();
        if let Some(function) = function_of(&headers)
            && !state.permit(function, service, operation, &body)
        {
            return fault(StatusCode::BAD_REQUEST, "AccessDeniedException");
        }
        if service == Service::DynamoDb
            && !operation.starts_with("Get")
            && let Some(copies) = &mut state.copies
        {
            copies.push(Copy { headers: headers.clone(), body: body.clone() });
        }
    }
    match service {
        Service::DynamoDb => pass_on(&front.http, &front.aws.engine, method, &headers, body).await,
        Service::SecretsManager | Service::WeChat => front.get_secret_value(operation, &body),
    }
}

/// The function that calls, by the application's name in the SDK's user agent; `None` for a test's own calls.
fn function_of(headers: &HeaderMap) -> Option<&str> {
    let agent = headers.get("x-amz-user-agent").or(headers.get(header::USER_AGENT))?.to_str().ok()?;
    agent.split(' ').find_map(|part| part.strip_prefix("app/"))
}

impl Front {
    fn get_secret_value(&self, operation: &str, body: &[u8]) -> Response {
        if operation != "GetSecretValue" {
            return fault(StatusCode::BAD_REQUEST, "UnknownOperationException");
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let id = request["SecretId"].as_str().unwrap_or_default();
        match self.aws.state().secrets.get(id) {
            Some(text) => amazon_json(
                StatusCode::OK,
                &json!({
                    "ARN": format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{id}-AbCdEf"),
                    "Name": id,
                    "VersionId": "00000000-0000-4000-8000-000000000000",
                    "SecretString": text,
                }),
            ),
            None => fault(StatusCode::BAD_REQUEST, "ResourceNotFoundException"),
        }
    }
}

/// Hands a request over to the engine, and its answer back.
async fn pass_on(http: &reqwest::Client, engine: &str, method: Method, headers: &HeaderMap, body: Bytes) -> Response {
    let mut request = http.request(method, engine).body(body);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let Ok(answer) = request.send().await else {
        return fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else {
        return fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
    };
    let mut response = (status, body).into_response();
    for name in ["content-type", "x-amz-crc32", "x-amzn-requestid"] {
        if let Some(value) = headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn fault(status: StatusCode, name: &str) -> Response {
    amazon_json(status, &json!({"__type": name, "message": "made by the fake"}))
}

fn amazon_json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], Body::from(body.to_string())).into_response()
}
