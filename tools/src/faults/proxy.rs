//! The proxy itself.

use super::wire::{self, Request};
use super::{Call, Decide, Event, Exchange, Fault, Observe, Point, Service, Watch};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A proxy before one or more services behind one address. Clones share it.
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    url: String,
    upstream: String,
    http: reqwest::Client,
    steering: Mutex<Steering>,
    /// Counts how often all connections were reset.
    resets: watch::Sender<u64>,
}

struct Steering {
    decide: Decide,
    watch: Watch,
    observe: Observe,
    seen: HashMap<(Service, String), u64>,
}

/// How a conversation ends.
enum End {
    Closed,
    Reset,
    /// Nothing more is said, and the connection stays.
    Silent,
}

impl Proxy {
    /// Starts a proxy before `upstream` (`http://…`) that lets everything pass.
    pub fn serve(listener: TcpListener, upstream: &str) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let steering = Steering {
            decide: Arc::new(|_| None),
            watch: Arc::new(|_, _| true),
            observe: Arc::new(|_| {}),
            seen: HashMap::new(),
        };
        let proxy = Self(Arc::new(Inner {
            url: format!("http://{address}"),
            upstream: upstream.to_owned(),
            http: crate::http_client(),
            steering: Mutex::new(steering),
            resets: watch::Sender::new(0),
        }));
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().connection(stream));
            }
        });
        proxy
    }

    /// The same on a free port of this machine.
    pub async fn before(upstream: &str) -> Self {
        Self::serve(crate::listen(0).await.expect("a free port"), upstream)
    }

    /// What it listens on: `http://…`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Decides what becomes of requests from now on, and counts them anew.
    pub fn decide(&self, decide: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        let mut steering = self.steering();
        steering.decide = Arc::new(decide);
        steering.seen.clear();
    }

    /// Lets everything pass again.
    pub fn calm(&self) {
        self.decide(|_| None);
    }

    /// Tells `watch` of every event from now on.
    pub fn watch(&self, watch: Watch) {
        self.steering().watch = watch;
    }

    /// Shows `observe` every exchange from now on.
    pub fn observe(&self, observe: impl Fn(&Exchange) + Send + Sync + 'static) {
        self.steering().observe = Arc::new(observe);
    }

    /// Resets every connection that is open.
    pub fn reset_all(&self) {
        self.0.resets.send_modify(|resets| *resets += 1);
    }

    fn steering(&self) -> MutexGuard<'_, Steering> {
        self.0.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connection(self, mut stream: TcpStream) {
        let mut resets = self.0.resets.subscribe();
        // Answers are written in pieces; without this the second would wait for the first to be acknowledged.
        let _ = stream.set_nodelay(true);
        let end = tokio::select! {
            end = self.talk(&mut stream) => end.unwrap_or(End::Closed),
            _ = resets.changed() => End::Reset,
        };
        match end {
            End::Closed => {}
            End::Silent => {
                // Until the client goes, or everything is reset.
                let mut sink = [0; 1024];
                tokio::select! {
                    () = async { while matches!(stream.read(&mut sink).await, Ok(1..)) {} } => {}
                    _ = resets.changed() => drop(stream.set_zero_linger()),
                }
            }
            // A connection that is closed so sends RST instead of FIN.
            End::Reset => drop(stream.set_zero_linger()),
        }
    }

    async fn talk(&self, stream: &mut TcpStream) -> io::Result<End> {
        let first = self.service("", "");
        if !self.tell(first, Event::Connected) {
            return Ok(End::Silent);
        }
        let mut rest = Vec::new();
        while let Some(request) = wire::read(stream, &mut rest).await? {
            let (call, mut fault) = self.look_at(&request);
            if let Some(Fault::Late(by, inner)) = fault {
                tokio::time::sleep(by).await;
                fault = Some(*inner);
            }
            if !self.tell(call.service, Event::Arrived) {
                return Ok(End::Silent);
            }
            let answer = match &fault {
                Some(Fault::Stall(Point::Request)) => return Ok(End::Silent),
                Some(Fault::Reset(Point::Request)) => return Ok(End::Reset),
                Some(Fault::Endless(length)) => return endless(stream, *length).await,
                Some(Fault::Refuse(answer)) => answer.clone(),
                Some(Fault::Delay(by)) => {
                    tokio::time::sleep(*by).await;
                    self.pass_on(&call, &request).await?
                }
                Some(Fault::Slow(by)) => {
                    let answer = self.pass_on(&call, &request).await?;
                    tokio::time::sleep(*by).await;
                    answer
                }
                Some(Fault::Replace(answer)) => {
                    self.pass_on(&call, &request).await?;
                    answer.clone()
                }
                _ => self.pass_on(&call, &request).await?,
            };
            if !self.tell(call.service, Event::CarriedOut) {
                return Ok(End::Silent);
            }
            if let Some(Fault::Stall(point) | Fault::Reset(point)) = fault {
                stream.write_all(&answer[..cut(&answer, point)]).await?;
                return Ok(if matches!(fault, Some(Fault::Stall(_))) { End::Silent } else { End::Reset });
            }
            let (first, second) = answer.split_at(answer.len() / 2);
            stream.write_all(first).await?;
            if !self.tell(call.service, Event::HalfAnswered) {
                return Ok(End::Silent);
            }
            stream.write_all(second).await?;
            if !self.tell(call.service, Event::Answered) {
                return Ok(End::Silent);
            }
        }
        Ok(End::Closed)
    }

    /// What a request is, and what shall become of it. Requests that steer a stand-in pass.
    fn look_at(&self, request: &Request) -> (Call, Option<Fault>) {
        let target = request.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let service = self.service(target, request.path());
        let operation = target.rsplit('.').next().filter(|name| !name.is_empty()).unwrap_or(request.path()).to_owned();
        let mut steering = self.steering();
        let seen = steering.seen.entry((service, operation.clone())).or_default();
        let call = Call { service, operation, nth: *seen };
        *seen += 1;
        let fault = if call.operation.starts_with("/_control/") { None } else { (steering.decide)(&call) };
        (call, fault)
    }

    fn service(&self, target: &str, path: &str) -> Service {
        match target.split_once('.') {
            Some(("secretsmanager", _)) => Service::SecretsManager,
            None if !path.is_empty() => Service::WeChat,
            _ => Service::DynamoDb,
        }
    }

    fn tell(&self, service: Service, event: Event) -> bool {
        let watch = Arc::clone(&self.steering().watch);
        watch(service, event)
    }

    async fn pass_on(&self, call: &Call, request: &Request) -> io::Result<Vec<u8>> {
        let mut headers = request.headers.clone();
        for name in ["host", "content-length", "connection"] {
            headers.remove(name);
        }
        let url = format!("{}{}", self.0.upstream, request.target);
        let sent = self.0.http.request(request.method.clone(), url).headers(headers).body(request.body.clone());
        let answer = sent.send().await.map_err(io::Error::other)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.map_err(io::Error::other)?;
        let observe = Arc::clone(&self.steering().observe);
        observe(&Exchange { service: call.service, target: &request.target, request: &request.body, response: &body });
        let kept = headers.iter().filter(|(name, _)| !matches!(name.as_str(), "content-length" | "transfer-encoding"));
        let kept: Vec<_> =
            kept.filter_map(|(name, value)| value.to_str().ok().map(|value| (name.as_str(), value))).collect();
        Ok(wire::answer(status, &kept, &body))
    }
}

/// How many bytes of an answer come before the point. One byte at least stays out.
fn cut(answer: &[u8], point: Point) -> usize {
    let body = wire::body_start(answer);
    match point {
        Point::Request | Point::Answer => 0,
        Point::Head(bytes) => bytes.min(body - 1),
        Point::Body(bytes) => (body + bytes).min(answer.len().saturating_sub(1)).max(body.min(answer.len() - 1)),
    }
}

/// Sends blanks, which may stand before any JSON, until the client goes.
async fn endless(stream: &mut TcpStream, length: Option<u64>) -> io::Result<End> {
    let blanks = [b' '; 16 * 1024];
    let Some(mut left) = length else {
        stream.write_all(b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n").await?;
        loop {
            stream.write_all(b"4000\r\n").await?;
            stream.write_all(&blanks).await?;
            stream.write_all(b"\r\n").await?;
        }
    };
    stream.write_all(format!("HTTP/1.1 200 \r\ncontent-length: {left}\r\n\r\n").as_bytes()).await?;
    while left > 0 {
        let piece = blanks.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        stream.write_all(&blanks[..piece]).await?;
        left -= piece as u64;
    }
    Ok(End::Closed)
}

/// An address where connections do not come about: nobody answers the first packet. It holds as long as the guard lives.
///
/// A listener that never accepts and whose queue is full has the system drop further attempts.
pub async fn unreachable() -> (String, impl Sized) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("a bound listener has an address");
    let mut waiting = Vec::new();
    // How many fit beside the backlog differs from system to system: until one hangs.
    for _ in 0..64 {
        match tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            Ok(stream) => waiting.push(stream),
            Err(_) => break,
        }
    }
    (format!("http://{address}"), (listener, waiting))
}
