//! The connection to an engine: HTTP on kept-alive streams, in the newest API version that both sides know.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::{BollardRequest, Docker};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, SERVER, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::connect::Connector;
use super::endpoint::{Address, Endpoint};
use super::error::{Cause, Failure, SwarmError, told_once};
use super::traffic::Traffic;
use crate::model::live::ApiVersion;

/// The newest API version that this code was tried with (Docker 28.5).
pub const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 51 };
/// The oldest API version that it works with (Docker 20.10, the first one with jobs).
pub const FLOOR: ApiVersion = ApiVersion { major: 1, minor: 41 };

/// How long an engine may take to begin its answer.
const HEADERS: Duration = Duration::from_secs(30);
/// How long an engine may take to begin the answer to a question that it asks a registry.
pub(super) const REGISTRY: Duration = Duration::from_secs(20);
/// How long an answer may pause between two pieces.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a connection may stay unused; the engine itself never closes one.
const IDLE: Duration = Duration::from_secs(90);

/// Carries an API version that the engine speaks at most, in answers to `/_ping`.
static API_VERSION: HeaderName = HeaderName::from_static("api-version");

type Body = UnsyncBoxBody<Bytes, Cause>;

/// A connection to one engine. Clones share its streams.
#[derive(Debug, Clone)]
pub struct Connection {
    client: Client<Connector, Body>,
    endpoint: Arc<Endpoint>,
    authority: Authority,
    api: ApiVersion,
    version: Arc<str>,
    traffic: Arc<Traffic>,
}

/// The whole of an answer that is a success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A request, without the version in its path.
pub(super) struct Call {
    /// What it is for, as it fits after "cannot".
    pub(super) operation: Cow<'static, str>,
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    /// `X-Registry-Auth`, if any.
    pub(super) registry_auth: Option<HeaderValue>,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    /// How long the engine may take to begin its answer.
    pub(super) patience: Duration,
}

impl Call {
    pub(super) fn new(
        operation: impl Into<Cow<'static, str>>,
        method: Method,
        path: String,
    ) -> Self {
        Self {
            operation: operation.into(),
            method,
            path,
            registry_auth: None,
            body: None,
            patience: HEADERS,
        }
    }

    pub(super) fn get(operation: &'static str, path: &'static str) -> Self {
        Self::new(operation, Method::GET, path.to_owned())
    }
}

impl Connection {
    /// Greets the engine at `endpoint` and agrees on an API version: the newest that both know.
    pub async fn open(endpoint: Endpoint) -> Result<Self, SwarmError> {
        Self::open_counted(endpoint, Arc::default()).await
    }

    /// Does what [`Self::open`] does, and counts every request in `traffic`.
    pub async fn open_counted(
        endpoint: Endpoint,
        traffic: Arc<Traffic>,
    ) -> Result<Self, SwarmError> {
        let authority = match &endpoint.address {
            Address::Unix(_) | Address::Ssh(_) => Authority::from_static("docker"),
            Address::Tcp { host, port } | Address::Tls { host, port, files: _ } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let text = format!("{host}:{port}");
                text.parse().map_err(|error: http::uri::InvalidUri| {
                    let address = endpoint.address.to_string();
                    SwarmError::new("reach the engine", Failure::of_connection(address, error))
                })?
            }
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(Connector { address: endpoint.address.clone() });
        let mut connection = Self {
            client,
            endpoint: Arc::new(endpoint),
            authority,
            api: NEWEST,
            version: Arc::from(""),
            traffic,
        };
        connection.negotiate().await?;
        Ok(connection)
    }

    /// The address that this connection was opened with.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The API version of every request.
    pub fn api(&self) -> ApiVersion {
        self.api
    }

    /// The engine's own version, such as `28.5.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// bollard on this connection, for what its models do not lose. Its requests get our API version too: left to
    /// itself, bollard 0.21 sends none.
    pub(super) fn bollard(&self) -> Result<Docker, SwarmError> {
        let connection = self.clone();
        let transport = move |request: BollardRequest| {
            let connection = connection.clone();
            async move {
                let (mut head, body) = request.into_parts();
                head.uri = connection.versioned(head.uri.path_and_query())?;
                let body = body.map_err(Cause::from).boxed_unsync();
                Ok(connection.ask(Request::from_parts(head, body)).await?)
            }
        };
        Docker::connect_with_custom_transport(
            transport,
            Some("http://docker"),
            HEADERS.as_secs(),
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| self.failed("reach the engine", error))
    }

    /// Waits for an answer of bollard, the body included, and sorts its error as one of ours.
    pub(super) async fn by_bollard<T>(
        &self,
        operation: &'static str,
        answer: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, SwarmError> {
        use bollard::errors::Error;
        let patience = HEADERS + PAUSE;
        let failure = match tokio::time::timeout(patience, answer).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(Error::DockerResponseServerError { status_code, message })) => {
                Failure::of_answer(status_code, &message)
            }
            Ok(Err(Error::RequestTimeoutError)) => self.silence(HEADERS),
            Ok(Err(error @ (Error::JsonDataError { .. } | Error::JsonSerdeError { .. }))) => {
                Failure::Unreadable { source: told_once(&error) }
            }
            Ok(Err(error)) => return Err(self.failed(operation, error)),
            Err(_) => self.silence(patience),
        };
        Err(SwarmError::new(operation, failure))
    }

    /// Sends `call` and reads the whole answer; anything but a success is an error.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, SwarmError> {
        let (operation, patience) = (call.operation.clone(), call.patience);
        let target = format!("{} {}", call.method, call.path);
        let result = async { self.exchange(self.request(call)?, patience).await };
        let started = Instant::now();
        let result = result.await;
        // Paths hold ids and names; bodies and credentials are never logged.
        let failed = result.is_err();
        tracing::debug!(%operation, %target, failed, elapsed = ?started.elapsed(), "engine call");
        result.map_err(|failure| SwarmError::new(operation, failure))
    }

    /// Sends `call` and gives out the body of a successful answer while it still comes.
    pub(super) async fn stream(&self, call: Call) -> Result<Incoming, SwarmError> {
        let (operation, patience) = (call.operation.clone(), call.patience);
        let result = async {
            let response = self.begin(self.request(call)?, patience).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response.into_body());
            }
            Err(refusal(status, &self.read(response).await?))
        };
        result.await.map_err(|failure| SwarmError::new(operation, failure))
    }

    /// The error of an answer that broke off.
    pub(super) fn broken_off(
        &self,
        operation: &'static str,
        error: impl Into<Cause>,
    ) -> SwarmError {
        self.failed(operation, error)
    }

    fn request(&self, call: Call) -> Result<Request<Body>, Failure> {
        let Call { operation: _, method, path, registry_auth, body, patience: _ } = call;
        let target: PathAndQuery = path
            .parse()
            .map_err(|error: http::uri::InvalidUri| Failure::Unreadable { source: error.into() })?;
        let uri = self
            .versioned(Some(&target))
            .map_err(|error| Failure::Unreadable { source: error.into() })?;
        let mut request = Request::new(full(body.unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(auth) = registry_auth {
            headers.insert(HeaderName::from_static("x-registry-auth"), auth);
        }
        Ok(request)
    }

    /// Sends `call` and reads its answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, SwarmError> {
        let operation = call.operation.clone();
        let answer = self.send(call).await?;
        serde_json::from_slice(&answer.body).map_err(|source| {
            SwarmError::new(operation, Failure::Unreadable { source: source.into() })
        })
    }

    async fn negotiate(&mut self) -> Result<(), SwarmError> {
        const GREET: &str = "greet the engine";
        let mut request = Request::new(full(Vec::new()));
        *request.uri_mut() = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query("/_ping")
            .build()
            .map_err(|error| self.failed(GREET, error))?;
        let answer = self
            .exchange(request, HEADERS)
            .await
            .map_err(|failure| SwarmError::new(GREET, failure))?;
        let text = |name: &HeaderName| answer.headers.get(name).and_then(|v| v.to_str().ok());
        let server = text(&API_VERSION)
            .ok_or_else(|| "no API version in the answer: is this Docker?".to_owned())
            .and_then(|version| ApiVersion::try_from(version.to_owned()))
            .map_err(|error| {
                SwarmError::new(GREET, Failure::Unreadable { source: error.into() })
            })?;
        if server < FLOOR {
            return Err(SwarmError::new(GREET, Failure::TooOld { server }));
        }
        self.api = server.min(NEWEST);
        self.version = Arc::from(text(&SERVER).map_or("", own_version));
        Ok(())
    }

    async fn exchange(
        &self,
        request: Request<Body>,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let response = self.begin(request, patience).await?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = self.read(response).await?;
        if status.is_success() { Ok(Answer { headers, body }) } else { Err(refusal(status, &body)) }
    }

    /// Sends `request` and waits until its answer begins.
    async fn begin(
        &self,
        mut request: Request<Body>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let agent = HeaderValue::from_static(concat!("skep/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        match tokio::time::timeout(patience, self.ask(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.broken(error)),
            Err(_) => Err(self.silence(patience)),
        }
    }

    /// Sends `request` and counts it, also if whoever waits for the answer loses patience.
    async fn ask(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let mut counted = Counted {
            traffic: &self.traffic,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: None,
        };
        let response = self.client.request(request).await?;
        counted.status = Some(response.status());
        Ok(response)
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, Failure> {
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        loop {
            match tokio::time::timeout(PAUSE, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Some(piece) = frame.data_ref() {
                        bytes.extend_from_slice(piece);
                    }
                }
                Ok(Some(Err(error))) => return Err(self.broken(error)),
                Ok(None) => return Ok(bytes.into()),
                Err(_) => return Err(self.silence(PAUSE)),
            }
        }
    }

    /// `path` below `/v1.NN`, with the authority of this connection.
    fn versioned(&self, path: Option<&PathAndQuery>) -> Result<Uri, http::Error> {
        let path = path.map_or("/", PathAndQuery::as_str);
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(format!("/v{}{path}", self.api))
            .build()
    }

    fn broken(&self, error: impl Into<Cause>) -> Failure {
        Failure::of_connection(self.endpoint.address.to_string(), error)
    }

    fn silence(&self, after: Duration) -> Failure {
        Failure::TimedOut { address: self.endpoint.address.to_string(), after }
    }

    fn failed(&self, operation: &'static str, error: impl Into<Cause>) -> SwarmError {
        SwarmError::new(operation, self.broken(error))
    }
}

/// A request that is counted when it ends, however it does.
struct Counted<'a> {
    traffic: &'a Traffic,
    method: Method,
    path: String,
    status: Option<StatusCode>,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.traffic.ended(&self.method, &self.path, self.status);
    }
}

impl Answer {
    /// The engine's clock when it answered, to the second; ours if it did not say.
    pub(super) fn date(&self) -> Timestamp {
        self.headers
            .get(DATE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
            .map_or_else(Timestamp::now, |zoned| zoned.timestamp())
    }
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// `28.5.2` of the `Server` header `Docker/28.5.2+dfsg4 (linux)`.
fn own_version(server: &str) -> &str {
    let product = server.split_whitespace().next().unwrap_or(server);
    let version = product.split_once('/').map_or(product, |(_name, version)| version);
    version.split('+').next().unwrap_or(version)
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let message = serde_json::from_slice::<Message>(body)
        .map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |answer| answer.message);
    Failure::of_answer(status.as_u16(), &message)
}
