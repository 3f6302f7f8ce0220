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

use crate::http::{Access, Hook, Hooks, Limits, ListenError, Listener, Page, Shown, routes, serve};
use crate::model::name::SourceName;
use crate::model::secret::Redacted;
use crate::reconciler::controller::bell::{Bell, Trigger};
use crate::reconciler::controller::certificates::watch_certificates;
use crate::reconciler::controller::scene::Observatory;
use crate::reconciler::journal::News;
use crate::settings::{Listen, Settings};
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
    let token = status.token_file.as_ref().map(|file| secret(&setup.directory.join(&file.value)));
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

/// A server, if one is wanted, on a thread of its own: what clients ask for takes no time from the loop.
#[derive(Debug)]
pub(in crate::cli) struct Web(Option<(watch::Sender<bool>, oneshot::Receiver<()>)>);

impl Web {
    /// Begins to serve `shown` where `settings` say.
    ///
    /// # Errors
    /// When nobody can listen there, or the system has no thread left.
    pub(in crate::cli) async fn start(
        settings: &Settings,
        mut shown: Shown,
    ) -> Result<Self, CommandError> {
        let listen = settings.status.as_ref().and_then(|status| status.listen.as_ref());
        let Some(listen) = listen else { return Ok(Self(None)) };
        let what =
            if shown.page.is_some() { "status, health and metrics" } else { "health and metrics" };
        let ((stop, stopped), (ends, ended)) = (watch::channel(false), oneshot::channel::<()>());
        let (tells, told) = oneshot::channel();
        let (runtime, listen) = (runtime()?, listen.value.clone());
        let (seen, certificates) = watch::channel(Arc::default());
        let reports = shown.page.as_ref().map(|_| shown.reports.clone());
        if let Some(page) = &mut shown.page {
            page.certificates = Some(certificates);
        }
        let serving = move || {
            runtime.block_on(async {
                // Nobody is told who has given up meanwhile.
                match open(&listen).await {
                    Ok(listener) => {
                        let _ = tells.send(Ok(listener.address().to_owned()));
                        let watching = async {
                            if let Some(reports) = reports {
                                watch_certificates(reports, seen).await;
                            }
                            pending::<()>().await;
                        };
                        tokio::select! {
                            () = serve(&listener, routes(shown), Limits::default(), stopped) => {}
                            () = watching => {}
                        }
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
        let address = told.await.map_err(CommandError::failed)?.map_err(|error| {
            CommandError::failed(error).hint("the key `status.listen` names another place")
        })?;
        tracing::info!("serving {what} on {address}");
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

async fn open(listen: &Listen) -> Result<Listener, ListenError> {
    match listen {
        Listen::Loopback(address) => Listener::tcp(*address).await,
        Listen::Unix(path) => Listener::unix(path).await,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::model::place::Place;
    use crate::reconciler::controller::example;
    use crate::reconciler::controller::pulse::Pulse;
    use crate::settings::StatusSettings;
    use crate::spec::decode::Located;

    fn shown() -> Shown {
        Shown {
            reports: watch::channel(Arc::new(example::report())).1,
            pulse: Pulse::new(Arc::default()),
            metrics: None,
            access: Access::default(),
            hooks: Hooks::default(),
            page: Some(Page::default()),
        }
    }

    #[tokio::test]
    async fn clients_are_answered_while_the_loop_is_busy_and_none_after_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("http.sock");
        let place = Place { file: "skep.yaml".into(), line: 1, column: 1, length: 1 };
        let value = Listen::Unix(path.clone());
        let listen = Some(Located { value, place, interpolated: false });
        let status = Some(StatusSettings { listen, ..StatusSettings::default() });
        let settings = Settings { status, ..Settings::default() };
        let web = Web::start(&settings, shown()).await.unwrap();
        // This blocks the only thread of the runtime that it was started on.
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
        let error = Web::start(&settings, shown()).await.unwrap_err();
        assert!(error.in_short().0.starts_with("listen on unix://"), "{error:?}");
        web.end().await;
        assert!(!path.exists());
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
    }
}
