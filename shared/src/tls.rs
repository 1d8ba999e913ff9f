//! The two HTTP clients: one for WeChat, one for AWS, made alike. TLS is on `ring`, because the alternative, aws-lc, gathers
//! entropy for 23 ms of CPU at its first use, which is most of a cold start.

use crate::ahead::Ahead;
use crate::aws::{self, Http};
use crate::config::ConfigError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The limit for connecting to WeChat, the TLS handshake included: from abroad that is three round trips of
/// up to 300 ms.
const WECHAT_CONNECT: Duration = Duration::from_secs(2);

/// A connection that has been idle for longer is not used again: the function may have been frozen meanwhile,
/// and a request that is written into a dead connection costs the code that it carries.
const IDLE: Duration = Duration::from_secs(20);

const NO_EXTRA_ROOTS: ConfigError = ConfigError { advice: "EXTRA_ROOTS_FILE is no file of PEM certificates" };

const NO_TLS: ConfigError = ConfigError { advice: "the TLS stack cannot be set up" };

/// The HTTP client for WeChat, and what opens its first connection ahead.
///
/// # Errors
/// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
pub fn wechat_http_client(extra_roots: Option<&Path>) -> Result<(reqwest::Client, Ahead), ConfigError> {
    let ahead = Ahead::new(IDLE);
    let client = builder(extra_roots)?.connect_timeout(WECHAT_CONNECT).connector_layer(ahead.clone());
    Ok((client.build().map_err(|_| NO_TLS)?, ahead))
}

/// The HTTP client that the AWS SDKs share.
///
/// # Errors
/// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
pub fn aws_http_client(extra_roots: Option<&Path>) -> Result<SharedHttpClient, ConfigError> {
    let client = builder(extra_roots)?.connect_timeout(aws::CONNECT).build().map_err(|_| NO_TLS)?;
    Ok(SharedHttpClient::new(Http(client)))
}

/// A client that trusts the full public set of authorities and those of `extra_roots`, follows no redirect and never
/// repeats a request: a URL may carry a secret, and a code is good for one use.
#[expect(clippy::disallowed_methods, reason = "the builder that every other place must use")]
fn builder(extra_roots: Option<&Path>) -> Result<reqwest::ClientBuilder, ConfigError> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = extra_roots {
        let certificates = CertificateDer::pem_file_iter(file).map_err(|_| NO_EXTRA_ROOTS)?;
        roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| NO_TLS)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE))
}

/// Why there is no body.
#[derive(Debug)]
pub enum BodyFault {
    /// It is longer than it may be.
    TooLong,
    /// The connection was lost.
    Lost(reqwest::Error),
}

/// The body of an answer of at most so many bytes: one without end must not fill the memory.
///
/// # Errors
/// If it is longer, or does not come to its end.
pub async fn read_body(answer: &mut reqwest::Response, at_most: usize) -> Result<Vec<u8>, BodyFault> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(BodyFault::Lost)? {
        if body.len() + chunk.len() > at_most {
            return Err(BodyFault::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
