//! The sources of a running controller: those of the settings, else the PATHs of the command line.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use crate::model::name::SourceName;
use crate::reconciler::controller::declared::Declared;
use crate::reconciler::controller::drift::DriftMode;
use crate::reconciler::controller::run::{Look, Plan, Sources};
use crate::reconciler::controller::source::{FetchFailure, Remedy};
use crate::settings::Settings;

use super::super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::super::error::CommandError;
use super::super::load::Stacks;
use super::super::request::{Showing, request};
use super::super::settings::Setup;

/// What the command line says about every look at a source.
#[derive(Debug)]
pub(in crate::cli) struct Wanted {
    pub(in crate::cli) global: GlobalArgs,
    pub(in crate::cli) paths: Vec<PathBuf>,
    pub(in crate::cli) reading: ReadingArgs,
    pub(in crate::cli) policy: PolicyArgs,
    pub(in crate::cli) drift: Option<DriftMode>,
}

/// The sources of a running controller.
#[derive(Debug)]
pub(in crate::cli) struct RunSources {
    wanted: Arc<Wanted>,
    /// What the settings said when they were last free of errors.
    plan: Plan,
}

impl RunSources {
    /// The sources that `setup` lists, or without any the PATHs.
    ///
    /// # Errors
    /// When the settings have errors: a controller does not start with them.
    pub(in crate::cli) fn new(wanted: Wanted, setup: &Setup) -> Result<Self, CommandError> {
        let plan = plan(&wanted, &setup.settings)?;
        Ok(Self { wanted: Arc::new(wanted), plan })
    }
}

/// What the settings want looked after. PATHs are one source.
fn plan(wanted: &Wanted, settings: &Settings) -> Result<Plan, CommandError> {
    let named = wanted.reading.source.clone();
    let listed = || settings.sources.iter().map(|source| source.name.value.clone());
    let sources = match named {
        Some(name) => vec![name],
        None if wanted.paths.is_empty() && !settings.sources.is_empty() => listed().collect(),
        None => vec!["cli".parse().map_err(CommandError::failed)?],
    };
    Ok(Plan { sources, timing: settings.timing() })
}

impl Sources for RunSources {
    fn look(&self, source: &SourceName) -> Look {
        let (wanted, source) = (Arc::clone(&self.wanted), source.clone());
        Box::pin(async move {
            // A file system that does not answer holds this thread, and nobody else.
            let looked = spawn_blocking(move || look(&wanted, source)).await;
            looked.unwrap_or_else(|error| {
                let reason = error.to_string();
                Err(FetchFailure { reason, hint: None, remedy: Remedy::Retry })
            })
        })
    }

    fn reload(&mut self) -> Plan {
        let setup = Setup::load(self.wanted.global.config.as_deref(), &self.wanted.paths);
        let plan = setup.and_then(|setup| {
            setup.refuse_errors()?;
            plan(&self.wanted, &setup.settings)
        });
        match plan {
            Ok(plan) => self.plan = plan,
            Err(error) => {
                let (reason, hint) = error.in_short();
                let hint = hint.unwrap_or_default();
                tracing::error!(hint, "the settings stay as they were: {reason}");
            }
        }
        self.plan.clone()
    }
}

fn look(wanted: &Wanted, source: SourceName) -> Result<Declared, FetchFailure> {
    let failed = |error: CommandError| {
        let (reason, hint) = error.in_short();
        // A mount that is not there yet, a file that is being written.
        FetchFailure { reason, hint, remedy: Remedy::Retry }
    };
    let Wanted { global, paths, reading, policy, drift } = wanted;
    let is_listed = paths.is_empty() && reading.source.is_none();
    let reading = if is_listed && source.as_str() != "cli" {
        ReadingArgs { source: Some(source), ..reading.clone() }
    } else {
        reading.clone()
    };
    let mut stacks = Stacks::load(global, paths, &reading).map_err(failed)?;
    stacks.accept_emptiness();
    let mut modes = stacks.settings.drift_modes();
    modes.default = drift.unwrap_or(modes.default);
    let findings = stacks.findings.clone();
    let revision = stacks.revision.clone().unwrap_or_default();
    let digest = digest(&stacks);
    let request = request(global, paths, &reading, policy, stacks, None, Showing::default());
    let request = request.map_err(|error| {
        let (reason, hint) = error.in_short();
        FetchFailure { reason, hint, remedy: Remedy::Change }
    })?;
    Ok(Declared { request, revision, digest, findings, drift: modes })
}

/// A digest of everything that was read. It stays in this process, and so may be of secrets.
fn digest(stacks: &Stacks) -> Vec<u8> {
    let read = stacks.sources();
    let mut all = Sha256::new();
    let mut add = |name: &str, content: &[u8]| {
        // Digests have one length, so that nothing can be moved from one to the next unseen.
        all.update(Sha256::digest(name.as_bytes()));
        all.update(Sha256::digest(content));
    };
    for (what, content) in &read.contents {
        add(what, content.expose());
    }
    for (name, value) in &read.variables {
        add(name, value.expose().as_bytes());
    }
    all.finalize().to_vec()
}
