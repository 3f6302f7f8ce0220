//! What the settings say is served over HTTP, for as long as the controller runs.

use std::fs::File;
use std::future::pending;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::http::{
    Access, Hook, Hooks, Limits, Listener, Page, Shown, metrics_routes, routes, serve,
};
use crate::model::name::SourceName;
use crate::model::secret::Redacted;
use crate::reconciler::controller::bell::{Bell, Trigger};
use crate::reconciler::controller::certificates::watch_certificates;
use crate::reconciler::controller::scene::Observatory;
use crate::reconciler::journal::News;
use crate::settings::{Listen, Settings};
use crate::spec::decode::Located;
use crate::swarm::Managers;

use super::super::error::CommandError;
use super::super::runtime;
use super::super::settings::Setup;
use super::fixed::{badges, hooks};

/// How long is waited for the end of a server that stops by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long a token or secret may be, in bytes.
const LONGEST: u64 = 4096;

/// Who may read, as the settings say.
///
/// # Errors
/// When the token cannot be read.
pub(in crate::cli) fn access(setup: &Setup) -> Result<Access, CommandError> {
    let Some(status) = &setup.settings.status else { return Ok(Access::default()) };
    let is_unix = |listen: &Listen| matches!(listen, Listen::Unix(_));
    let token = status.token_file.as_ref().map(|file| token(&setup.directory.join(&file.value)));
    Ok(Access {
        token: token.transpose()?,
        trusted_header: status.trusted_header.as_ref().map(|name| name.value.clone()),
        any_host: status.listen.as_ref().is_some_and(|listen| is_unix(&listen.value)),
    })
}

/// The hooks that the settings open. Each rings `bell`, and can do nothing else.
///
/// # Errors
/// When a secret cannot be read.
pub(in crate::cli) fn open_hooks(setup: &Setup, bell: &Bell) -> Result<Hooks, CommandError> {
    let open = |(source, file): (String, String)| {
        let secret = secret(&setup.directory.join(file))?;
        let (bell, name): (Bell, SourceName) =
            (bell.clone(), source.parse().map_err(CommandError::failed)?);
        let knock = Box::new(move || bell.ring(Trigger::Look(name.clone())));
        let secret = Redacted::new(secret.expose().clone().into_bytes());
        Ok((source, Hook { secret, knock }))
    };
    hooks(&setup.settings).into_iter().map(open).collect()
}

/// What pages show besides reports, unless the settings want none.
pub(in crate::cli) fn page(
    settings: &Settings,
    managers: Managers,
    news: watch::Receiver<Arc<News>>,
) -> Option<Page> {
    let is_wanted = settings.status.as_ref().and_then(|status| status.page).unwrap_or(true);
    is_wanted.then(|| Page {
        scenes: Some(Box::new(Observatory::new(managers, settings.sensitivity()))),
        news: Some(news),
        certificates: None,
        badges: badges(settings).into_iter().collect(),
    })
}

/// A token that can be sent as it is: a header takes printable ASCII, and loses spaces around it.
fn token(path: &Path) -> Result<Redacted<String>, CommandError> {
    let token = secret(path)?;
    let text = token.expose();
    let fits = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
    if fits {
        return Ok(token);
    }
    let message =
        format!("the token in {} cannot be sent as `Authorization: Bearer`", path.display());
    Err(CommandError::failed(anyhow::Error::msg(message))
        .hint("take letters, digits and signs of ASCII, without spaces around them"))
}

/// A token or secret in a file of its own; line feeds at its end are the editor's.
fn secret(path: &Path) -> Result<Redacted<String>, CommandError> {
    let read = || {
        let mut text = Vec::new();
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut text)?;
        let unfit = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        // Whatever is cut off would not be asked for either.
        if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
            return Err(unfit(format!("there are more than {LONGEST} bytes in it")));
        }
        let text = String::from_utf8(text).map_err(|_| unfit("it is not UTF-8".to_owned()))?;
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        if text.is_empty() {
            return Err(unfit("there is nothing in it".to_owned()));
        }
        Ok(Redacted::new(text))
    };
    read().map_err(|error: io::Error| {
        CommandError::failed(error).context(format!("cannot read {}", path.display()))
    })
}

/// The server, if one is wanted, on a thread of its own: what clients ask for takes no time from the loop.
#[derive(Debug)]
pub(in crate::cli) struct Web(Option<(watch::Sender<bool>, oneshot::Receiver<()>)>);

/// Where is listened, for what: everything, or metrics by themselves.
#[derive(Debug)]
struct At<T> {
    page: Option<T>,
    metrics: Option<T>,
}

impl At<Listen> {
    fn of(settings: &Settings) -> Self {
        let place = |listen: &Option<Located<Listen>>| Some(listen.as_ref()?.value.clone());
        let Some(status) = &settings.status else { return Self { page: None, metrics: None } };
        Self {
            page: place(&status.listen),
            metrics: place(&status.metrics_listen).filter(|_| status.metrics != Some(false)),
        }
    }

    async fn open(&self) -> Result<At<Listener>, CommandError> {
        let Self { page, metrics } = self;
        Ok(At {
            page: open(page.as_ref(), "status.listen").await?,
            metrics: open(metrics.as_ref(), "status.metrics_listen").await?,
        })
    }
}

impl At<Listener> {
    fn log(&self, shown: &Shown) {
        let Self { page, metrics } = self;
        let what = match (&shown.page, shown.metrics.as_ref().filter(|_| metrics.is_none())) {
            (Some(_), Some(_)) => "status, health and metrics",
            (Some(_), None) => "status and health",
            (None, Some(_)) => "health and metrics",
            (None, None) => "health",
        };
        for (what, listener) in [(what, page), ("metrics", metrics)] {
            if let Some(listener) = listener {
                tracing::info!("serving {what} on {}", listener.address());
            }
        }
    }

    /// Serves until `stop` says so, and looks at certificates for as long as there are pages to show them.
    async fn serve(&self, mut shown: Shown, stop: watch::Receiver<bool>) {
        let Self { page, metrics } = self;
        let (seen, certificates) = watch::channel(Arc::default());
        let reports = shown.page.as_ref().filter(|_| page.is_some());
        let reports = reports.map(|_| shown.reports.clone());
        if let Some(page) = &mut shown.page {
            page.certificates = Some(certificates);
        }
        let alone = metrics.as_ref().and_then(|listener| Some((listener, shown.metrics.take()?)));
        let collected = async {
            if let Some((listener, metrics)) = alone {
                serve(listener, metrics_routes(metrics), Limits::default(), stop.clone()).await;
            }
        };
        let looked_at = async {
            if let Some(listener) = page {
                serve(listener, routes(shown), Limits::default(), stop.clone()).await;
            }
        };
        let watching = async {
            if let Some(reports) = reports {
                watch_certificates(reports, seen).await;
            }
            pending::<()>().await;
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(collected, looked_at) } => {}
            () = watching => {}
        }
    }
}

impl Web {
    /// Begins to serve `shown` where `settings` say.
    ///
    /// # Errors
    /// When nobody can listen there, or the system has no thread left.
    pub(in crate::cli) async fn start(
        settings: &Settings,
        shown: Shown,
    ) -> Result<Self, CommandError> {
        let at = At::of(settings);
        if at.page.is_none() && at.metrics.is_none() {
            return Ok(Self(None));
        }
        let ((stop, stopped), (ends, ended)) = (watch::channel(false), oneshot::channel::<()>());
        let (tells, told) = oneshot::channel();
        let runtime = runtime()?;
        let serving = move || {
            runtime.block_on(async {
                // Nobody is told who has given up meanwhile.
                match at.open().await {
                    Ok(at) => {
                        at.log(&shown);
                        let _ = tells.send(Ok(()));
                        at.serve(shown, stopped).await;
                    }
                    Err(error) => {
                        let _ = tells.send(Err(error));
                    }
                }
            });
            drop(ends);
        };
        let thread = thread::Builder::new().name("web".to_owned()).spawn(serving);
        thread.map_err(|error| CommandError::failed(error).context("cannot start the server"))?;
        told.await.map_err(CommandError::failed)??;
        Ok(Self(Some((stop, ended))))
    }

    /// Finishes the answers that are under way, and accepts no more.
    pub(in crate::cli) async fn end(self) {
        let Some((stop, ended)) = self.0 else { return };
        stop.send_replace(true);
        // Nothing is ever sent: the other end goes when the server has ended.
        if timeout(GRACE, ended).await.is_err() {
            tracing::debug!("the server does not end");
        }
    }
}

/// Listens where the setting `key` says, if it says where.
async fn open(listen: Option<&Listen>, key: &str) -> Result<Option<Listener>, CommandError> {
    let opened = match listen {
        Some(Listen::Loopback(address) | Listen::Network(address)) => Listener::tcp(*address).await,
        Some(Listen::Unix(path)) => Listener::unix(path).await,
        None => return Ok(None),
    };
    let opened = opened.map_err(|error| {
        CommandError::failed(error).hint(format!("the key `{key}` names another place"))
    });
    opened.map(Some)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    use tokio::sync::mpsc;

    use super::super::{asking, asking::Sockets, present::present};
    use super::*;
    use crate::local::{self, Question, Socket};
    use crate::model::place::Place;
    use crate::reconciler::controller::example;
    use crate::reconciler::controller::metrics::{Exposition, Metrics};
    use crate::reconciler::controller::pulse::Pulse;
    use crate::reconciler::status;
    use crate::settings::StatusSettings;

    fn shown() -> Shown {
        let reports = watch::channel(Arc::new(example::report())).1;
        let metrics = Exposition::new(&Metrics::default(), reports.clone(), Vec::new());
        Shown {
            reports,
            pulse: Pulse::new(Arc::default()),
            metrics: Some(metrics),
            access: Access::default(),
            hooks: Hooks::default(),
            page: Some(Page::default()),
        }
    }

    fn socket(path: &Path) -> Located<Listen> {
        Located::new(Listen::Unix(path.to_owned()), Place::file("skep.yaml"))
    }

    fn settings(status: StatusSettings) -> Settings {
        Settings { status: Some(status), ..Settings::default() }
    }

    /// What is answered, while nothing else goes on on the thread of the test.
    fn ask(path: &Path, request: &str) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "{request} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[tokio::test]
    async fn clients_are_answered_while_the_loop_is_busy_and_none_after_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("http.sock");
        let settings =
            settings(StatusSettings { listen: Some(socket(&path)), ..StatusSettings::default() });
        let web = Web::start(&settings, shown()).await.unwrap();
        // This blocks the only thread of the runtime that it was started on.
        assert!(ask(&path, "GET /healthz").ends_with("ok\n"));
        assert!(ask(&path, "GET /metrics").ends_with("# EOF\n"));
        let error = Web::start(&settings, shown()).await.unwrap_err();
        let (message, hint) = error.in_short();
        assert!(message.starts_with("listen on unix://"), "{message}");
        assert_eq!(hint.as_deref(), Some("the key `status.listen` names another place"));
        web.end().await;
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn metrics_are_served_at_an_address_of_their_own_and_then_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let [page, metrics] = ["http.sock", "metrics.sock"].map(|name| directory.path().join(name));
        let both = StatusSettings {
            listen: Some(socket(&page)),
            metrics_listen: Some(socket(&metrics)),
            ..StatusSettings::default()
        };
        let token = Some(Redacted::new("s3cret".to_owned()));
        let limited =
            || Shown { access: Access { token: token.clone(), ..Access::default() }, ..shown() };
        let web = Web::start(&settings(both.clone()), limited()).await.unwrap();
        let answer = ask(&metrics, "GET /metrics");
        assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("# EOF\n"), "{answer}");
        assert!(ask(&metrics, "GET /healthz").starts_with("HTTP/1.0 404 "));
        assert!(ask(&page, "GET /healthz").ends_with("ok\n"));
        assert!(ask(&page, "GET /metrics").starts_with("HTTP/1.0 401 "));
        let known = "GET /metrics HTTP/1.0\r\nauthorization: Bearer s3cret\r\nx: ";
        let answer = ask(&page, known);
        assert!(answer.ends_with("metrics are not served here\n"), "{answer}");
        let alone = settings(StatusSettings { listen: None, ..both.clone() });
        let (_, hint) = Web::start(&alone, shown()).await.unwrap_err().in_short();
        assert_eq!(hint.as_deref(), Some("the key `status.metrics_listen` names another place"));
        web.end().await;
        assert!(!page.exists() && !metrics.exists());

        let web = Web::start(&alone, shown()).await.unwrap();
        assert!(ask(&metrics, "GET /metrics").ends_with("# EOF\n") && !page.exists());
        web.end().await;
        let none = StatusSettings { metrics: Some(false), ..both };
        let web = Web::start(&settings(none), Shown { metrics: None, ..shown() }).await.unwrap();
        assert!(page.exists() && !metrics.exists());
        web.end().await;
    }

    #[tokio::test]
    async fn what_skep_status_asks_for_is_the_document_that_the_api_serves() {
        let directory = tempfile::tempdir().unwrap();
        let [page, local] = ["http.sock", "local.sock"].map(|name| directory.path().join(name));
        let settings =
            settings(StatusSettings { listen: Some(socket(&page)), ..StatusSettings::default() });
        let shown = shown();
        let reports = shown.reports.clone();
        let web = Web::start(&settings, shown).await.unwrap();
        let answer = ask(&page, "GET /api/v1/status");
        web.end().await;
        let (_, served) = answer.split_once("\r\n\r\n").unwrap();
        let served: serde_json::Value = serde_json::from_str(served).unwrap();
        let schema = serde_json::to_value(status::schema()).unwrap();
        assert!(jsonschema::is_valid(&schema, &served), "{served:#}");

        let (bound, (asks, _)) = (Socket::bind(&local, &[]).unwrap(), mpsc::channel(1));
        let sockets = Sockets { own: directory.path().join("nobody.sock"), others: vec![local] };
        let question = Question::Status {
            stacks: Vec::new(),
            shown: local::Shown { width: 80, color: false, unicode: true },
        };
        let answered = tokio::select! {
            () = local::serve(&bound, reports, asks, present) => panic!("it ended"),
            answered = asking::ask(&sockets, &question) => answered.unwrap().unwrap(),
        };
        assert_eq!(answered.document(), Some(served));
    }

    #[test]
    fn a_secret_is_read_as_a_whole_or_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let read = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            secret(&path).map(|text| text.expose().clone()).map_err(|error| error.in_short().0)
        };
        assert_eq!(read(b"s3cret\r\n").unwrap(), "s3cret");
        assert_eq!(read(&[b'x'; 4096]).unwrap().len(), 4096);
        for (content, why) in [
            (&[b'x'; 4097][..], "there are more than 4096 bytes in it"),
            (b"\n", "there is nothing in it"),
            (b"\xff", "it is not UTF-8"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.ends_with(why), "{error}");
        }
        for (content, fits) in
            [("open sesame\n", true), ("s€cret", false), (" s3cret", false), ("a\nb", false)]
        {
            fs::write(&path, content).unwrap();
            assert_eq!(token(&path).is_ok(), fits, "{content}");
        }
    }
}
