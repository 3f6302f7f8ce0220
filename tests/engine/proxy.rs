//! A proxy before the engine that notes every request, and breaks those that a test wants broken.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};

/// A request that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// `GET`, `POST`…
    pub(crate) method: Method,
    /// Path and query, with the API version.
    pub(crate) path: String,
}

impl Call {
    /// Whether it may change something.
    pub(crate) fn writes(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }

    /// Whether it may change something that runs: not what skep notes in its fleet record.
    pub(crate) fn writes_an_object(&self) -> bool {
        self.writes() && !self.notes()
    }

    /// Whether it changes the labels of a config, as a note in the fleet record does.
    pub(crate) fn notes(&self) -> bool {
        let endpoint = self.endpoint();
        endpoint.starts_with("/configs/") && endpoint.ends_with("/update")
    }

    /// The path without API version and query.
    pub(crate) fn endpoint(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        match path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..])) {
            Some(endpoint) => endpoint,
            None => path,
        }
    }
}

/// What happens to a request.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The proxy answers in the engine's place.
    Answer(StatusCode, &'static str),
    /// The connection ends before the engine sees the request.
    CutBefore,
    /// The engine does what it was asked for, and the connection ends before it can say so.
    CutAfter,
    /// As [`Fault::CutAfter`], and this happens in between.
    Then(Arc<dyn Fn() + Send + Sync>),
    /// The proxy answers with success and this JSON in the engine's place.
    Give(&'static str),
    /// Only the first half of the engine's answer arrives, as if it were all.
    Half,
    /// The request takes this long to reach the engine.
    Late(Duration),
}

type Rule = Box<dyn Fn(&Call) -> Option<Fault> + Send>;
type Body = UnsyncBoxBody<Bytes, hyper::Error>;

struct State {
    engine: PathBuf,
    /// Whether nothing gets through.
    is_cut: watch::Sender<bool>,
    /// How often somebody came while nothing got through.
    knocks: AtomicUsize,
    calls: Mutex<Vec<(Call, Instant)>>,
    rule: Mutex<Rule>,
}

/// A running proxy; it ends when it goes out of scope. It has a thread of its own, so that tests may block.
pub(crate) struct Proxy {
    /// What to use as `--host`.
    pub(crate) url: String,
    state: Arc<State>,
    _folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// A proxy before the engine at `url`, a unix socket.
    pub(crate) fn before(url: &str) -> Self {
        let engine = url.strip_prefix("unix://").unwrap_or(url).into();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("proxy.sock");
        let state = Arc::new(State {
            engine,
            is_cut: watch::Sender::new(false),
            knocks: AtomicUsize::new(0),
            calls: Mutex::default(),
            rule: Mutex::new(Box::new(|_| None)),
        });
        let (stop, stopped) = oneshot::channel();
        let (listening, is_listening) = std::sync::mpsc::channel();
        let (shared, path) = (Arc::clone(&state), socket.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = UnixListener::bind(path).unwrap();
                listening.send(()).unwrap();
                tokio::select! {
                    () = serve(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        is_listening.recv().unwrap();
        let url = format!("unix://{}", socket.display());
        Self { url, state, _folder: folder, _stop: stop }
    }

    /// Everything that was asked of the engine so far, but for greetings.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.state.calls.lock().unwrap();
        let calls = calls.iter().map(|(call, _)| call);
        calls.filter(|call| call.endpoint() != "/_ping").cloned().collect()
    }

    /// Everything that was asked so far, with when it came.
    pub(crate) fn timed(&self) -> Vec<(Call, Instant)> {
        self.state.calls.lock().unwrap().clone()
    }

    /// How often somebody asked who the engine is.
    pub(crate) fn greetings(&self) -> usize {
        let calls = self.state.calls.lock().unwrap();
        calls.iter().filter(|(call, _)| call.endpoint() == "/_ping").count()
    }

    /// The requests so far that may have changed something.
    pub(crate) fn writes(&self) -> Vec<Call> {
        self.calls().into_iter().filter(Call::writes).collect()
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget(&self) {
        self.state.calls.lock().unwrap().clear();
    }

    /// Ends every connection, also those on which nothing is asked, and lets nobody in.
    pub(crate) fn cut(&self) {
        self.state.knocks.store(0, Ordering::SeqCst);
        self.state.is_cut.send_replace(true);
    }

    /// Lets everybody in again, and tells how many came in vain.
    pub(crate) fn mend(&self) -> usize {
        self.state.is_cut.send_replace(false);
        self.state.knocks.load(Ordering::SeqCst)
    }

    /// From now on, `rule` says what breaks.
    pub(crate) fn inject(&self, rule: impl Fn(&Call) -> Option<Fault> + Send + 'static) {
        *self.state.rule.lock().unwrap() = Box::new(rule);
    }
}

async fn serve(listener: UnixListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let mut is_cut = state.is_cut.subscribe();
        if *is_cut.borrow() {
            state.knocks.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&state)));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // A client that goes away, or a cut, is no failure of the proxy.
                _ = connection => {}
                _ = is_cut.wait_for(|is_cut| *is_cut) => {}
            }
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> io::Result<Response<Body>> {
    let call = Call { method: request.method().clone(), path: request.uri().to_string() };
    let fault = (*state.rule.lock().unwrap())(&call);
    state.calls.lock().unwrap().push((call, Instant::now()));
    let cut = || io::Error::other("cut by the test");
    match fault {
        Some(Fault::Answer(status, message)) => {
            let mut answer = Response::new(whole(format!("{{\"message\":\"{message}\"}}")));
            *answer.status_mut() = status;
            Ok(answer)
        }
        Some(Fault::Give(json)) => Ok(Response::new(whole(json))),
        Some(Fault::Half) => {
            let answer = forward(request, &state.engine).await?;
            let bytes = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
            Ok(Response::new(whole(bytes.slice(..bytes.len() / 2))))
        }
        Some(Fault::Late(delay)) => {
            tokio::time::sleep(delay).await;
            forward(request, &state.engine).await
        }
        Some(Fault::CutBefore) => Err(cut()),
        Some(Fault::CutAfter) => {
            let answer = forward(request, &state.engine).await?;
            answer.into_body().collect().await.map_err(io::Error::other)?;
            Err(cut())
        }
        Some(Fault::Then(happens)) => {
            let answer = forward(request, &state.engine).await?;
            answer.into_body().collect().await.map_err(io::Error::other)?;
            happens();
            Err(cut())
        }
        None => forward(request, &state.engine).await,
    }
}

fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

async fn forward(request: Request<Incoming>, engine: &Path) -> io::Result<Response<Body>> {
    let stream = TokioIo::new(UnixStream::connect(engine).await?);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    Ok(answer.map(http_body_util::BodyExt::boxed_unsync))
}
