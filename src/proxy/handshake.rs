//! The certificate that an entry point shows for a host, read from a TLS handshake and nothing more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::x509;

/// How long an entry point may take; one that gets a certificate just then takes longer, and says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an entry point shows for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Who issued it.
    pub issuer: String,
    /// When it expires.
    pub expires: Timestamp,
    /// Whether it is for that host.
    pub fits: bool,
}

/// Why no certificate was seen.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// Nobody listens there.
    #[error("cannot connect to {address}")]
    Connect {
        /// The entry point.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It takes too long.
    #[error("no answer from {address} within {} s", PATIENCE.as_secs())]
    Slow {
        /// The entry point.
        address: String,
    },
    /// The handshake ended without a certificate.
    #[error("no TLS for this host at {address}")]
    Tls {
        /// The entry point.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// What it shows is no certificate that can be read, or the host no name that can be asked for.
    #[error("the certificate of {host} cannot be read")]
    Unreadable {
        /// The host.
        host: String,
    },
}

/// Whether somebody listens at `address`, as `host:port`.
///
/// # Errors
/// When nobody does, or nobody says so in time.
pub async fn reach(address: &str) -> Result<(), HandshakeError> {
    let slow = |_| HandshakeError::Slow { address: address.to_owned() };
    timeout(PATIENCE, connect(address)).await.map_err(slow)?.map(drop)
}

async fn connect(address: &str) -> Result<TcpStream, HandshakeError> {
    let failed = |source| HandshakeError::Connect { address: address.to_owned(), source };
    TcpStream::connect(address).await.map_err(failed)
}

/// The certificate that the entry point at `address`, as `host:port`, shows for `host`. Whoever issued it is believed:
/// it is only looked at, and nothing is sent.
pub async fn shown_certificate(
    address: &str,
    host: &str,
) -> Result<ShownCertificate, HandshakeError> {
    let slow = |_| HandshakeError::Slow { address: address.to_owned() };
    timeout(PATIENCE, handshake(address, host)).await.map_err(slow)?
}

async fn handshake(address: &str, host: &str) -> Result<ShownCertificate, HandshakeError> {
    let unreadable = || HandshakeError::Unreadable { host: host.to_owned() };
    let tls = |source| HandshakeError::Tls { address: address.to_owned(), source };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| unreadable())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(io::Error::other(error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Spectator(provider)))
        .with_no_client_auth();
    let stream = connect(address).await?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name.clone(), stream).await.map_err(tls)?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(<[_]>::first).ok_or_else(unreadable)?;
    let facts = x509::facts(leaf).ok_or_else(unreadable)?;
    let fits = ParsedCertificate::try_from(leaf)
        .is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok());
    Ok(ShownCertificate { issuer: facts.issuer, expires: facts.expires, fits })
}

/// Believes every certificate, but makes sure that the server has its key.
#[derive(Debug)]
struct Spectator(Arc<CryptoProvider>);

impl ServerCertVerifier for Spectator {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    #[tokio::test]
    async fn what_is_shown_is_read_whoever_issued_it() {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["shop.example.com".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = tokio::spawn(async move {
            for _ in 0..3 {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = acceptor.accept(stream).await;
            }
        });
        let shown = shown_certificate(&address, "shop.example.com").await.unwrap();
        assert_eq!((shown.issuer.as_str(), shown.fits), ("rcgen self signed cert", true));
        let shown = shown_certificate(&address, "api.example.com").await.unwrap();
        assert!(!shown.fits);
        reach(&address).await.unwrap();
        server.await.unwrap();
        let gone = shown_certificate(&address, "shop.example.com").await.unwrap_err();
        assert_eq!(gone.to_string(), format!("cannot connect to {address}"));
        assert_eq!(reach(&address).await.unwrap_err().to_string(), gone.to_string());
    }

    #[tokio::test]
    async fn whatever_does_not_speak_tls_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let error = shown_certificate(&address, "shop.example.com").await.unwrap_err();
        assert_eq!(error.to_string(), format!("no TLS for this host at {address}"));
        let error = shown_certificate(&address, "*").await.unwrap_err();
        assert_eq!(error.to_string(), "the certificate of * cannot be read");
    }
}
