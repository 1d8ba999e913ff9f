//! A built function behind proxies of its own.

use super::routes::{Request, Verdict};
use std::time::Duration;
use tools::app::{KEYRING, TestApp, environment};
use tools::fakes::runtime_api::Instance;
use tools::faults::{Call, Fault, Proxy, Service, Watch};
use tools::leaks::Canaries;

/// The proxies before the three services.
#[derive(Clone)]
pub struct Rig {
    /// Before WeChat.
    pub wechat: Proxy,
    /// Before DynamoDB.
    pub dynamodb: Proxy,
    /// Before Secrets Manager.
    pub secrets_manager: Proxy,
    canaries: Canaries,
}

/// A process of a built function.
pub struct Function {
    instance: Instance,
    canaries: Canaries,
}

impl Rig {
    /// Proxies before the stand-ins of `app`, that let everything pass.
    pub async fn before(app: &TestApp, canaries: &Canaries) -> Self {
        // The one secret that never goes to WeChat.
        let keyring: serde_json::Value = serde_json::from_str(KEYRING).expect("JSON");
        canaries.add("keyring key", keyring["k1"].as_str().expect("a key"));
        let wechat = Proxy::before(app.wechat.base_url()).await;
        canaries.watch(&wechat);
        Self {
            wechat,
            dynamodb: Proxy::before(app.aws.endpoint()).await,
            secrets_manager: Proxy::before(app.aws.endpoint()).await,
            canaries: canaries.clone(),
        }
    }

    /// The proxy before a service.
    pub fn proxy(&self, service: Service) -> &Proxy {
        match service {
            Service::WeChat => &self.wechat,
            Service::DynamoDb => &self.dynamodb,
            Service::SecretsManager => &self.secrets_manager,
        }
    }

    /// All of them.
    pub fn proxies(&self) -> [&Proxy; 3] {
        [&self.wechat, &self.dynamodb, &self.secrets_manager]
    }

    /// Decides for all services.
    pub fn decide(&self, decide: impl Fn(&Call) -> Option<Fault> + Clone + Send + Sync + 'static) {
        for proxy in self.proxies() {
            proxy.decide(decide.clone());
        }
    }

    /// Tells `watch` of what happens on every wire.
    pub fn watch(&self, watch: &Watch) {
        for proxy in self.proxies() {
            proxy.watch(watch.clone());
        }
    }

    /// Starts a function behind the proxies.
    pub async fn start(&self, app: &TestApp, function: &str) -> Function {
        self.start_with(app, function, &[]).await
    }

    /// The same with some variables changed.
    pub async fn start_with(&self, app: &TestApp, function: &str, changes: &[(&'static str, String)]) -> Function {
        let mut environment = environment(app);
        environment.extend([
            ("WECHAT_BASE_URL", self.wechat.url().to_owned()),
            ("LOCAL_AWS_ENDPOINT", String::new()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb.url().to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets_manager.url().to_owned()),
        ]);
        environment.extend(changes.iter().cloned());
        let instance = Instance::start(function, &environment).await;
        Function { instance, canaries: self.canaries.clone() }
    }
}

impl Function {
    /// Sends a request: what to think of the answer, and how long it took.
    pub async fn send(&self, request: &Request, timeout: Duration) -> (Verdict, Duration) {
        let (answer, spent) = self.instance.invoke_timed(request.event.clone(), timeout).await;
        let body = serde_json::from_str(answer["body"].as_str().unwrap_or_default());
        self.canaries.replied(&body.unwrap_or(answer.clone()));
        (request.judge(&answer), spent)
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.instance.id()
    }

    /// Kills the process, and keeps what it printed.
    pub fn kill(self) {
        let canaries = self.canaries;
        canaries.printed(&self.instance.stop());
    }
}
