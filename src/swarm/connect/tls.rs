//! TLS to an engine: we look at its certificate, and show it ours.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::swarm::endpoint::TlsFiles;

/// What begins TLS with these files, as they are now: certificates that were renewed are taken up by the next
/// connection.
///
/// # Errors
/// When a file cannot be read, or is not what it should be.
pub(super) fn connector(files: &TlsFiles) -> io::Result<TlsConnector> {
    let TlsFiles { authorities, identity } = files;
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        let certificates = certificates(path)?;
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            return Err(told(path, "holds no certificate"));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let pem = read(key)?;
            let secret = PrivateKeyDer::from_pem_slice(&pem)
                .map_err(|_| told(key, "holds no private key without a passphrase"))?;
            config
                .with_client_auth_cert(chain, secret)
                .map_err(|error| told(certificate, format_args!("cannot be used: {error}")))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Begins TLS with the engine at `host`, which must have a certificate for that name.
pub(super) async fn begin(
    connector: &TlsConnector,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    all.map_err(|_| told(path, "is no certificate in PEM"))
}

/// A file that is missing is not an engine that is missing, which is why the system's error is put into words.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| told(path, format_args!("cannot be read: {error}")))
}

fn told(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{} {what}", path.display()))
}
