//! A connection that is opened ahead of the request that needs it.
//!
//! From abroad WeChat is 250 ms away, and TCP and TLS take two or three round trips. In init they run concurrently with other work, at
//! full CPU. A request sent ahead would do more, but make the cold start longer by its own round trip.

use std::any::Any;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower::{BoxError, Layer, Service};

/// A layer of the connector of an HTTP client that speaks to one server only. Clones share the connection.
#[derive(Clone)]
pub struct Ahead {
    state: Arc<Mutex<State>>,
    /// A connection that is older than this is not used.
    max_age: Duration,
}

enum State {
    /// Connections are made when they are needed.
    Off,
    /// The next one that comes about is kept.
    Asked,
    /// It stands since then. Its type is the HTTP client's own, and has no name here.
    Open(Instant, Box<dyn Any + Send>),
}

impl Ahead {
    /// A layer that keeps a connection for at most so long.
    pub fn new(max_age: Duration) -> Self {
        Self { state: Arc::new(Mutex::new(State::Off)), max_age }
    }

    /// Opens a connection to the server of `url` through `http`, of whose connector this must be a layer, and sends nothing. It
    /// belongs to the first request that needs one. Whether it worked shows then.
    pub async fn connect(&self, http: &reqwest::Client, url: &str) {
        self.set(State::Asked);
        // It ends with an error, because its connection is kept from it.
        let _ = http.get(url).send().await;
        self.take_if(|state| matches!(state, State::Asked));
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Takes the state if it is the wanted one, and leaves [`State::Off`].
    fn take_if(&self, is_wanted: impl FnOnce(&State) -> bool) -> Option<State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        is_wanted(&state).then(|| std::mem::replace(&mut *state, State::Off))
    }

    /// The connection that was opened ahead.
    fn take<C: 'static>(&self) -> Option<C> {
        match self.take_if(|state| matches!(state, State::Open(..)))? {
            State::Open(since, connection) if since.elapsed() < self.max_age => {
                connection.downcast().ok().map(|it| *it)
            }
            _ => None,
        }
    }
}

impl<S> Layer<S> for Ahead {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector { inner, ahead: self.clone() }
    }
}

/// A connector below an [`Ahead`].
#[derive(Clone)]
pub struct Connector<S> {
    inner: S,
    ahead: Ahead,
}

impl<S, To> Service<To> for Connector<S>
where
    S: Service<To, Error = BoxError, Response: Send + 'static, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        if let Some(connection) = self.ahead.take() {
            return Box::pin(ready(Ok(connection)));
        }
        let connecting = self.inner.call(to);
        if self.ahead.take_if(|state| matches!(state, State::Asked)).is_none() {
            return Box::pin(connecting);
        }
        let ahead = self.ahead.clone();
        Box::pin(async move {
            let connection = connecting.await?;
            ahead.set(State::Open(Instant::now(), Box::new(connection)));
            Err("the connection is kept for later".into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const MINUTE: Duration = Duration::from_secs(60);

    #[expect(clippy::disallowed_methods, reason = "a client that has nothing but the layer")]
    fn client(ahead: &Ahead) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().connector_layer(ahead.clone()).build().unwrap()
    }

    /// A server that answers on every connection: how many there were, and what came over each.
    async fn requests(max_age: Duration, ask: usize) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asking = tokio::spawn(async move {
            let ahead = Ahead::new(max_age);
            let http = client(&ahead);
            ahead.connect(&http, &url).await;
            for _ in 0..ask {
                assert_eq!(http.get(&url).send().await.unwrap().status(), 204);
            }
        });
        let mut all = Vec::new();
        while let Ok(Ok((mut stream, _))) = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await {
            let mut request = vec![0; 4096];
            let read = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut request));
            let length = read.await.map_or(0, Result::unwrap);
            all.push(String::from_utf8_lossy(&request[..length]).into_owned());
            if length > 0 {
                stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
            }
        }
        asking.await.unwrap();
        all
    }

    #[tokio::test]
    async fn nothing_is_sent_ahead() {
        assert_eq!(requests(MINUTE, 0).await, [""]);
    }

    #[tokio::test]
    async fn the_first_request_goes_over_the_connection_that_stands() {
        let requests = requests(MINUTE, 1).await;
        assert_eq!(requests.len(), 1);
        assert!(requests[0].starts_with("GET / "), "{requests:?}");
    }

    #[tokio::test]
    async fn the_second_connection_is_a_new_one() {
        assert_eq!(requests(MINUTE, 2).await.len(), 2);
    }

    #[tokio::test]
    async fn a_connection_that_stands_for_too_long_is_not_used() {
        let requests = requests(Duration::ZERO, 1).await;
        assert_eq!((requests.len(), requests[0].as_str()), (2, ""));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_does_no_harm() {
        let url = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            format!("http://{}/", listener.local_addr().unwrap())
        };
        let ahead = Ahead::new(MINUTE);
        ahead.connect(&client(&ahead), &url).await;
        assert!(ahead.take_if(|state| matches!(state, State::Off)).is_some());
    }
}
