//! The two TLS clients: one for WeChat, one for AWS. Both on `ring`, because the alternative, aws-lc, gathers
//! entropy for 23 ms of CPU at its first use, which is most of a cold start.

use crate::config::ConfigError;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The limit for connecting to WeChat, the TLS handshake included: from abroad that is three round trips of
/// up to 300 ms.
const WECHAT_CONNECT: Duration = Duration::from_secs(2);

/// A connection that has been idle for longer is not used again: the function may have been frozen meanwhile,
/// and a request that is written into a dead connection costs the code that it carries.
const WECHAT_IDLE: Duration = Duration::from_secs(20);

/// The authorities that sign AWS's endpoints: Amazon Trust Services (with Starfield, its older name) and, for
/// what predates it, DigiCert. This library parses its roots at run time, and the public set has 145.
const AWS_ROOTS: &str = include_str!("aws_roots.pem");

const NO_EXTRA_ROOTS: ConfigError = ConfigError { advice: "EXTRA_ROOTS_FILE is no file of PEM certificates" };

const NO_TLS: ConfigError = ConfigError { advice: "the TLS stack cannot be set up" };

/// The HTTP client for WeChat. It trusts the full public set of authorities and those of `extra_roots`, follows no redirect and never
/// repeats a request: the URL carries a secret, and the code in it is good for one use.
///
/// # Errors
/// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
#[expect(clippy::disallowed_methods, reason = "the builder that every other place must use")]
pub fn wechat_http_client(extra_roots: Option<&Path>) -> Result<reqwest::Client, ConfigError> {
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
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(WECHAT_CONNECT)
        .pool_idle_timeout(WECHAT_IDLE)
        .build()
        .map_err(|_| NO_TLS)
}

/// The HTTP client that both AWS SDKs share, with the time limits of the one that calls first. It trusts AWS's
/// authorities and those of `extra_roots`.
///
/// # Errors
/// If the TLS stack cannot be set up, or `extra_roots` cannot be read.
pub fn aws_http_client(extra_roots: Option<&Path>) -> Result<SharedHttpClient, ConfigError> {
    let mut roots = TrustStore::empty().with_pem_certificate(AWS_ROOTS);
    if let Some(file) = extra_roots {
        roots = roots.with_pem_certificate(std::fs::read(file).map_err(|_| NO_EXTRA_ROOTS)?);
    }
    let context = TlsContext::builder().with_trust_store(roots).build().map_err(|_| NO_TLS)?;
    // One connector for all clients: each that is built parses the roots anew.
    let shared = OnceLock::new();
    Ok(http_client_fn(move |settings, components| {
        let build = || {
            let connector = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .tls_context(context.clone())
                .connector_settings(settings.clone());
            let connector = match components.sleep_impl() {
                Some(sleep) => connector.sleep_impl(sleep),
                None => connector,
            };
            SharedHttpConnector::new(connector.build())
        };
        shared.get_or_init(build).clone()
    }))
}
