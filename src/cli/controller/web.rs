//! What the settings say is served over HTTP, for as long as the controller runs.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::http::{Access, Hook, Hooks, Limits, Listener, Page, Shown, routes, serve};
use crate::model::name::SourceName;
use crate::model::secret::Redacted;
use crate::reconciler::controller::bell::{Bell, Trigger};
use crate::reconciler::controller::scene::Observatory;
use crate::reconciler::journal::News;
use crate::settings::{Listen, Settings};
use crate::swarm::Managers;

use super::super::error::CommandError;
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
    let token = status.token_file.as_ref().map(|file| secret(&setup.directory.join(&file.value)));
    Ok(Access {
        token: token.transpose()?,
        trusted_header: status.trusted_header.as_ref().map(|name| name.value.clone()),
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
        badges: badges(settings).into_iter().collect(),
    })
}

/// A token or secret in a file of its own; line feeds at its end are the editor's.
fn secret(path: &Path) -> Result<Redacted<String>, CommandError> {
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        if text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is nothing in it"));
        }
        Ok(Redacted::new(text))
    };
    read().map_err(|error: io::Error| {
        CommandError::failed(error).context(format!("cannot read {}", path.display()))
    })
}

/// A server, if one is wanted.
#[derive(Debug)]
pub(in crate::cli) struct Web(Option<(watch::Sender<bool>, JoinHandle<()>)>);

impl Web {
    /// Begins to serve `shown` where `settings` say.
    ///
    /// # Errors
    /// When nobody can listen there.
    pub(in crate::cli) async fn start(
        settings: &Settings,
        shown: Shown,
    ) -> Result<Self, CommandError> {
        let listen = settings.status.as_ref().and_then(|status| status.listen.as_ref());
        let Some(listen) = listen else { return Ok(Self(None)) };
        let listener = match &listen.value {
            Listen::Loopback(address) => Listener::tcp(*address).await,
            Listen::Unix(path) => Listener::unix(path).await,
        };
        let listener = listener.map_err(|error| {
            CommandError::failed(error).hint("the key `status.listen` names another place")
        })?;
        let what =
            if shown.page.is_some() { "status, health and metrics" } else { "health and metrics" };
        tracing::info!("serving {what} on {}", listener.address());
        let (stop, stopped) = watch::channel(false);
        let routes = routes(shown);
        let serving = tokio::spawn(async move {
            serve(&listener, routes, Limits::default(), stopped).await;
        });
        Ok(Self(Some((stop, serving))))
    }

    /// Finishes the answers that are under way, and accepts no more.
    pub(in crate::cli) async fn end(self) {
        let Some((stop, serving)) = self.0 else { return };
        stop.send_replace(true);
        if timeout(GRACE, serving).await.is_err() {
            tracing::debug!("the server does not end");
        }
    }
}
