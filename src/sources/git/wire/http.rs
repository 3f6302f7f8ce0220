//! The way to a git server over HTTP and HTTPS, with its redirects and its ways to say no.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::connect::{connect, shown};
use super::{Access, GitError, Limits, tls};
use crate::model::secret::Redacted;
use crate::sources::git::access::HttpLogin;

/// How often one repository may be somewhere else.
const MAX_REDIRECTS: usize = 5;
/// How long the end of an answer is worth waiting for.
const DRAIN: Duration = Duration::from_millis(500);
/// Some servers answer only to those who call themselves git.
const AGENT: &str = concat!("git/2.0 (skep ", env!("CARGO_PKG_VERSION"), ")");
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const REQUEST: &str = "application/x-git-upload-pack-request";
const RESULT: &str = "application/x-git-upload-pack-result";
const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// A repository behind an HTTP server.
pub(crate) struct Http {
    base: Url,
    shown: String,
    limits: Limits,
    tls: Option<TlsConnector>,
    authorization: Option<Redacted<HeaderValue>>,
    connection: Option<Connection>,
    answer: Option<Incoming>,
}

/// An open connection; it closes when it is dropped, whatever the server does.
struct Connection {
    requests: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Http {
    /// Asks for the greeting, which is the first answer to receive.
    pub(super) async fn open(
        url: &Url,
        access: &Access,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        let mut base = url.clone();
        base.set_path(url.path().trim_end_matches('/'));
        let authorization = authorization(&access.http)?;
        let mut http = Self {
            shown: authority(&base),
            tls: None,
            limits: *limits,
            base,
            authorization,
            connection: None,
            answer: None,
        };
        if http.authorization.is_some() && http.base.scheme() == "http" && !is_loopback(&http.base)
        {
            return Err(GitError::PlainText { host: http.shown });
        }
        for _ in 0..=MAX_REDIRECTS {
            if http.base.scheme() == "https" && http.tls.is_none() {
                http.tls = Some(tls::connector(access.ca_file.as_deref())?);
            }
            let asked = http.request(Method::GET, "/info/refs?service=git-upload-pack", None);
            let response = asked.await?;
            if response.status().is_redirection() {
                http.follow(&response)?;
                continue;
            }
            http.accept(response, ADVERTISEMENT)?;
            return Ok(http);
        }
        Err(GitError::Redirected { host: http.shown, reason: "again and again" })
    }

    pub(super) async fn send(&mut self, message: Bytes) -> Result<(), GitError> {
        let response = self.request(Method::POST, "/git-upload-pack", Some(message)).await?;
        self.accept(response, RESULT)
    }

    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, GitError> {
        while let Some(answer) = &mut self.answer {
            match answer.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => return Err(self.broken(error)),
                None => self.answer = None,
            }
        }
        Ok(None)
    }

    pub(super) fn host(&self) -> &str {
        &self.shown
    }

    async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>, GitError> {
        self.drain().await;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base.path()))
            .header(HOST, authority_header(&self.base))
            .header(USER_AGENT, AGENT)
            .header(GIT_PROTOCOL, "version=2");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, REQUEST);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.expose());
        }
        let body = Full::new(body.unwrap_or_default());
        let request = request.body(body).map_err(|error| self.broken(error))?;
        let mut connection = match self.connection.take() {
            Some(connection) if connection.requests.is_ready() => connection,
            _ => self.connect().await?,
        };
        let sent =
            tokio::time::timeout(self.limits.idle, connection.requests.send_request(request));
        let response = sent.await.map_err(|_| GitError::TimedOut {
            host: self.shown.clone(),
            what: "answer",
            limit: self.limits.idle,
        })?;
        self.connection = Some(connection);
        response.map_err(|error| self.broken(error))
    }

    /// Reads the end of an answer whose message is read, so that its connection can be used again.
    async fn drain(&mut self) {
        while let Some(answer) = &mut self.answer {
            match tokio::time::timeout(DRAIN, answer.frame()).await {
                Ok(Some(Ok(_))) => {}
                Ok(None) => self.answer = None,
                Ok(Some(Err(_))) | Err(_) => (self.answer, self.connection) = (None, None),
            }
        }
    }

    async fn connect(&self) -> Result<Connection, GitError> {
        let (host, port) = host_and_port(&self.base);
        let stream = connect(&host, port, self.limits.connect).await?;
        match &self.tls {
            None => self.shake_hands(TokioIo::new(stream)).await,
            Some(tls) => {
                let limit = self.limits.connect;
                let stream = tls::begin(tls, stream, (&host, port), limit).await?;
                self.shake_hands(TokioIo::new(stream)).await
            }
        }
    }

    async fn shake_hands<S>(&self, stream: TokioIo<S>) -> Result<Connection, GitError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let made = http1::handshake(stream).await;
        let (requests, connection) = made.map_err(|error| self.broken(error))?;
        let driver = tokio::spawn(async move {
            // Its errors reach those who wait for an answer.
            let _ = connection.await;
        });
        Ok(Connection { requests, driver })
    }

    /// Takes an answer as the one to receive, or tells why it is none.
    fn accept(&mut self, response: Response<Incoming>, kind: &str) -> Result<(), GitError> {
        let host = || self.shown.clone();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let with_credentials = self.authorization.is_some();
                return Err(GitError::Unauthorised { host: host(), with_credentials });
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(GitError::NoRepository { url: self.base.to_string() });
            }
            status => return Err(GitError::Status { host: host(), status: status.as_u16() }),
        }
        let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let found = found.unwrap_or_default();
        if found.split(';').next().map(str::trim) != Some(kind) {
            let reason = format!("it answers with `{found}`");
            return Err(GitError::Protocol { host: host(), reason });
        }
        self.answer = Some(response.into_body());
        Ok(())
    }

    /// Goes where the first answer points to, which is how forges tell that a repository was renamed.
    fn follow(&mut self, response: &Response<Incoming>) -> Result<(), GitError> {
        let not = |reason| GitError::Redirected { host: self.shown.clone(), reason };
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let asked = format!("{}/info/refs", self.base.path());
        let mut from = self.base.clone();
        from.set_path(&asked);
        let mut next = location
            .and_then(|location| from.join(location).ok())
            .ok_or_else(|| not("to nowhere"))?;
        let is_http = matches!(next.scheme(), "http" | "https");
        if !is_http || (self.base.scheme() == "https" && next.scheme() != "https") {
            return Err(not("to a place without encryption"));
        }
        let Some(path) = next.path().strip_suffix("/info/refs").map(str::to_owned) else {
            return Err(not("to something else than a repository"));
        };
        if !next.username().is_empty() || next.password().is_some() {
            return Err(not("to a URL with credentials"));
        }
        next.set_path(&path);
        next.set_query(None);
        next.set_fragment(None);
        // Credentials are for the server that they were given for.
        if host_and_port(&next) != host_and_port(&self.base) || next.scheme() != self.base.scheme()
        {
            self.authorization = None;
        }
        self.connection = None;
        self.shown = authority(&next);
        self.base = next;
        Ok(())
    }

    fn broken(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> GitError {
        GitError::Broken { host: self.shown.clone(), source: error.into() }
    }
}

fn authorization(login: &HttpLogin) -> Result<Option<Redacted<HeaderValue>>, GitError> {
    let text = match login {
        HttpLogin::None => return Ok(None),
        HttpLogin::Basic { username, password } => {
            let password = password.read()?;
            format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.expose())))
        }
        HttpLogin::Bearer(token) => format!("Bearer {}", token.read()?.expose()),
    };
    let value = HeaderValue::from_str(&text).map_err(|_| GitError::TokenCharacters)?;
    Ok(Some(Redacted::new(value)))
}

fn host_and_port(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    (host, url.port_or_known_default().unwrap_or(443))
}

fn authority(url: &Url) -> String {
    let (host, port) = host_and_port(url);
    shown(&host, port)
}

/// The `Host` header, without a port that goes without saying.
fn authority_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
