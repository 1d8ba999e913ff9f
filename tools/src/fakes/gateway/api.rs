//! An HTTP API: routes, the authorizer before them, CORS, and what API Gateway answers by itself.

use super::cors::Cors;
use super::lambda::{self, Failed};
use super::request::Request;
use super::route::RouteKey;
use super::{FUNCTION_TIMEOUT, Function, authorize};
use crate::faults::{Fault, Point};
use crate::template;
use authorizer::Authorizer;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// API Gateway's limit of a request's body.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// A route of the API.
pub struct Route {
    /// Method and path.
    pub key: RouteKey,
    /// Whether it is served without asking the authorizer.
    pub open: bool,
    /// What is behind it.
    pub target: Target,
}

/// What is behind a route.
pub enum Target {
    /// A function in this process.
    Function(Function),
    /// `ExampleFunction` of the template: responds with what the authorizer found out.
    Example,
    /// The invoke address of a function elsewhere.
    Invoke(String),
}

/// A request that was served, for whoever wants to show it.
#[derive(Clone, Debug)]
pub struct Served {
    /// API Gateway's id of it; the same as in [`request_id`].
    pub id: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body of the request, as text.
    pub request: String,
    /// The status that the page got; `None` if it got nothing.
    pub status: Option<u16>,
    /// The body of the response, as text, whether or not it arrived.
    pub response: String,
    /// How long it took.
    pub took: Duration,
    /// The fault that was injected between page and API Gateway.
    pub fault: Option<String>,
}

/// Is shown every request that was served.
pub type Watch = Arc<dyn Fn(Served) + Send + Sync>;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that is served right now in this task.
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// An HTTP API.
pub struct Api {
    routes: Vec<Route>,
    authorizer: Arc<Authorizer>,
    cors: Cors,
    watch: Watch,
    faults: Mutex<Faults>,
}

/// Decides what becomes of the nth request for a path; `None` lets it pass.
type Decide = Box<dyn Fn(&str, u64) -> Option<Fault> + Send + Sync>;

/// What goes wrong between page and API Gateway.
struct Faults {
    decide: Decide,
    seen: HashMap<String, u64>,
}

impl Api {
    /// An API of these routes. Of two with the same key the later one counts.
    pub fn new(routes: Vec<Route>, authorizer: Arc<Authorizer>, cors: Cors, watch: Watch) -> Self {
        let mut kept: Vec<Route> = Vec::new();
        for route in routes {
            kept.retain(|earlier| earlier.key != route.key);
            kept.push(route);
        }
        kept.sort_by_key(|route| route.key.rank());
        let faults = Faults { decide: Box::new(|_, _| None), seen: HashMap::new() };
        Self { routes: kept, authorizer, cors, watch, faults: Mutex::new(faults) }
    }

    /// Decides what goes wrong between page and API Gateway from now on, and counts the requests anew. Only delays and resets
    /// are of use.
    pub fn decide(&self, decide: impl Fn(&str, u64) -> Option<Fault> + Send + Sync + 'static) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) =
            Faults { decide: Box::new(decide), seen: HashMap::new() };
    }

    /// Serves until the runtime ends.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let router = axum::Router::new()
            .fallback(async move |request: extract::Request| self.handle(request).await)
            .into_make_service_with_connect_info::<SocketAddr>();
        let _ = axum::serve(listener, router).await;
    }

    /// Responds to a request.
    pub async fn handle(&self, request: extract::Request) -> Response {
        let began = Instant::now();
        let source = request.extensions().get::<extract::ConnectInfo<SocketAddr>>();
        let source = source.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |source| source.0.ip());
        let (head, body) = request.into_parts();
        let fault = self.fault(head.uri.path());
        match fault {
            Some(Fault::Delay(by)) => tokio::time::sleep(by).await,
            // The page has sent it, and hears nothing.
            Some(Fault::Reset(Point::Request)) => {
                self.tell(&head, &Bytes::new(), None, &Bytes::new(), began, fault.as_ref(), String::new());
                return cut_off();
            }
            _ => {}
        }
        let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
            let response = by_itself(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
            return self.finish(&head, &Bytes::new(), response, began, fault, uuid::Uuid::new_v4().to_string()).await;
        };
        let id = uuid::Uuid::new_v4().to_string();
        let request = Request {
            method: head.method.clone(),
            uri: head.uri.clone(),
            headers: head.headers.clone(),
            body: body.to_vec(),
            source,
            id: id.clone(),
        };
        let response = REQUEST_ID.scope(id.clone(), self.respond(&request)).await;
        self.finish(&head, &body, response, began, fault, id).await
    }

    async fn respond(&self, request: &Request) -> Response {
        let (method, path) = (&request.method, request.uri.path());
        let found = self.routes.iter().find_map(|route| Some((route, route.key.parameters(method, path)?)));
        let Some((route, parameters)) = found else {
            // Preflight requests are answered without a route for OPTIONS; only where a route for ANY takes them, its integration does.
            if self.cors.is_on() && method == Method::OPTIONS {
                return StatusCode::NO_CONTENT.into_response();
            }
            if method == Method::GET && path == "/" {
                return "The functions of cargo local, as API Gateway serves them. The playground is at the next port.\n".into_response();
            }
            return by_itself(StatusCode::NOT_FOUND, "Not Found");
        };
        let context = match route.open {
            true => None,
            false => match self.authorize(route, request, &parameters).await {
                Ok(context) => Some(context),
                Err(refusal) => return refusal,
            },
        };
        let mut event = request.event(&route.key, &parameters);
        if let Some(context) = context {
            event["requestContext"]["authorizer"] = json!({"lambda": context});
        }
        let answer = match &route.target {
            Target::Function(function) => function(event, FUNCTION_TIMEOUT).await,
            Target::Example => {
                let data = &event["requestContext"]["authorizer"]["lambda"];
                lambda::inferred(json!({"code": 200, "msg": "ok", "data": data}))
            }
            Target::Invoke(url) => match lambda::invoke(url, &event).await {
                Ok(answer) => lambda::inferred(answer),
                Err(Failed::Timeout) => return by_itself(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
                Err(Failed::Integration(why)) => {
                    eprintln!("cargo local: {}: {url} {why}", route.key);
                    return by_itself(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
                }
            },
        };
        response(&answer).unwrap_or_else(|| by_itself(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
    }

    /// The context of the caller, or API Gateway's own refusal.
    async fn authorize(
        &self,
        route: &Route,
        request: &Request,
        parameters: &Map<String, Value>,
    ) -> Result<Value, Response> {
        let Some(event) = request.authorizer_event(&route.key, parameters) else {
            return Err(by_itself(StatusCode::UNAUTHORIZED, "Unauthorized"));
        };
        match authorize(&self.authorizer, event).await {
            Ok(answer) if answer["isAuthorized"] == true => Ok(answer["context"].clone()),
            Ok(_) => Err(by_itself(StatusCode::FORBIDDEN, "Forbidden")),
            Err(_) => Err(by_itself(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        }
    }

    /// Adds what API Gateway adds, and loses the response if it shall be lost.
    async fn finish(
        &self,
        head: &axum::http::request::Parts,
        body: &Bytes,
        mut response: Response,
        began: Instant,
        fault: Option<Fault>,
        id: String,
    ) -> Response {
        self.cors.apply(&head.headers, head.method == Method::OPTIONS, &mut response);
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("apigw-requestid", value);
        }
        let (parts, sent) = response.into_parts();
        let sent = axum::body::to_bytes(sent, usize::MAX).await.unwrap_or_default();
        let lost = matches!(fault, Some(Fault::Reset(_)));
        let status = (!lost).then_some(parts.status.as_u16());
        self.tell(head, body, status, &sent, began, fault.as_ref(), id);
        if lost { cut_off() } else { Response::from_parts(parts, Body::from(sent)) }
    }

    #[expect(clippy::too_many_arguments, reason = "each is one field of what is told")]
    fn tell(
        &self,
        head: &axum::http::request::Parts,
        request: &Bytes,
        status: Option<u16>,
        response: &Bytes,
        began: Instant,
        fault: Option<&Fault>,
        id: String,
    ) {
        (self.watch)(Served {
            id,
            method: head.method.to_string(),
            target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            request: String::from_utf8_lossy(request).into_owned(),
            status,
            response: String::from_utf8_lossy(response).into_owned(),
            took: began.elapsed(),
            fault: fault.map(ToString::to_string),
        });
    }

    fn fault(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = faults.seen.entry(path.to_owned()).or_default();
        *seen += 1;
        let nth = *seen;
        (faults.decide)(path, nth)
    }
}

/// The routes of `template.yaml`, each with its function of `functions`, by the path.
///
/// # Panics
/// If the template has a route that has no function here.
pub fn deployed(functions: &HashMap<&'static str, Function>) -> Vec<Route> {
    let mut routes = Vec::new();
    for (name, resource) in template::resources() {
        let events = resource["Properties"]["Events"].as_object().into_iter().flatten();
        for (_, event) in events.filter(|(_, event)| event["Type"] == "HttpApi") {
            let properties = &event["Properties"];
            let path = properties["Path"].as_str().expect("a path");
            let method = properties["Method"].as_str().expect("a method");
            let target = match functions.get(path) {
                Some(function) => Target::Function(Arc::clone(function)),
                None if name == "ExampleFunction" => Target::Example,
                None => panic!("{path} of template.yaml has no function here"),
            };
            let key = format!("{method} {path}").parse().expect("a route key");
            routes.push(Route { key, open: properties["Auth"]["Authorizer"] == "NONE", target });
        }
    }
    routes
}

/// What API Gateway answers by itself.
fn by_itself(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

/// A response that breaks off before its first byte of body: the connection is closed on the page.
pub fn cut_off() -> Response {
    let broken = futures_util::stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))]);
    let mut response = Response::new(Body::from_stream(broken));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
    response
}

/// The HTTP response that a function's response stands for; `None` if it stands for none.
fn response(answer: &Value) -> Option<Response> {
    let status = u16::try_from(answer["statusCode"].as_u64()?).ok()?;
    let text = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"] == true {
        true => STANDARD.decode(text).ok()?,
        false => text.to_owned().into_bytes(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let fields = answer["headers"].as_object().into_iter().flatten();
    for (name, value) in fields {
        let name: HeaderName = name.parse().ok()?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        response.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(cookie.as_str()?).ok()?);
    }
    // API Gateway takes JSON for what has no media type.
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    Some(response)
}
