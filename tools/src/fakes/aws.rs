//! Stand-ins for the AWS services behind one address: a Secrets Manager of our own, and a real DynamoDB-compatible
//! engine (embedded, or another one whose endpoint `TEST_DYNAMODB_ENDPOINT` names). Both are spoken to by the
//! real AWS SDK.

mod front;
pub mod iam;
mod tables;

use crate::faults::Proxy;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use dynoxide::Database;
use iam::Permission;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

pub use crate::faults::{Mood, Service};
pub use tables::{Tables, scan};

/// The stand-ins. Clones share their state.
#[derive(Clone)]
pub struct Aws {
    state: Arc<Mutex<State>>,
    endpoint: String,
    engine: String,
}

struct State {
    secrets: BTreeMap<String, String>,
    moods: HashMap<Service, Mood>,
    calls: Vec<String>,
    /// Copies of the writes since a test asked for them.
    copies: Option<Vec<front::Copy>>,
    /// What each physical name is called in `template.yaml`.
    logical_ids: HashMap<String, &'static str>,
    used: BTreeMap<String, BTreeSet<Permission>>,
}

impl Aws {
    /// Starts the stand-ins. With `database` that engine is served, without it the endpoint that
    /// `TEST_DYNAMODB_ENDPOINT` names, or else an engine in memory.
    pub async fn serve(listener: TcpListener, database: Option<Database>) -> Self {
        let engine = match (database, crate::environment("TEST_DYNAMODB_ENDPOINT")) {
            (Some(database), _) => embedded(database).await,
            (None, Some(endpoint)) => endpoint,
            (None, None) => embedded(Database::memory().expect("an engine in memory")).await,
        };
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = State {
            secrets: BTreeMap::new(),
            moods: HashMap::new(),
            calls: Vec::new(),
            copies: None,
            logical_ids: HashMap::new(),
            used: BTreeMap::new(),
        };
        let front = crate::listen(0).await.expect("a free port");
        let behind = format!("http://{}", front.local_addr().expect("a bound listener has an address"));
        let aws = Self { state: Arc::new(Mutex::new(state)), endpoint: format!("http://{address}"), engine };
        tokio::spawn(front::serve(front, aws.clone()));
        let state = Arc::clone(&aws.state);
        Proxy::serve(listener, &behind).decide(move |call| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.calls.push(format!("{:?}.{}", call.service, call.operation));
            let mood = state.moods.entry(call.service).or_default();
            let (fault, next) = mood.fault(call);
            *mood = next;
            fault
        });
        aws
    }

    /// The same stand-ins, reached at another address: that of a proxy before them.
    pub fn behind(&self, endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..self.clone() }
    }

    /// `http://…`, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The configuration of the real SDK for a function, with the functions' own limits and permissions.
    pub fn sdk(&self, function: &'static str, time_limit_factor: u32) -> SdkConfig {
        let named = self.patient_sdk().into_builder().app_name(AppName::new(function).expect("a plain name"));
        miniprogram::aws::with_limits(named.build(), time_limit_factor)
    }

    /// The same without limits, and with all permissions, for what a test itself does.
    pub fn patient_sdk(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(credentials))
            .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new()))
            .endpoint_url(&self.endpoint)
            .http_client(miniprogram::aws::http_client(None).expect("the TLS stack"))
            .build()
    }

    /// Tells what a table or secret is called in `template.yaml`, so that a function may do with it what its role
    /// there allows, and no more.
    pub fn name(&self, physical: &str, logical_id: &'static str) {
        self.state().logical_ids.insert(physical.to_owned(), logical_id);
    }

    /// What a function has made use of so far.
    pub fn used(&self, function: &str) -> BTreeSet<Permission> {
        self.state().used.get(function).cloned().unwrap_or_default()
    }

    /// Writes a secret's text.
    pub fn put_secret(&self, id: &str, text: &str) {
        self.state().secrets.insert(id.to_owned(), text.to_owned());
    }

    /// Takes a secret away.
    pub fn delete_secret(&self, id: &str) {
        self.state().secrets.remove(id);
    }

    /// Changes how a service behaves.
    pub fn set_mood(&self, service: Service, mood: Mood) {
        self.state().moods.insert(service, mood);
    }

    /// Keeps a copy of every write to DynamoDB from now on, as a network may.
    pub fn keep_copies(&self) {
        self.state().copies = Some(Vec::new());
    }

    /// Delivers the copies, so late that DynamoDB has forgotten their client request tokens.
    pub async fn deliver_copies(&self) {
        let copies = self.state().copies.take().unwrap_or_default();
        assert!(!copies.is_empty(), "nothing was written");
        for copy in copies {
            copy.deliver(&self.engine).await;
        }
    }

    /// The calls so far, as `Service.Operation`.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.state().calls.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves an embedded engine on a port of its own.
async fn embedded(database: Database) -> String {
    let listener = crate::listen(0).await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    format!("http://{address}")
}
