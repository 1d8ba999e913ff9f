//! What a function holds for its life: built once per cold start.

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::deadline::Deadline;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::{aws, tls, wechat};
use aws_config::SdkConfig;
use std::time::Duration;

/// How long the warm-up may take. Lambda allows the whole init phase ten seconds; a service that is slower than
/// this is asked again by the request that needs it.
const WARM_UP: Duration = Duration::from_secs(3);

/// The clients and settings of one function instance.
pub struct App {
    /// AppId, AppSecret and keyring.
    pub secrets: Secrets,
    /// Users and sessions.
    pub store: Store,
    /// `api.weixin.qq.com`.
    pub wechat: wechat::Client,
    /// What time it is.
    pub clock: Clock,
    /// How long a session lives.
    pub session_ttl: Duration,
}

impl App {
    /// Sets up from the environment that Lambda gives.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up.
    pub async fn load(config: Config) -> Result<Self, ConfigError> {
        let sdk = aws::load(&config).await?;
        Self::new(config, &sdk, Clock::system())
    }

    /// Sets up with these AWS clients and this clock. Nothing is called yet.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            secrets: Secrets::new(
                aws_sdk_secretsmanager::Client::new(sdk),
                clock.clone(),
                config.wechat_secret_id,
                config.key_secret_id,
            ),
            store: Store::new(
                aws_sdk_dynamodb::Client::new(sdk),
                config.users_table,
                config.sessions_table,
            ),
            wechat: wechat::Client::new(tls::wechat_http_client()?, config.wechat_base_url),
            clock,
            session_ttl: config.session_ttl,
        })
    }

    /// Opens the connections and reads the secrets, side by side: init runs at full CPU whatever the memory size,
    /// the first request does not. What fails here is tried again by the request that needs it. WeChat is left
    /// out: a request there and back would lengthen the cold start by more than the handshake that it saves.
    pub async fn warm_up(&self) {
        let deadline = Deadline::of_invocation(WARM_UP);
        let (_secrets, ()) = tokio::join!(self.secrets.get(deadline), self.store.connect(deadline));
    }
}
