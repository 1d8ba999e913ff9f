//! TLS for the stand-ins: an authority of this run, and a listener whose connections are encrypted. Keys and cipher are
//! of the kind that AWS and WeChat use (RSA with 2048 bits, AES-128), because what a client must compute depends on it.

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{CipherSuite, ServerConfig, crypto::CryptoProvider};
use tokio_rustls::server::TlsStream;

/// A key that guards nothing. (`ring` signs with RSA, but makes no such keys.)
const KEY: &str = include_str!("rsa-2048.pem");

/// The authority, and what shows that a server on this machine is meant.
pub struct Authority {
    /// The authority's certificate, for `EXTRA_ROOTS_FILE`.
    pub root: PathBuf,
    acceptor: TlsAcceptor,
}

impl Authority {
    /// A new authority, whose certificate is written into `folder`.
    pub fn new(folder: &Path) -> Self {
        let mut provider: CryptoProvider = default_provider();
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Where issuer and subject have one name, OpenSSL takes a certificate for self-signed.
        authority.distinguished_name.push(DnType::CommonName, "the authority of the benchmark");
        let key = KeyPair::from_pem(KEY).expect("a key");
        let root = folder.join("authority.pem");
        std::fs::write(&root, authority.self_signed(&key).expect("a certificate").pem()).expect("a file");

        let issuer = Issuer::new(authority, key);
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::from_pem(KEY).expect("a key");
        let mut server = CertificateParams::new(names).expect("names");
        server.use_authority_key_identifier_extension = true;
        let server = server.signed_by(&key, &issuer).expect("a certificate");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![server.der().clone()], private))
            .expect("the TLS stack");
        config.ignore_client_order = true;
        Self { root, acceptor: Arc::new(config).into() }
    }

    /// A listener on a free port.
    pub async fn listen(&self) -> TlsListener {
        TlsListener { tcp: tools::listen(0).await.expect("a free port"), acceptor: self.acceptor.clone() }
    }
}

/// A listener that `axum::serve` takes.
pub struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.tcp).await;
            // Without this an answer may wait 40 ms for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
            // A client that gives up during the handshake is none.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
