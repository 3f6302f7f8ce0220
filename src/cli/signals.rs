//! The signals that end a run in good order.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CommandError;

/// Ctrl-C, and what a service manager sends. One that arrives while nobody waits for it is not lost.
///
/// A terminal that hangs up is not among them: it ends the process as it ends any other, unless `nohup` says otherwise.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on, these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the operating system refuses to deliver them.
    pub(super) fn new() -> Result<Self, CommandError> {
        let listen = || -> io::Result<Self> {
            let interrupt = signal(SignalKind::interrupt())?;
            Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
        };
        listen().map_err(|error| CommandError::failed(error).context("cannot wait for signals"))
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let Self { interrupt, terminate } = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
