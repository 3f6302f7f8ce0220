//! TLS to a git server, with the system's authorities or those of one source.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::GitError;
use super::connect::shown;
use crate::sources::git::access::read_bytes;

/// What believes the servers whose certificates `authorities` have signed; by default those of the system, and in an
/// image without any those that browsers believe.
pub(super) fn connector(authorities: Option<&Path>) -> Result<TlsConnector, GitError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        let pem = read_bytes(path)?;
        roots
            .add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
        if roots.is_empty() {
            return Err(GitError::NoCertificates { path: path.to_owned() });
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| GitError::Tls { host: "any server".to_owned(), source: other(error) })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Begins TLS on a connection.
pub(super) async fn begin(
    connector: &TlsConnector,
    stream: TcpStream,
    (host, port): (&str, u16),
    limit: Duration,
) -> Result<TlsStream<TcpStream>, GitError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| GitError::Tls { host: shown(host, port), source: other(error) })?;
    let connected = timeout(limit, connector.connect(name, stream)).await;
    let connected = connected.map_err(|_| GitError::TimedOut {
        host: shown(host, port),
        what: "begin TLS",
        limit,
    })?;
    connected.map_err(|source| GitError::Tls { host: shown(host, port), source })
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::other(error)
}
