//! What the settings say is served over HTTP, for as long as the controller runs.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::http::{Limits, Listener, Shown, routes, serve};
use crate::settings::{Listen, Settings};

use super::super::error::CommandError;

/// How long is waited for the end of a server that stops by itself.
const GRACE: Duration = Duration::from_secs(5);

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
        tracing::info!("serving health and metrics on {}", listener.address());
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
