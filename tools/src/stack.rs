//! What an operator's command needs of a deployed stack.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use miniprogram::config::ConfigError;
use miniprogram::keyring::Keyring;
use miniprogram::store::Store;
use miniprogram::{Config, aws};
use std::error::Error;

/// Returns the configuration of a command that works on the table of users and, if it needs it, that of erasures.
///
/// # Errors
/// If a name is empty.
pub fn config(users: &str, erasures: Option<&str>) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| match name {
        "USERS_TABLE" => Some(users.to_owned()),
        "ERASURES_TABLE" => erasures.map(str::to_owned),
        "LOCAL_AWS_ENDPOINT" => crate::environment(name),
        // Not used here.
        "WECHAT_SECRET_ID" | "KEY_SECRET_ID" | "SESSIONS_TABLE" | "ACCESS_TOKENS_TABLE" => Some("-".to_owned()),
        _ => None,
    })
}

/// Opens the tables of `config`, and the keyring in the secret `key_secret`. Credentials and region come from the environment or
/// the AWS profile.
///
/// # Errors
/// If there are no credentials, or the keyring cannot be read.
pub async fn open(config: &Config, key_secret: &str) -> Result<(Store, Keyring), Box<dyn Error>> {
    // The operator's own credentials, wherever they are: a profile, an assumed role, the environment.
    let mut sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(aws::http_client(None)?);
    if let Some(endpoint) = &config.local_aws_endpoint {
        sdk = sdk.endpoint_url(endpoint);
    }
    let sdk = aws::with_limits(sdk.load().await, 1);
    let secret = aws_sdk_secretsmanager::Client::new(&sdk).get_secret_value().secret_id(key_secret).send().await;
    let secret = secret.map_err(|error| format!("the keyring cannot be read: {}", DisplayErrorContext(error)))?;
    // An editor may have put a byte order mark.
    let keyring = Keyring::parse(secret.secret_string().unwrap_or_default().trim_start_matches('\u{feff}'))?;
    Ok((Store::new(&sdk, config), keyring))
}
