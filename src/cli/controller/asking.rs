//! Asking the controller that runs on this machine.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fmt, fs, io, iter};

use serde_json::Value;
use tokio::time::timeout;

use crate::local::{self, Answer, AskError, Question};
use crate::model::name::FleetName;
use crate::reconciler::controller::report;
use crate::settings::Settings;
use crate::swarm::Address;

use super::super::error::CommandError;
use super::super::exit::ExitCode;
use super::super::repository::state_directory;
use super::super::settings::Setup;

/// Where the controller of `fleet` may listen.
#[derive(Debug)]
pub(in crate::cli) struct Sockets {
    /// Where one listens that is started here.
    pub(in crate::cli) own: PathBuf,
    /// Where one listens that was started in other surroundings.
    pub(in crate::cli) others: Vec<PathBuf>,
}

impl Sockets {
    /// Where the settings say, and nowhere else, or the usual places.
    pub(in crate::cli) fn of(settings: &Settings, fleet: &FleetName) -> Self {
        if let Some(path) = &settings.socket {
            return Self { own: PathBuf::from(path), others: Vec::new() };
        }
        let runtime = env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
        let user = fs::metadata("/proc/self").ok().map(|process| process.uid());
        let paths = local::default_paths(fleet, runtime.as_deref().map(Path::new), user);
        let mut paths = paths.into_iter();
        Self { own: paths.next().unwrap_or_default(), others: paths.collect() }
    }

    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        iter::once(&self.own).chain(&self.others)
    }
}

/// `/run/user/0/skep/default.sock or /run/skep/default.sock`
impl fmt::Display for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.all().map(|path| path.display().to_string()).collect();
        f.write_str(&all.join(" or "))
    }
}

/// Where the controller of `fleet` keeps its history, unless the settings say that it keeps none.
///
/// # Errors
/// When settings that nobody named say where.
pub(in crate::cli) fn history_file(
    setup: &Setup,
    fleet: &FleetName,
) -> Result<Option<PathBuf>, CommandError> {
    let is_kept = setup.settings.history.as_ref().and_then(|history| history.enabled);
    let default = || state_directory().join(format!("history-{fleet}.db"));
    let path = setup.history_path()?;
    Ok(is_kept.unwrap_or(true).then(|| path.unwrap_or_else(default)))
}

/// What the controller on this machine answers.
#[derive(Debug)]
pub(in crate::cli) struct Answered {
    /// Its report, for programs.
    pub(in crate::cli) report: Value,
    /// The same for people.
    pub(in crate::cli) text: String,
    /// How this process is to end.
    pub(in crate::cli) exit: ExitCode,
}

impl Answered {
    /// Whether the controller works with this engine, or would where it cannot use the one before.
    pub(in crate::cli) fn knows(&self, engine: &Address) -> bool {
        let engine = engine.to_string();
        self.engines().any(|known| known == engine)
    }

    /// The engines that it may work with, as text.
    pub(in crate::cli) fn named_engines(&self) -> String {
        self.engines().collect::<Vec<_>>().join(", ")
    }

    /// The document of `skep status` with what only the controller knows below it; `None` while it has seen nothing.
    pub(in crate::cli) fn document(&self) -> Option<Value> {
        report::document(self.report.clone())
    }

    fn engines(&self) -> impl Iterator<Item = &str> {
        let engines = self.report.get("engines").and_then(Value::as_array);
        engines.into_iter().flatten().filter_map(|engine| engine.get("address")?.as_str())
    }
}

/// Asks the controller that listens at one of `sockets`; `None` if there is none.
pub(in crate::cli) async fn ask(
    sockets: &Sockets,
    question: &Question,
) -> Result<Option<Answered>, CommandError> {
    match answer(sockets, question).await {
        Ok(Answer::Report { document, text, exit }) => {
            let report = serde_json::from_str(document.get()).map_err(CommandError::failed)?;
            Ok(Some(Answered { report, text, exit: ExitCode::of(exit) }))
        }
        Ok(Answer::Refused(reason)) => Err(CommandError::failed(anyhow::Error::msg(reason))),
        Err(AskError::NobodyThere(_)) => Ok(None),
        Err(error) => Err(CommandError::failed(error)),
    }
}

async fn answer(sockets: &Sockets, question: &Question) -> Result<Answer, AskError> {
    for socket in sockets.all() {
        match local::ask(socket, question).await {
            Err(AskError::NobodyThere(_)) => {}
            // It is for another user; where it was named, that is a mistake.
            Err(AskError::BrokenOff { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied
                    && !sockets.others.is_empty() => {}
            answer => return answer,
        }
    }
    Err(AskError::NobodyThere(sockets.own.clone()))
}

/// How long is waited for an answer that nobody reads.
const BRIEFLY: Duration = Duration::from_secs(30);

/// Has the controller that listens at one of `sockets` look, if there is one; what it answers does not matter.
pub(in crate::cli) async fn quietly(sockets: &Sockets, question: &Question) {
    if !matches!(timeout(BRIEFLY, answer(sockets, question)).await, Ok(Ok(_))) {
        tracing::debug!(%sockets, "no controller was told");
    }
}

#[cfg(test)]
mod tests {
    use crate::reconciler::controller::example;
    use crate::reconciler::status;

    use super::*;

    fn answered(report: &Value) -> Answered {
        Answered { report: report.clone(), text: String::new(), exit: ExitCode::Fine }
    }

    #[test]
    fn what_a_controller_answers_has_the_published_layout_of_a_status() {
        let mut report = serde_json::to_value(example::report()).unwrap();
        let document = answered(&report).document().unwrap();
        let schema = serde_json::to_value(status::schema()).unwrap();
        assert!(jsonschema::is_valid(&schema, &document), "{document:#}");
        assert_eq!(document["stacks"][0]["name"], "blog");
        assert_eq!(document["controller"]["stacks"]["blog"]["condition"], "Suspended");
        assert!(document["controller"].get("status").is_none());
        report.as_object_mut().unwrap().remove("status");
        assert_eq!(answered(&report).document(), None);
    }

    #[test]
    fn an_engine_that_the_controller_does_not_work_with_is_told_from_its_own() {
        let report = serde_json::json!({"engines": [{"address": "unix:///var/run/docker.sock"}]});
        let answered = answered(&report);
        let address = |text: &str| Address::parse(text, None).unwrap();
        assert!(answered.knows(&address("unix:///var/run/docker.sock")));
        assert!(!answered.knows(&address("tcp://prod.example.com:2375")));
        assert_eq!(answered.named_engines(), "unix:///var/run/docker.sock");
    }
}
