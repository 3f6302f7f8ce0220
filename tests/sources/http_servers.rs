//! A smart HTTP server: `git http-backend` behind TLS and authentication.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::origin::{Origin, git_command};

/// What a server does otherwise than the plain one.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// The only `Authorization` header that opens the door.
    pub(crate) authorization: Option<String>,
    /// Where `/old/…` is now.
    pub(crate) moved_to: Option<String>,
    /// Whether it speaks version 0 of the protocol only.
    pub(crate) is_old: bool,
    /// After how many bytes of an answer to an order it says nothing more.
    pub(crate) stalls_after: Option<usize>,
    /// Whether it answers everything with this status.
    pub(crate) status: Option<u16>,
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

/// A server that ends with the test.
pub(crate) struct HttpServer {
    address: SocketAddr,
    is_tls: bool,
    seen: Arc<Mutex<Vec<Seen>>>,
    authority: Option<PathBuf>,
    task: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl HttpServer {
    /// One with TLS, whose certificate is signed by an authority of its own.
    pub(crate) async fn tls(origin: &Origin, manners: Manners) -> Self {
        Self::start(origin, manners, true).await
    }

    /// One without TLS.
    pub(crate) async fn plain(origin: &Origin, manners: Manners) -> Self {
        Self::start(origin, manners, false).await
    }

    async fn start(origin: &Origin, manners: Manners, is_tls: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (acceptor, authority) = if is_tls {
            let (acceptor, pem) = certified();
            let path = directory.path().join("ca.pem");
            std::fs::write(&path, pem).expect("written");
            (Some(acceptor), Some(path))
        } else {
            (None, None)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let backend =
            Backend { root: origin.served().to_owned(), manners, seen: Arc::clone(&seen) };
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (acceptor, backend) = (acceptor.clone(), backend.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => backend.serve(TokioIo::new(stream)).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                backend.serve(TokioIo::new(stream)).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, is_tls, seen, authority, task, _directory: directory }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}/{path}", self.address.port())
    }

    /// The certificate of the authority.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        self.authority.clone()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("a lock").clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A certificate for `localhost`, and the authority that signed it as PEM.
fn certified() -> (TlsAcceptor, String) {
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).expect("a certificate");
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let own = own.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .expect("a configuration");
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}

#[derive(Clone)]
struct Backend {
    root: PathBuf,
    manners: Manners,
    seen: Arc<Mutex<Vec<Seen>>>,
}

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

impl Backend {
    async fn serve<S>(&self, stream: TokioIo<S>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let service =
            service_fn(|request| async { Ok::<_, Infallible>(self.clone().answer(request).await) });
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let path = request.uri().path().to_owned();
        let authorization = header("authorization");
        let seen = Seen { path: path.clone(), authorization: authorization.clone() };
        self.seen.lock().expect("a lock").push(seen);
        let plain = |status: u16| {
            let status = StatusCode::from_u16(status).expect("a status");
            let mut response = Response::new(Full::default().boxed());
            *response.status_mut() = status;
            response
        };
        if let Some(status) = self.manners.status {
            return plain(status);
        }
        if self.manners.authorization.is_some() && self.manners.authorization != authorization {
            return plain(401);
        }
        if let (Some(place), Some(rest)) = (&self.manners.moved_to, path.strip_prefix("/old/")) {
            let mut response = plain(301);
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            let location = format!("{place}{rest}{query}").parse().expect("a header");
            response.headers_mut().insert("location", location);
            return response;
        }
        let is_order = path.ends_with("/git-upload-pack");
        let mut git = git_command();
        git.arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", &path)
            .env("QUERY_STRING", request.uri().query().unwrap_or_default())
            .env("REQUEST_METHOD", request.method().as_str())
            .env("CONTENT_TYPE", header("content-type").unwrap_or_default());
        if let (Some(version), false) = (header("git-protocol"), self.manners.is_old) {
            git.env("GIT_PROTOCOL", version);
        }
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let asks_for_pack = is_order && !body.windows(7).any(|part| part == b"ls-refs");
        let output = tokio::task::spawn_blocking(move || {
            git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = git.spawn().expect("git");
            let mut input = child.stdin.take().expect("an input");
            // git may know enough before it has read everything.
            let _ = input.write_all(&body);
            drop(input);
            child.wait_with_output().expect("an output").stdout
        });
        let output = output.await.expect("an output");
        let end = output.windows(4).position(|part| part == b"\r\n\r\n").expect("headers");
        let (headers, body) = output.split_at(end);
        let mut response = Response::builder();
        for line in String::from_utf8_lossy(headers).lines() {
            match line.split_once(": ").expect("a header") {
                ("Status", status) => {
                    let status = status.split(' ').next().expect("a status");
                    response = response.status(status.parse::<u16>().expect("a status"));
                }
                (name, value) => response = response.header(name, value),
            }
        }
        let mut body = body[4..].to_vec();
        match self.manners.stalls_after {
            Some(size) if asks_for_pack => {
                body.truncate(size);
                response.body(Stalling(Some(body.into())).boxed()).expect("a response")
            }
            _ => response.body(Full::new(Bytes::from(body)).boxed()).expect("a response"),
        }
    }
}

/// A body that never ends.
struct Stalling(Option<Bytes>);

impl hyper::body::Body for Stalling {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(bytes)))),
            None => std::task::Poll::Pending,
        }
    }
}
