//! The one builder of HTTP clients. TLS is on `ring`, because the alternative, aws-lc, gathers entropy for 23 ms of CPU at its
//! first use, which is most of a cold start.

use crate::config::ConfigError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Maximum idle time of a connection that is used again. The function may have been frozen meanwhile, and a request
/// that is written into a dead connection costs the code that it carries.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(20);

/// The TLS stack cannot be set up.
pub(crate) const NO_TLS: ConfigError = ConfigError { advice: "the TLS stack cannot be set up" };

const NO_EXTRA_ROOTS: ConfigError = ConfigError { advice: "EXTRA_ROOTS_FILE is not a file of PEM certificates" };

/// Starts a client that trusts the full public set of authorities and those of `extra_roots`, follows no redirect and never
/// repeats a request: a URL may carry a secret, and a code is good for one use.
///
/// # Errors
/// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
#[expect(clippy::disallowed_methods, reason = "the builder that every other place must use")]
pub(crate) fn builder(extra_roots: Option<&Path>) -> Result<reqwest::ClientBuilder, ConfigError> {
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
        .pool_idle_timeout(MAX_IDLE))
}

/// Why a body cannot be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is longer than the maximum.
    TooLong,
    /// The connection was lost.
    Lost(reqwest::Error),
}

/// Reads the body of a response of at most `max` bytes: an endless one must not fill the memory.
///
/// # Errors
/// If it is longer, or the connection is lost before its end.
pub(crate) async fn read_body(response: &mut reqwest::Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Lost)? {
        if body.len() + chunk.len() > max {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
