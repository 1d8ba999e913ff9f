//! What stands before the stand-ins in the benchmark: TLS, and answers without latency. The first time each request goes
//! to the stand-in behind; what it answered is given from memory from then on.

use crate::tls::TlsListener;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::serve::Listener;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A front. Clones share its state.
#[derive(Clone)]
pub struct Front {
    /// `https://…`, without a slash at the end.
    pub url: String,
    behind: String,
    http: reqwest::Client,
    state: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    remembers: bool,
    answers: HashMap<Vec<u8>, Answer>,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Front {
    /// Serves what the stand-in at `behind` answers.
    pub fn serve(listener: TlsListener, behind: &str) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let front = Self {
            url: format!("https://{address}"),
            behind: behind.to_owned(),
            http: tools::http_client(),
            state: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(front.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        front
    }

    /// Whether answers are given from memory. What was remembered before is forgotten.
    pub fn remember(&self, remembers: bool) {
        *self.state() = Known { remembers, ..Known::default() };
    }

    fn state(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Answer {
        let mut request = self.http.request(method, format!("{}{uri}", self.behind)).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("the stand-in answers");
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        for name in ["connection", "content-length", "date", "transfer-encoding"] {
            headers.remove(name);
        }
        Answer { status, headers, body: answer.bytes().await.expect("the stand-in answers") }
    }
}

/// What makes two requests the same: the route, and of reads what is read. Writes carry times and nonces.
fn key(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let target = headers.get("x-amz-target").map_or(&b""[..], |target| target.as_bytes());
    let read = target.split(|byte| *byte == b'.').next_back().is_some_and(|operation| operation.starts_with(b"Get"));
    [uri.path().as_bytes(), target, if read { body } else { b"" }].concat()
}

async fn answer(
    State(front): State<Front>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<axum::body::Body> {
    let key = key(&uri, &headers, &body);
    let known = front.state().answers.get(&key).cloned();
    let answer = match known {
        Some(answer) => answer,
        None => {
            let answer = front.ask(method, &uri, &headers, body).await;
            let mut state = front.state();
            if state.remembers {
                state.answers.insert(key, answer.clone());
            }
            answer
        }
    };
    let mut response = Response::new(answer.body.into());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
