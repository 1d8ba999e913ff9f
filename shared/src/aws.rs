//! The common setup of the AWS clients, and the classification of their errors.

mod http;

use crate::config::{Config, ConfigError};
use crate::http_client::{NO_TLS, builder};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{AppName, BehaviorVersion, Region, SharedAsyncSleep, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use http::Http;
use std::path::Path;
use std::time::Duration;

/// The limit of one whole call to an AWS service, its retries included.
pub const CALL: Duration = Duration::from_secs(2);

/// The limit of one attempt.
const ATTEMPT: Duration = Duration::from_millis(950);

/// The limit for connecting to an AWS service, which is near.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(800);

/// The SDK's configuration from what Lambda tells its functions, with our limits. The general loader, the crate `aws-config`,
/// looks in five more places, each with a client of its own, and Lambda uses none of them: leaving it out makes every
/// function smaller and every start shorter.
///
/// # Errors
/// If the TLS stack cannot be set up, or `AWS_SDK_UA_APP_ID` is no name.
pub fn load(config: &Config) -> Result<SdkConfig, ConfigError> {
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(config.region.clone().map(Region::new))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .use_dual_stack(config.use_dual_stack)
        .use_fips(config.use_fips)
        .http_client(http_client(config.extra_roots_file.as_deref())?);
    if let Some(credentials) = &config.credentials {
        sdk = sdk.credentials_provider(SharedCredentialsProvider::new(credentials.clone()));
    }
    if let Some(endpoint) = &config.local_aws_endpoint {
        sdk = sdk.endpoint_url(endpoint);
    }
    if let Some(name) = &config.app_name {
        let advice = "AWS_SDK_UA_APP_ID is no name";
        sdk = sdk.app_name(AppName::new(name.clone()).map_err(|_| ConfigError { advice })?);
    }
    Ok(with_limits(sdk.build(), config.time_limit_factor))
}

/// Makes the HTTP client that the AWS SDKs share.
///
/// # Errors
/// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
pub fn http_client(extra_roots: Option<&Path>) -> Result<SharedHttpClient, ConfigError> {
    let client = builder(extra_roots)?.connect_timeout(CONNECT_TIMEOUT).build().map_err(|_| NO_TLS)?;
    Ok(SharedHttpClient::new(Http(client)))
}

/// Maximum number of attempts of a call. With three tries, the SDK's own number, DynamoDB that throttles three calls of ten fails
/// one login of forty; with six none of a thousand. All of them share [`CALL`].
const MAX_ATTEMPTS: u32 = 6;

/// Returns `sdk` with our limits, `factor` times as long: the SDK has none of its own on the time of an attempt.
pub fn with_limits(sdk: SdkConfig, factor: u32) -> SdkConfig {
    sdk.into_builder()
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT * factor)
                .operation_timeout(CALL * factor)
                .build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(Duration::from_millis(50))
                .with_max_backoff(Duration::from_millis(400)),
        )
        .build()
}

/// Why an AWS call failed. The text is ours: theirs may name what must not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It did not answer, or not in time, or is throttling: another time it may.
    #[error("{0}")]
    Unavailable(&'static str),
    /// It will not answer differently until an operator changes something.
    #[error("{0}")]
    Misconfigured(&'static str),
}

/// The words for the faults of one service.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Nothing came back in time, or only a fault of the service.
    pub unavailable: &'static str,
    /// The function's role may not do that, or has no credentials.
    pub denied: &'static str,
    /// The table or the secret does not exist.
    pub missing: &'static str,
    /// The service found the request itself wrong.
    pub rejected: &'static str,
}

impl Words {
    /// Reads an SDK error: only its type and code, never its text.
    pub fn read<E: ProvideErrorMetadata, R>(&self, error: &SdkError<E, R>) -> Fault {
        let code = error.as_service_error().and_then(|error| error.code());
        match code {
            Some("ResourceNotFoundException") => Fault::Misconfigured(self.missing),
            Some(
                "AccessDeniedException"
                | "UnrecognizedClientException"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "DecryptionFailure",
            ) => Fault::Misconfigured(self.denied),
            Some("ValidationException" | "InvalidRequestException" | "InvalidParameterException") => {
                Fault::Misconfigured(self.rejected)
            }
            _ if matches!(error, SdkError::ConstructionFailure(_)) => Fault::Misconfigured(self.rejected),
            _ => Fault::Unavailable(self.unavailable),
        }
    }
}
