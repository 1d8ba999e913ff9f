//! Everything together, for one test.

use crate::fakes::aws::{Aws, Tables};
use crate::fakes::clock::TestClock;
use crate::fakes::gateway::{self, FUNCTION_TIMEOUT, Function};
use crate::fakes::wechat::{SAMPLE_OPENID, SAMPLE_SESSION_KEY, WeChat};
use authorizer::Authorizer;
use axum::http::{HeaderMap, HeaderValue, header};
use miniprogram::deadline::Deadline;
use miniprogram::session::{Session, Token};
use miniprogram::store::Store;
use miniprogram::{App, Config, Scope};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The secret of AppId and AppSecret.
pub const WECHAT_SECRET_ID: &str = "miniprogram/wechat";
/// The secret of the keyring.
pub const KEY_SECRET_ID: &str = "miniprogram/keyring";
/// The mini-program of the tests.
pub const APP_ID: &str = "wx0123456789abcdef";
/// Its AppSecret.
pub const APP_SECRET: &str = "canary-app-secret-0123456789abcd";
/// The token in the sample events.
pub const SAMPLE_TOKEN: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
/// A keyring with one key.
pub const KEYRING: &str = r#"{"current":"k1","k1":"canaryKeyringKey0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL"}"#;

/// Stand-ins, tables and one instance of every function.
pub struct TestApp {
    /// WeChat.
    pub wechat: WeChat,
    /// DynamoDB and Secrets Manager.
    pub aws: Aws,
    /// The time of the functions and of WeChat.
    pub clock: TestClock,
    /// The tables of this test.
    pub tables: Tables,
    /// What the functions are told.
    pub config: Config,
    functions: HashMap<&'static str, Function>,
    authorizer: Arc<Authorizer>,
}

impl TestApp {
    /// Starts the stand-ins, makes the tables and the secrets, and sets the functions up.
    pub async fn start() -> Self {
        let clock = TestClock::default();
        let wechat = WeChat::serve(free_port().await, clock.clone(), APP_ID, APP_SECRET);
        let aws = Aws::serve(free_port().await, None).await;
        aws.name(WECHAT_SECRET_ID, "WeChatSecret");
        aws.name(KEY_SECRET_ID, "KeySecret");
        aws.put_secret(WECHAT_SECRET_ID, &json!({"AppId": APP_ID, "AppSecret": APP_SECRET}).to_string());
        aws.put_secret(KEY_SECRET_ID, KEYRING);
        let tables = Tables::unique();
        tables.name(&aws);
        tables.create(&aws_sdk_dynamodb::Client::new(&aws.patient_sdk())).await;
        aws.forget_calls();
        let config = config(&wechat, &tables);
        let functions = functions(&config, &aws, &clock);
        let authorizer = authorizer(&config, &aws, &clock);
        Self { wechat, aws, clock, tables, config, functions, authorizer }
    }

    /// The same with time limits for a busy machine, where a test is not about them: ten times as long, for calls that take
    /// milliseconds when the machine is idle.
    pub async fn start_unhurried() -> Self {
        let app = Self::start().await;
        app.with_config(Config { time_limit_factor: 10, ..app.config.clone() })
    }

    /// Another instance of every function, which shares nothing with the first but the services.
    pub fn another_instance(&self) -> Self {
        self.with_config(self.config.clone())
    }

    /// Another instance of every function that is told something else.
    pub fn with_config(&self, config: Config) -> Self {
        Self {
            wechat: self.wechat.clone(),
            aws: self.aws.clone(),
            clock: self.clock.clone(),
            tables: self.tables.clone(),
            functions: functions(&config, &self.aws, &self.clock),
            authorizer: authorizer(&config, &self.aws, &self.clock),
            config,
        }
    }

    /// Another instance of every function that reaches WeChat and AWS at these addresses.
    pub fn behind(&self, wechat: &str, aws: &str) -> Self {
        let config = Config { wechat_base_url: wechat.to_owned(), ..self.config.clone() };
        let aws = self.aws.behind(aws);
        Self {
            wechat: self.wechat.clone(),
            clock: self.clock.clone(),
            tables: self.tables.clone(),
            functions: functions(&config, &aws, &self.clock),
            authorizer: authorizer(&config, &aws, &self.clock),
            aws: self.aws.clone(),
            config,
        }
    }

    /// `POST /login` with this code as JSON.
    pub async fn login(&self, code: &str) -> Answer {
        self.post("/login", "application/json", json!({"code": code}).to_string()).await
    }

    /// A fresh code for this user, exchanged: the token.
    pub async fn log_in(&self, openid: &str) -> String {
        let answer = self.login(&self.wechat.login_code(openid)).await;
        answer.data("token")
    }

    /// `POST /phone` with this token, and this code as JSON.
    pub async fn phone(&self, token: &str, code: &str) -> Answer {
        self.call(token, "POST", "/phone", &json!({"code": code})).await
    }

    /// A request with this token, and this JSON as body; none if it is null.
    pub async fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token");
        headers.insert(header::AUTHORIZATION, bearer);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.request(method, path, &headers, body.as_bytes()).await
    }

    /// What the authorizer makes of an event.
    ///
    /// # Errors
    /// If it cannot tell.
    pub async fn authorize(&self, event: Value) -> Result<Value, String> {
        gateway::authorize(&self.authorizer, event).await
    }

    /// `POST` with this media type and body.
    pub async fn post(&self, path: &str, media_type: &str, body: impl AsRef<[u8]>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).expect("a media type"));
        self.request("POST", path, &headers, body.as_ref()).await
    }

    /// Any request.
    pub async fn request(&self, method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
        self.invoke(path, gateway::event(method, path, headers, body)).await
    }

    /// Any event, to the function behind `path`.
    pub async fn invoke(&self, path: &str, event: Value) -> Answer {
        self.invoke_within(path, event, FUNCTION_TIMEOUT).await
    }

    /// Any event, with so much time left.
    pub async fn invoke_within(&self, path: &str, event: Value, timeout: Duration) -> Answer {
        let function = self.functions.get(path).expect("a function behind the path");
        Answer::from_event(&function(event, timeout).await)
    }

    /// Lets the time pass for which a logout of all or an erase still refuses logins, because clocks differ.
    pub fn pass_margin(&self) {
        self.clock.advance(miniprogram::store::conditions::MARGIN + Duration::from_millis(1));
    }

    /// The key of a user's item.
    pub fn user_key(openid: &str) -> aws_sdk_dynamodb::types::AttributeValue {
        aws_sdk_dynamodb::types::AttributeValue::S(miniprogram::store::user_hash(APP_ID, openid))
    }

    /// A client of the tables that waits as long as it takes.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.aws.patient_sdk())
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let unexpected = self.wechat.unexpected();
        if !std::thread::panicking() {
            assert!(unexpected.is_empty(), "WeChat was asked for what it does not know: {unexpected:?}");
        }
    }
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by lower-case name.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// Reads what `lambda_http` makes of a response for any kind of event.
    pub fn from_event(answer: &Value) -> Self {
        let header = |(name, value): (&String, &Value)| {
            let value = value.as_array().map_or(value, |values| &values[0]);
            (name.clone(), value.as_str().unwrap_or_default().to_owned())
        };
        let maps = ["multiValueHeaders", "headers"].map(|name| answer[name].as_object());
        let text = answer["body"].as_str().unwrap_or_else(|| panic!("no body: {answer}"));
        Self {
            status: u16::try_from(answer["statusCode"].as_u64().expect("a status")).expect("a status"),
            headers: maps.into_iter().flatten().flatten().map(header).collect(),
            body: serde_json::from_str(text).expect("a JSON body"),
        }
    }

    /// A text in `data`.
    pub fn data(&self, name: &str) -> String {
        let value = self.body["data"][name].as_str();
        value.unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    /// The `error` of the body, or `ok`.
    pub fn outcome(&self) -> &str {
        self.body["error"].as_str().unwrap_or("ok")
    }
}

/// Fails a test if this is not the status and the `error` (or `ok`) of `answer`.
///
/// # Panics
/// If it is not.
#[track_caller]
pub fn assert_outcome(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.outcome()), (status, error), "{answer:?}");
}

/// What the functions are told about these stand-ins.
pub fn config(wechat: &WeChat, tables: &Tables) -> Config {
    Config {
        wechat_secret_id: WECHAT_SECRET_ID.to_owned(),
        key_secret_id: KEY_SECRET_ID.to_owned(),
        wechat_base_url: wechat.base_url().to_owned(),
        session_ttl: miniprogram::config::SESSION_TTL,
        users_table: tables.users.clone(),
        sessions_table: tables.sessions.clone(),
        access_tokens_table: tables.access_tokens.clone(),
        send_openid_with_phone_code: true,
        local_aws_endpoint: None,
        dynamodb_endpoint: None,
        secrets_manager_endpoint: None,
        credentials: None,
        region: None,
        app_name: None,
        use_dual_stack: false,
        use_fips: false,
        erasures_table: Some(tables.erasures.clone()),
        time_limit_factor: 1,
        // The sample event is as old as the repository.
        decrypt_max_age: None,
        extra_roots_file: None,
    }
}

/// What `template.yaml` tells a function, for the stand-ins of a test.
pub fn environment(app: &TestApp) -> Vec<(&'static str, String)> {
    vec![
        ("WECHAT_SECRET_ID", WECHAT_SECRET_ID.to_owned()),
        ("KEY_SECRET_ID", KEY_SECRET_ID.to_owned()),
        ("WECHAT_BASE_URL", app.wechat.base_url().to_owned()),
        ("USERS_TABLE", app.tables.users.clone()),
        ("SESSIONS_TABLE", app.tables.sessions.clone()),
        // The sample event is as old as the repository.
        ("DECRYPT_MAX_AGE_SECONDS", "0".to_owned()),
        ("ERASURES_TABLE", app.tables.erasures.clone()),
        ("ACCESS_TOKENS_TABLE", app.tables.access_tokens.clone()),
        ("LOCAL_AWS_ENDPOINT", app.aws.endpoint().to_owned()),
        ("TIME_LIMIT_FACTOR", app.config.time_limit_factor.to_string()),
        ("RUST_LOG", "trace".to_owned()),
    ]
}

/// Opens the session whose token stands in the sample events, for the user whose the sample codes are.
pub async fn open_sample_session(config: &Config, aws: &Aws, clock: &TestClock) {
    let app = App::new(config.clone(), &aws.patient_sdk(), clock.for_app());
    let token = Token::parse(SAMPLE_TOKEN).expect("a token");
    let scope = Scope::until(Deadline::of_invocation(FUNCTION_TIMEOUT));
    let (credentials, keyring) = app.secrets.get(&scope).await.expect("the secrets");
    let now = app.clock.now();
    let session = Session {
        openid: SAMPLE_OPENID.to_owned(),
        unionid: None,
        appid: credentials.app_id.clone(),
        session_key: token.seal(&keyring, &SAMPLE_SESSION_KEY.to_owned().into()).expect("a seal"),
        created_at: now,
        expires_at: now + app.session_ttl,
    };
    app.store.log_in(&token.hash(), &session, now, &scope).await.expect("the sample session");
}

/// One instance of every function behind HTTP, by the paths that it answers.
pub fn functions(config: &Config, aws: &Aws, clock: &TestClock) -> HashMap<&'static str, Function> {
    let app = |function| {
        Ok(Arc::new(App::new(config.clone(), &aws.sdk(function, config.time_limit_factor), clock.for_app())))
    };
    let user = gateway::function(miniprogram::service("user", app("user"), user::handle));
    HashMap::from([
        ("/login", gateway::function(miniprogram::service("login", app("login"), login::handle))),
        ("/phone", gateway::function(miniprogram::service("phone", app("phone"), phone::handle))),
        ("/user", user.clone()),
        ("/logout", user),
        ("/decrypt", gateway::function(miniprogram::service("decrypt", app("decrypt"), decrypt::handle))),
    ])
}

/// One instance of the authorizer.
pub fn authorizer(config: &Config, aws: &Aws, clock: &TestClock) -> Arc<Authorizer> {
    let store = Store::new(&aws.sdk("authorizer", config.time_limit_factor), config);
    Arc::new(Authorizer::new(store, clock.for_app(), config.time_limit_factor))
}

async fn free_port() -> tokio::net::TcpListener {
    crate::listen(0).await.expect("a free port")
}
