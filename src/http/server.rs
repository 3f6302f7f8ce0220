//! Serves connections: as many as there is room for, each for as long as its client behaves, until it is time to stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::listener::Listener;
use super::patient::{Patient, Stream};

/// What clients may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time; more wait until one ends.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// How long the head of a request may take to arrive, also on a connection that is kept.
    pub arrival: Duration,
    /// How long a client may take nothing of an answer.
    pub patience: Duration,
    /// How long answers that are under way may take once it is time to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 640,
            head: 16 * 1024,
            headers: 64,
            arrival: Duration::from_secs(15),
            patience: Duration::from_secs(30),
            grace: Duration::from_secs(3),
        }
    }
}

/// How long is waited when the system can accept no connection.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves `routes` until `stop` says so, and after that what is under way.
pub async fn serve(
    listener: &Listener,
    routes: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let stopping = stop.clone();
    let accepting = async {
        loop {
            // A semaphore that is never closed always has a place in the end.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            match listener.accept().await {
                Ok(stream) => {
                    let conversation = converse(stream, routes.clone(), limits, stopping.clone());
                    connections.spawn(async move {
                        conversation.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted on {}", listener.address());
                    sleep(PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stopped(&mut stop) => {}
    }
    let ends = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.grace, ends).await.is_err() {
        tracing::debug!("answers that are under way are given up");
    }
}

async fn converse(
    stream: Box<dyn Stream>,
    routes: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let stream = TokioIo::new(Patient::new(stream, limits.patience));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.arrival)
        .max_buf_size(limits.head)
        .max_headers(limits.headers)
        .serve_connection(stream, TowerToHyperService::new(routes));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke off");
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could say so and has gone away has stopped, too.
    let _ = stop.wait_for(|stop| *stop).await;
}
