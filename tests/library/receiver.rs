//! Local servers that take messages: one that speaks HTTP, and one that speaks SMTP with STARTTLS.

#![expect(clippy::unwrap_used, reason = "a server that cannot serve has failed its test")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Taken {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What a server answers: a status, a header `Retry-After`, and words.
pub(crate) type Reply = (StatusCode, Option<&'static str>, String);

#[derive(Clone)]
struct Shared {
    taken: Arc<Mutex<Vec<Taken>>>,
    reply: Arc<Mutex<Reply>>,
}

/// A server that notes what it is posted, and ends with the test.
pub(crate) struct HttpReceiver {
    pub(crate) address: String,
    shared: Shared,
    task: JoinHandle<()>,
}

impl HttpReceiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let reply = (StatusCode::OK, None, String::new());
        let shared = Shared { taken: Arc::default(), reply: Arc::new(Mutex::new(reply)) };
        let router = Router::new().fallback(take).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    pub(crate) fn answers(&self, status: u16, retry_after: Option<&'static str>, words: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        *self.shared.reply.lock().unwrap() = (status, retry_after, words.to_owned());
    }

    /// Everything that it was posted.
    pub(crate) fn all(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// The newest of what it was posted.
    pub(crate) fn taken(&self) -> Taken {
        self.all().pop().unwrap()
    }
}

impl Drop for HttpReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let taken = Taken { path: uri.path().to_owned(), headers, body };
    shared.taken.lock().unwrap().push(taken);
    let (status, retry_after, words) = shared.reply.lock().unwrap().clone();
    let mut headers = HeaderMap::new();
    if let Some(retry_after) = retry_after {
        headers.insert("retry-after", retry_after.parse().unwrap());
    }
    (status, headers, words)
}

/// How a mail server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes mail after STARTTLS and a login.
    Well,
    /// It offers no STARTTLS.
    Clear,
    /// It has no room just now.
    Full,
    /// It does not know whom mail is for.
    Strict,
    /// It does not like the password.
    Locked,
    /// It does not know ops, and has no room for Ann the first time.
    Picky,
    /// It says nothing more from this command on; `(greeting)` and `(secret)` are those that nobody says.
    Silent(&'static str),
}

/// A mail server that notes what is said to it, and ends with the test.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// The certificate of its authority, as PEM.
    pub(crate) authority: String,
    said: Arc<Mutex<Vec<String>>>,
    silenced: Arc<Notify>,
    task: JoinHandle<()>,
}

impl MailServer {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, authority) = certified();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let silenced: Arc<Notify> = Arc::default();
        let temper = Temper { mood, said: Arc::clone(&said), silenced: Arc::clone(&silenced) };
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, temper) = (acceptor.clone(), temper.clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    temper.at("(greeting)").await;
                    stream.write_all(b"220 localhost\r\n").await.unwrap();
                    if talk(&mut stream, &temper, false).await {
                        temper.at("(secret)").await;
                        let Ok(secret) = acceptor.accept(stream.into_inner()).await else { return };
                        temper.said.lock().unwrap().push("(secret)".to_owned());
                        talk(&mut BufReader::new(secret), &temper, true).await;
                    }
                });
            }
        });
        Self { port, authority, said, silenced, task }
    }

    /// Waits until it has fallen silent.
    pub(crate) async fn silenced(&self) {
        self.silenced.notified().await;
    }

    /// What clients have said, line by line.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How a server behaves, and what it has heard.
#[derive(Clone)]
struct Temper {
    mood: Mood,
    said: Arc<Mutex<Vec<String>>>,
    silenced: Arc<Notify>,
}

impl Temper {
    /// Comes back only if it is not to be silent from `command` on.
    async fn at(&self, command: &str) {
        if matches!(self.mood, Mood::Silent(silent) if silent == command) {
            self.silenced.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// How often somebody has said this.
    fn heard(&self, wanted: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|line| *line == wanted).count()
    }
}

/// Speaks SMTP until the client goes, or wants TLS to begin.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    temper: &Temper,
    is_secret: bool,
) -> bool {
    let (mood, mut is_data) = (temper.mood, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        temper.said.lock().unwrap().push(line.clone());
        let command = line.split(' ').next().unwrap_or_default().to_uppercase();
        if !is_data || command == "." {
            temper.at(&command).await;
        }
        let answer = match command.as_str() {
            "." if is_data => {
                is_data = false;
                "250 taken\r\n"
            }
            _ if is_data => continue,
            "EHLO" if is_secret => "250-localhost\r\n250 AUTH PLAIN LOGIN\r\n",
            "EHLO" if mood == Mood::Clear => "250 localhost\r\n",
            "EHLO" => "250-localhost\r\n250 STARTTLS\r\n",
            "STARTTLS" => {
                stream.write_all(b"220 begin\r\n").await.unwrap();
                return true;
            }
            "AUTH" if mood == Mood::Locked => "535 5.7.8 no\r\n",
            "AUTH" => "235 welcome\r\n",
            "MAIL" if mood == Mood::Full => "452 4.3.1 no room\r\n",
            "RCPT" if mood == Mood::Strict => "550 5.1.1 who is that\r\n",
            "RCPT" if mood == Mood::Picky && line.contains("ops") => "550 5.1.1 who is that\r\n",
            "RCPT" if mood == Mood::Picky && line.contains("ann") && temper.heard(&line) == 1 => {
                "451 4.7.1 later\r\n"
            }
            "DATA" => {
                is_data = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 yes\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A certificate for `localhost`, and the authority that signed it as PEM.
fn certified() -> (TlsAcceptor, String) {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let pem = parameters.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), pem)
}
