//! Requests through Caddy, whatever the host: every name is this machine's, and Caddy's own authority is believed.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Method, redirect};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::caddy::Caddy;

/// Every name is this machine's.
struct Here;

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        let here: Addrs = Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0))));
        Box::pin(async { Ok(here) })
    }
}

/// A client of one Caddy.
pub(crate) struct Browser<'a> {
    caddy: &'a Caddy,
    client: Client,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `name: value` for each header, sorted, without the date.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for header in &self.headers {
            writeln!(text, "{header}").unwrap();
        }
        text + &self.body
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl<'a> Browser<'a> {
    pub(crate) fn of(caddy: &'a Caddy) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = Certificate::from_pem(&std::fs::read(caddy.root()).unwrap()).unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .tls_certs_only([root])
            .dns_resolver(Arc::new(Here))
            .build()
            .unwrap();
        Self { caddy, client }
    }

    /// The answer to `GET shop.example.com/x`; with `HTTP` as the method, to a `GET` without TLS.
    pub(crate) async fn ask(&self, wanted: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.begin(wanted, headers, body).await;
        let status = answer.status().as_u16();
        let head = answer.headers().iter().filter(|(name, _)| *name != "date");
        let mut headers: Vec<String> = head
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        headers.sort();
        let body = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        Answer { status, headers, body }
    }

    /// The same, when its head is there.
    pub(crate) async fn begin(
        &self,
        wanted: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> reqwest::Response {
        let (method, target) = wanted.split_once(' ').unwrap();
        let (host, path) = target.split_once('/').unwrap();
        let (scheme, port, method) = match method {
            "HTTP" => ("http", self.caddy.http, "GET"),
            method => ("https", self.caddy.https, method),
        };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{scheme}://{host}:{port}/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        // Caddy makes certificates once it has the route, and refuses handshakes until it has them. Connections that are
        // kept end with the configuration.
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match request.try_clone().unwrap().send().await {
                Ok(answer) => return answer,
                Err(_) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{wanted}: {error:?}\n{}", self.caddy.log()),
            }
        }
    }

    /// A connection with TLS to a host whose certificate is there.
    pub(crate) async fn tls(&self, host: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.caddy.root()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", self.caddy.https)).await.unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}
