//! Logs on standard error: how much of them, in which form, and never a request's body.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::{env, io};

use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use super::error::CommandError;
use super::log_lines::LogLines;

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
    /// Whether lines for people begin with the time.
    pub(super) times: bool,
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
        let for_people = LogLines { times: self.times, origins: self.verbosity > 1 };
        let lines = match self.format {
            LogFormat::Text => lines.event_format(for_people).boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        Ok(registry().with(wanted).with(quiet()).with(lines))
    }
}

/// Whether standard error goes to systemd's journal, which notes the time itself: `JOURNAL_STREAM` names the device and
/// the inode of what it reads (systemd.exec(5)).
pub(super) fn goes_to_journal() -> bool {
    let Ok(journal) = env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let stderr = stderr.and_then(|stderr| stderr.metadata());
    stderr.is_ok_and(|stderr| journal == format!("{}:{}", stderr.dev(), stderr.ino()))
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

    fn written(logging: &Logging, write: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = logging.subscriber(move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, write);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    fn logging(verbosity: u8, directives: Option<&str>) -> Logging {
        let directives = directives.map(str::to_owned);
        Logging { verbosity, directives, format: LogFormat::Text, times: false, colors: false }
    }

    fn logged(verbosity: u8, directives: Option<&str>) -> String {
        written(&logging(verbosity, directives), || {
            tracing::trace!(target: concat!("bollard", "::docker"), "body");
            tracing::debug!(target: concat!("hyper_util", "::client"), "body");
            tracing::trace!(target: "skep::swarm", "details");
            tracing::info!(target: "skep::reconciler", "step");
            tracing::warn!(target: "skep::reconciler", "trouble");
        })
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
        let logging = Logging { format: LogFormat::Json, ..logging(0, Some("skep=loud")) };
        assert!(logging.start().is_err());
    }

    fn write_of_a_controller() {
        let span = tracing::info_span!("pass", number = 7);
        let _entered = span.enter();
        let object = "service shop_web";
        tracing::info!(stack = "shop", object, cause = "git", revision = "1f", "created {object}");
        tracing::error!(source = "main", hint = "is it up?", "source main is\naway");
    }

    #[test]
    fn lines_for_people_say_nothing_twice_and_when_it_was_where_nobody_else_does() {
        let text = written(&logging(1, None), write_of_a_controller);
        assert_eq!(
            text,
            " INFO created service shop_web cause=git revision=1f\n\
             ERROR source main is\\naway (is it up?)\n"
        );
        let long = written(&logging(2, None), write_of_a_controller);
        let origin = " INFO skep::cli::logging::tests: pass{number=7}: created service";
        assert!(long.starts_with(origin), "{long}");
        let timed = written(&Logging { times: true, ..logging(1, None) }, write_of_a_controller);
        for (line, without) in timed.lines().zip(text.lines()) {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{line}");
            assert_eq!(rest, without);
        }
        let json = Logging { format: LogFormat::Json, ..logging(1, None) };
        let json = written(&json, write_of_a_controller);
        let first = json.lines().next().unwrap();
        let first: serde_json::Value = serde_json::from_str(first).unwrap();
        assert_eq!(first["fields"]["stack"], "shop", "programs get every field");
        assert_eq!(first["span"]["number"], 7);
    }
}
