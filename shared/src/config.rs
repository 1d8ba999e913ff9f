//! The only file that reads the environment.

use aws_sdk_dynamodb::config::Credentials;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

/// WeChat's own address, unless `WECHAT_BASE_URL` names another.
pub const WECHAT_BASE_URL: &str = "https://api.weixin.qq.com";

/// A session's life: `60 * 60 * 24 * 30` seconds, unless `SESSION_TTL_SECONDS` says otherwise.
pub const SESSION_TTL: Duration = Duration::from_secs(60 * 60 * 24 * 30);

/// Maximum age of data that the client encrypted: ten minutes, unless `DECRYPT_MAX_AGE_SECONDS` says otherwise.
pub const DECRYPT_MAX_AGE: Duration = Duration::from_secs(600);

/// Configuration of a function, from its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `WECHAT_SECRET_ID`: name or ARN of the secret `{"AppId": "…", "AppSecret": "…"}`.
    pub wechat_secret_id: String,
    /// `KEY_SECRET_ID`: name or ARN of the keyring (see [`crate::keyring`]).
    pub key_secret_id: String,
    /// `WECHAT_BASE_URL`: scheme and host, without a slash at the end.
    pub wechat_base_url: String,
    /// `SESSION_TTL_SECONDS`: how long a session lives.
    pub session_ttl: Duration,
    /// `DECRYPT_MAX_AGE_SECONDS`: how old what the client encrypted may be, by its watermark; `None` (0) for any age.
    pub decrypt_max_age: Option<Duration>,
    /// `USERS_TABLE`: the DynamoDB table of the users.
    pub users_table: String,
    /// `SESSIONS_TABLE`: the DynamoDB table of the sessions.
    pub sessions_table: String,
    /// `ACCESS_TOKENS_TABLE`: the DynamoDB table of WeChat's access tokens.
    pub access_tokens_table: String,
    /// `SEND_OPENID_WITH_PHONE_CODE`: whether WeChat is asked to check that the code of the phone button belongs to the
    /// session's user. On unless it is `false`: one report calls the field a format error.
    pub send_openid_with_phone_code: bool,
    /// `LOCAL_AWS_ENDPOINT` (or the SDKs' own `AWS_ENDPOINT_URL`): where the AWS services are during development; `None` on
    /// AWS. An empty variable counts as none, because `sam local` cannot leave a declared variable out.
    pub local_aws_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: where DynamoDB alone is, if elsewhere.
    pub dynamodb_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`: where Secrets Manager alone is, if elsewhere.
    pub secrets_manager_endpoint: Option<String>,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`: set by Lambda, from the function's role, for the life of
    /// the process. Nothing is called without them.
    pub credentials: Option<Credentials>,
    /// `AWS_REGION`: set by Lambda.
    pub region: Option<String>,
    /// `AWS_SDK_UA_APP_ID`: by what name AWS's own logs know the caller.
    pub app_name: Option<String>,
    /// `AWS_USE_DUALSTACK_ENDPOINT`: whether AWS is reached over IPv6 too.
    pub use_dual_stack: bool,
    /// `AWS_USE_FIPS_ENDPOINT`: whether AWS is reached at its FIPS endpoints.
    pub use_fips: bool,
    /// `ERASURES_TABLE`: the table of erasures, for functions that erase users.
    pub erasures_table: Option<String>,
    /// `TIME_LIMIT_FACTOR`: multiplies the time limit of every call, for tests on a busy machine; 1 on AWS.
    pub time_limit_factor: u32,
    /// `EXTRA_ROOTS_FILE`: a PEM file of certificate authorities that are trusted besides the public ones, for fakes that
    /// speak TLS; `None` on AWS.
    pub extra_roots_file: Option<PathBuf>,
}

/// A variable that is missing or makes no sense. Its value is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The remedy, naming the variable.
    pub advice: &'static str,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.advice)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable that is missing or malformed.
    #[expect(clippy::disallowed_methods, reason = "the only file that reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables through `lookup`; an empty one counts as missing.
    ///
    /// # Errors
    /// The first variable that is missing or malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name| lookup(name).filter(|value| !value.is_empty());
        let need = |name, advice| get(name).ok_or(ConfigError { advice });
        Ok(Self {
            wechat_secret_id: need("WECHAT_SECRET_ID", "WECHAT_SECRET_ID is not set")?,
            key_secret_id: need("KEY_SECRET_ID", "KEY_SECRET_ID is not set")?,
            wechat_base_url: base_url(get("WECHAT_BASE_URL"))?,
            session_ttl: session_ttl(get("SESSION_TTL_SECONDS"))?,
            decrypt_max_age: decrypt_max_age(get("DECRYPT_MAX_AGE_SECONDS"))?,
            users_table: need("USERS_TABLE", "USERS_TABLE is not set")?,
            sessions_table: need("SESSIONS_TABLE", "SESSIONS_TABLE is not set")?,
            access_tokens_table: need("ACCESS_TOKENS_TABLE", "ACCESS_TOKENS_TABLE is not set")?,
            send_openid_with_phone_code: switch(get("SEND_OPENID_WITH_PHONE_CODE").as_deref())?,
            local_aws_endpoint: get("LOCAL_AWS_ENDPOINT").or_else(|| get("AWS_ENDPOINT_URL")),
            dynamodb_endpoint: get("AWS_ENDPOINT_URL_DYNAMODB"),
            secrets_manager_endpoint: get("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            credentials: get("AWS_ACCESS_KEY_ID").zip(get("AWS_SECRET_ACCESS_KEY")).map(|(id, secret)| {
                Credentials::new(id, secret, get("AWS_SESSION_TOKEN"), None, "Lambda's environment")
            }),
            region: get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
            app_name: get("AWS_SDK_UA_APP_ID"),
            use_dual_stack: get("AWS_USE_DUALSTACK_ENDPOINT").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            use_fips: get("AWS_USE_FIPS_ENDPOINT").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            erasures_table: get("ERASURES_TABLE"),
            time_limit_factor: time_limit_factor(get("TIME_LIMIT_FACTOR").as_deref())?,
            extra_roots_file: get("EXTRA_ROOTS_FILE").map(PathBuf::from),
        })
    }
}

fn base_url(given: Option<String>) -> Result<String, ConfigError> {
    let text = given.unwrap_or_else(|| WECHAT_BASE_URL.to_owned());
    match Url::parse(&text) {
        Ok(url) if url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_near(&url) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Ok(url) if url.scheme() == "http" => Err(ConfigError {
            advice: "WECHAT_BASE_URL is http, and neither loopback nor private: the AppSecret would travel in clear",
        }),
        _ => Err(ConfigError { advice: "WECHAT_BASE_URL is not an http or https URL" }),
    }
}

/// Whether the host is on this machine or a private network, where the fakes of WeChat are.
fn is_near(url: &Url) -> bool {
    match url.host() {
        // The second is Docker's name for the machine that it runs on.
        Some(Host::Domain(name)) => matches!(name, "localhost" | "host.docker.internal"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    }
}

fn decrypt_max_age(given: Option<String>) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = given else {
        return Ok(Some(DECRYPT_MAX_AGE));
    };
    match text.parse::<u64>() {
        Ok(0) => Ok(None),
        Ok(seconds @ 1..=315_360_000) => Ok(Some(Duration::from_secs(seconds))),
        _ => {
            Err(ConfigError { advice: "DECRYPT_MAX_AGE_SECONDS is not a whole number of seconds from 0 to 315360000" })
        }
    }
}

fn switch(given: Option<&str>) -> Result<bool, ConfigError> {
    match given {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(ConfigError { advice: "SEND_OPENID_WITH_PHONE_CODE is neither true nor false" }),
    }
}

fn time_limit_factor(given: Option<&str>) -> Result<u32, ConfigError> {
    match given.map_or(Ok(1), str::parse) {
        Ok(factor @ 1..=10) => Ok(factor),
        _ => Err(ConfigError { advice: "TIME_LIMIT_FACTOR is not a whole number from 1 to 10" }),
    }
}

fn session_ttl(given: Option<String>) -> Result<Duration, ConfigError> {
    let Some(text) = given else {
        return Ok(SESSION_TTL);
    };
    // Ten years bound what can be added to a time without a second thought.
    match text.parse::<u64>() {
        Ok(seconds @ 1..=315_360_000) => Ok(Duration::from_secs(seconds)),
        _ => Err(ConfigError { advice: "SESSION_TTL_SECONDS is not a whole number of seconds from 1 to 315360000" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| {
            let changed = changes.iter().find(|(changed, _)| *changed == name);
            match (changed, name) {
                (Some((_, value)), _) => Some((*value).to_owned()),
                (
                    None,
                    "WECHAT_SECRET_ID" | "KEY_SECRET_ID" | "USERS_TABLE" | "SESSIONS_TABLE" | "ACCESS_TOKENS_TABLE",
                ) => Some(name.to_lowercase()),
                _ => None,
            }
        })
    }

    #[test]
    fn what_is_not_set_has_its_documented_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.wechat_base_url, "https://api.weixin.qq.com");
        assert_eq!(config.session_ttl.as_secs(), 2_592_000);
        assert_eq!(config.local_aws_endpoint, None);
        assert_eq!(config.extra_roots_file, None);
        assert!(config.send_openid_with_phone_code);
        assert_eq!(config.time_limit_factor, 1);
        assert_eq!(config.decrypt_max_age, Some(Duration::from_secs(600)));
    }

    #[test]
    fn the_switch_for_the_openid_is_true_or_false() {
        assert!(!read(&[("SEND_OPENID_WITH_PHONE_CODE", "false")]).unwrap().send_openid_with_phone_code);
        assert!(read(&[("SEND_OPENID_WITH_PHONE_CODE", "no")]).is_err());
    }

    #[test]
    fn an_empty_local_endpoint_counts_as_none() {
        let config = read(&[("LOCAL_AWS_ENDPOINT", "")]).unwrap();
        assert_eq!(config.local_aws_endpoint, None);
    }

    #[test]
    fn an_empty_secret_id_counts_as_missing() {
        let error = read(&[("WECHAT_SECRET_ID", "")]).unwrap_err();
        assert_eq!(error.advice, "WECHAT_SECRET_ID is not set");
    }

    #[test]
    fn a_session_life_that_is_no_whole_positive_number_is_refused() {
        for text in ["0", "-1", "1.5", "a month", "99999999999999999999"] {
            assert!(read(&[("SESSION_TTL_SECONDS", text)]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_url_loses_its_last_slash() {
        let config = read(&[("WECHAT_BASE_URL", "http://127.0.0.1:9001/")]).unwrap();
        assert_eq!(config.wechat_base_url, "http://127.0.0.1:9001");
    }

    #[test]
    fn plain_http_goes_to_this_machine_or_a_private_network_only() {
        for host in ["127.0.0.1:9001", "localhost", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "[fd00::1]"] {
            assert!(read(&[("WECHAT_BASE_URL", &format!("http://{host}"))]).is_ok(), "{host}");
        }
        for host in ["api.weixin.qq.com", "8.8.8.8", "172.32.0.1", "localhost.example.com", "[2001:db8::1]"] {
            assert!(read(&[("WECHAT_BASE_URL", &format!("http://{host}"))]).is_err(), "{host}");
        }
    }

    #[test]
    fn an_age_of_0_means_any_age() {
        assert_eq!(read(&[("DECRYPT_MAX_AGE_SECONDS", "0")]).unwrap().decrypt_max_age, None);
        assert_eq!(read(&[("DECRYPT_MAX_AGE_SECONDS", "60")]).unwrap().decrypt_max_age, Some(Duration::from_secs(60)));
        assert!(read(&[("DECRYPT_MAX_AGE_SECONDS", "-1")]).is_err());
    }

    #[test]
    fn a_base_url_that_is_no_url_is_refused() {
        for text in ["api.weixin.qq.com", "ftp://example.com", "https://"] {
            assert!(read(&[("WECHAT_BASE_URL", text)]).is_err(), "{text}");
        }
    }
}
