//! What a function holds for its life: built once per cold start.

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::deadline::Deadline;
use crate::error::{Error, Failure};
use crate::http::Call;
use crate::scope::Scope;
use crate::secrets::Secrets;
use crate::session::{Session, TokenHash};
use crate::store::Store;
use crate::{aws, tls, wechat};
use aws_config::SdkConfig;
use std::sync::Arc;
use std::time::Duration;

/// How long the warm-up may take. Lambda allows the whole init phase ten seconds; a service that is slower than this is
/// asked again by the request that needs it.
const WARM_UP: Duration = Duration::from_secs(3);

/// The clients and settings of one function instance.
pub struct App {
    /// AppId, AppSecret and keyring.
    pub secrets: Arc<Secrets>,
    /// Users, sessions and the access token.
    pub store: Arc<Store>,
    /// `api.weixin.qq.com`.
    pub wechat: wechat::Client,
    /// What time it is.
    pub clock: Clock,
    /// How long a session lives.
    pub session_ttl: Duration,
    /// Whether WeChat is asked to check whose a code of the phone button is.
    pub send_openid_with_phone_code: bool,
}

impl App {
    /// Sets up from the environment that Lambda gives.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up.
    pub async fn load(config: Config) -> Result<Self, ConfigError> {
        let sdk = aws::load(&config)?;
        Self::new(config, &sdk, Clock::system())
    }

    /// Sets up with these AWS clients and this clock. Nothing is called yet.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Result<Self, ConfigError> {
        let secrets = Arc::new(Secrets::new(
            aws_sdk_secretsmanager::Client::new(sdk),
            clock.clone(),
            config.wechat_secret_id.clone(),
            config.key_secret_id.clone(),
        ));
        let store = Arc::new(Store::new(aws_sdk_dynamodb::Client::new(sdk), &config));
        let wechat = wechat::Client::new(
            tls::wechat_http_client(config.extra_roots_file.as_deref())?,
            config.wechat_base_url,
            Arc::clone(&secrets),
            Arc::clone(&store),
            clock.clone(),
        );
        Ok(Self {
            secrets,
            store,
            wechat,
            clock,
            session_ttl: config.session_ttl,
            send_openid_with_phone_code: config.send_openid_with_phone_code,
        })
    }

    /// Opens the connections and reads the secrets, side by side: init runs at full CPU whatever the memory size, the
    /// first request does not. What fails here is tried again by the request that needs it. WeChat is left out: a
    /// request there and back would lengthen the cold start by more than the handshake that it saves.
    pub async fn warm_up(&self) {
        let scope = Scope::until(Deadline::of_invocation(WARM_UP));
        let (_secrets, ()) = tokio::join!(self.secrets.get(&scope), self.store.connect(&scope));
    }

    /// The live session whose token the caller presents.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`], one and the same for no token, an unknown, an expired and a revoked one.
    pub async fn authenticate(&self, call: &Call) -> Result<(TokenHash, Session), Error> {
        let unauthorized = |cause| Error::new(Failure::Unauthorized, cause);
        let token = call.bearer().ok_or(unauthorized("no token"))?;
        let hash = token.hash();
        match self.store.session(&hash, &call.scope).await? {
            Some(session) if session.is_live(self.clock.now()) => Ok((hash, session)),
            Some(_) => Err(unauthorized("session expired")),
            None => Err(unauthorized("session unknown")),
        }
    }
}
