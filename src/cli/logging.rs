//! Logs on standard error: how much of them, in which form, and never a request's body.

use std::io;

use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use super::error::CommandError;

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object on each line.
    Json,
}

/// What is logged and how.
#[derive(Debug, Clone)]
pub(super) struct Logging {
    /// How often `-v` was given: warnings, `-v` information, `-vv` details, `-vvv` everything.
    pub(super) verbosity: u8,
    /// `RUST_LOG`, which wins over `-v`.
    pub(super) directives: Option<String>,
    /// The form.
    pub(super) format: LogFormat,
    /// Whether lines have colours.
    pub(super) colors: bool,
}

impl Logging {
    /// Sends the logs of this process to standard error from here on.
    ///
    /// # Errors
    /// When `RUST_LOG` cannot be read.
    pub(super) fn start(&self) -> Result<(), CommandError> {
        // A second subscriber is refused; then the first one goes on.
        let _ = self.subscriber(io::stderr)?.try_init();
        Ok(())
    }

    fn subscriber<W>(&self, writer: W) -> Result<impl tracing::Subscriber + use<W>, CommandError>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let level = match self.verbosity {
            0 => "warn",
            1 => "warn,skep=info",
            2 => "info,skep=debug",
            _ => "debug,skep=trace",
        };
        let wanted = self.directives.as_deref().unwrap_or(level);
        let wanted = EnvFilter::try_new(wanted).map_err(|error| {
            CommandError::usage(format!("cannot read RUST_LOG: {error}"))
                .hint("it looks like RUST_LOG=info or RUST_LOG=warn,skep::swarm=debug")
        })?;
        let lines = fmt::layer().with_writer(writer).with_ansi(self.colors);
        let lines = match self.format {
            LogFormat::Text => lines.with_target(self.verbosity > 1).without_time().boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        Ok(registry().with(wanted).with(quiet()).with(lines))
    }
}

/// A log that lies in a watched directory would feed itself with what is logged about events.
const WATCHING: &str = "notify=info";

/// Keeps request bodies out of the logs, however much of them the user asks for.
fn quiet() -> Targets {
    crate::swarm::QUIET
        .iter()
        .chain([&WATCHING])
        .filter_map(|directive| directive.split_once('='))
        .filter_map(|(target, level)| Some((target, level.parse::<tracing::Level>().ok()?)))
        .collect::<Targets>()
        .with_default(tracing::Level::TRACE)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(verbosity: u8, directives: Option<&str>) -> String {
        let lines = Lines::default();
        let logging = Logging {
            verbosity,
            directives: directives.map(str::to_owned),
            format: LogFormat::Text,
            colors: false,
        };
        let writer = lines.clone();
        let subscriber = logging.subscriber(move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: concat!("bollard", "::docker"), "body");
            tracing::debug!(target: concat!("hyper_util", "::client"), "body");
            tracing::trace!(target: "skep::swarm", "details");
            tracing::info!(target: "skep::reconciler", "step");
            tracing::warn!(target: "skep::reconciler", "trouble");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn bodies_stay_out_of_the_logs_whatever_is_asked_for() {
        let crates = ["bollard", "hyper_util", "skep"];
        let below = crates.map(|name| format!("trace,{name}=trace,{name}::docker=trace"));
        let text = logged(3, Some(&below.join(",")));
        assert!(text.contains("details") && !text.contains("body"), "{text}");
    }

    #[test]
    fn each_v_shows_more() {
        let lines = |verbosity| logged(verbosity, None).lines().count();
        assert_eq!([lines(0), lines(1), lines(2), lines(3)], [1, 2, 2, 3]);
        assert_eq!(logged(3, Some("off")), "");
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_an_error_of_usage() {
        let logging = Logging {
            verbosity: 0,
            directives: Some("skep=loud".to_owned()),
            format: LogFormat::Json,
            colors: false,
        };
        assert!(logging.start().is_err());
    }
}
