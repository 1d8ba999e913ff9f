//! State of a function instance: built once per cold start.

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::deadline::Deadline;
use crate::error::{Error, Failure};
use crate::http::Call;
use crate::scope::Scope;
use crate::secrets::Secrets;
use crate::session::{Caller, Token, TokenHash};
use crate::store::{Found, Store};
use crate::{aws, wechat};
use aws_types::SdkConfig;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Maximum duration of the warm-up. Lambda allows the whole init phase ten seconds; a service that is slower than this is
/// asked again by the request that needs it.
pub const WARM_UP: Duration = Duration::from_secs(3);

/// Services that a function needs, and so has ready before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// WeChat, with all that belongs to it.
    WeChat,
    /// The keyring and the tables.
    Keyring,
}

/// The clients and settings of one function instance.
pub struct App {
    /// AppId, AppSecret and keyring.
    pub secrets: Arc<Secrets>,
    /// Users, sessions and the access token.
    pub store: Arc<Store>,
    /// The clock.
    pub clock: Clock,
    /// Lifetime of a session.
    pub session_ttl: Duration,
    /// Maximum age of data that the client encrypted; `None` for any age.
    pub decrypt_max_age: Option<Duration>,
    /// If set, WeChat checks that a code of the phone button belongs to the user.
    pub send_openid_with_phone_code: bool,
    /// Multiplies the time limits of calls.
    pub(crate) time_limit_factor: u32,
    wechat_base_url: String,
    extra_roots_file: Option<PathBuf>,
    wechat: OnceLock<wechat::Client>,
}

impl App {
    /// Sets up from the environment that Lambda gives.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up.
    pub fn load(config: Config) -> Result<Self, ConfigError> {
        let sdk = aws::load(&config)?;
        Ok(Self::new(config, &sdk, Clock::system()))
    }

    /// Sets up with these AWS clients and this clock. Nothing is called yet.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        let mut settings = aws_sdk_secretsmanager::config::Builder::from(sdk);
        if let Some(endpoint) = &config.secrets_manager_endpoint {
            settings = settings.endpoint_url(endpoint);
        }
        let secrets = Arc::new(Secrets::new(
            aws_sdk_secretsmanager::Client::from_conf(settings.build()),
            clock.clone(),
            config.wechat_secret_id.clone(),
            config.key_secret_id.clone(),
        ));
        let store = Arc::new(Store::new(sdk, &config));
        Self {
            secrets,
            store,
            clock,
            session_ttl: config.session_ttl,
            decrypt_max_age: config.decrypt_max_age,
            send_openid_with_phone_code: config.send_openid_with_phone_code,
            time_limit_factor: config.time_limit_factor,
            wechat_base_url: config.wechat_base_url,
            extra_roots_file: config.extra_roots_file,
            wechat: OnceLock::new(),
        }
    }

    /// `api.weixin.qq.com`. The client is made when it is first asked for: most functions never do.
    ///
    /// # Errors
    /// If the TLS stack cannot be set up.
    pub fn wechat(&self) -> Result<&wechat::Client, ConfigError> {
        if let Some(client) = self.wechat.get() {
            return Ok(client);
        }
        let client = wechat::Client::new(
            wechat::Connection::new(self.extra_roots_file.as_deref())?,
            self.wechat_base_url.clone(),
            Arc::clone(&self.secrets),
            Arc::clone(&self.store),
            self.clock.clone(),
        );
        Ok(self.wechat.get_or_init(|| client))
    }

    /// Opens the connections and reads the secrets concurrently: init runs at full CPU whatever the memory size, the
    /// first request does not. A failure here is logged, and retried, by the request that needs the service. WeChat is only
    /// connected to: a request there and back would make the cold start longer.
    pub async fn warm_up(&self, needs: Needs) {
        let scope = Scope::until(Deadline::of_invocation(WARM_UP));
        let secrets = async {
            // One after the other, over one connection: a second handshake costs more CPU than both reads, and connecting
            // to WeChat takes longer than either.
            let _ = self.secrets.keyring(&scope).await;
            if needs == Needs::WeChat {
                let _ = self.secrets.get(&scope).await;
            }
        };
        let wechat = async {
            if let (Needs::WeChat, Ok(wechat)) = (needs, self.wechat()) {
                wechat.connect().await;
            }
        };
        tokio::join!(secrets, wechat, self.store.connect(&scope));
    }

    /// Authenticates the caller by the token of a live session.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`], one and the same for no token, an unknown, an expired and a revoked one.
    pub async fn authenticate(&self, call: &Call) -> Result<Caller, Error> {
        authenticate(&self.store, &self.clock, call.bearer(), &call.scope).await
    }
}

/// Returns what is stored of the session of `token`, live or ended, for a call that ends it and may be a repetition.
///
/// # Errors
/// [`Failure::Unauthorized`] if there is no token, or nothing is stored of its session.
pub async fn find(app: &App, call: &Call) -> Result<(TokenHash, Found), Error> {
    let token = call.bearer().ok_or(Error::new(Failure::Unauthorized, "no token"))?;
    let hash = token.hash();
    match app.store.session(&hash, &call.scope).await? {
        Found::Nothing => Err(Error::new(Failure::Unauthorized, "session unknown")),
        found => Ok((hash, found)),
    }
}

/// Authenticates the holder of `token`, if it is that of a live session.
///
/// # Errors
/// [`Failure::Unauthorized`], one and the same for no token, an unknown, an expired and a revoked one.
pub async fn authenticate(store: &Store, clock: &Clock, token: Option<Token>, scope: &Scope) -> Result<Caller, Error> {
    let unauthorized = |cause| Error::new(Failure::Unauthorized, cause);
    let token = token.ok_or(unauthorized("no token"))?;
    let hash = token.hash();
    match store.session(&hash, scope).await? {
        Found::Session(session) if session.is_live(clock.now()) => Ok(Caller { token, hash, session }),
        Found::Session(_) => Err(unauthorized("session expired")),
        Found::Ended(_) => Err(unauthorized("session ended")),
        Found::Nothing => Err(unauthorized("session unknown")),
    }
}
