//! From the command line to what a pass is asked to do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::diff::ShowContent;
use crate::model::finding::Finding;
use crate::model::name::FleetName;
use crate::model::nanos::Nanos;
use crate::reconciler::pass::Request;
use crate::reconciler::plan::View;
use crate::reconciler::policy::{Policy, Scope};
use crate::settings::Settings;
use crate::spec::lock;
use crate::swarm::{Credentials, Surroundings};

use super::args::{GlobalArgs, PolicyArgs};
use super::error::CommandError;
use super::load::Stacks;

/// How plans are to be shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Showing {
    /// Whether sensitive values are shown.
    pub(super) reveal: bool,
    /// Whether the lines of configs that differ are shown.
    pub(super) contents: bool,
    /// Findings that the plan repeats.
    pub(super) findings: Vec<Finding>,
}

/// The installation that the command line or the settings name.
pub(super) fn fleet(global: &GlobalArgs, settings: &Settings) -> Result<FleetName, CommandError> {
    match (&global.fleet, &settings.fleet) {
        (Some(fleet), _) => Ok(fleet.clone()),
        (None, Some(fleet)) => Ok(fleet.value.clone()),
        (None, None) => "default".parse().map_err(CommandError::failed),
    }
}

/// What a pass over `stacks` is asked to do. Flags win over settings; what a flag allows, no setting forbids.
///
/// # Errors
/// When the settings are broken: nothing may be done on their behalf.
pub(super) fn request(
    global: &GlobalArgs,
    paths: &[PathBuf],
    policy: &PolicyArgs,
    stacks: Stacks,
    patience: Option<Nanos>,
    showing: Showing,
) -> Result<Request, CommandError> {
    let PolicyArgs { prune, prune_stacks, adopt, allow_replace, unblock, resolve_image } = policy;
    if stacks.settings_are_broken {
        return Err(CommandError::failed(anyhow::Error::msg(
            "the settings have errors, and nothing is done on their behalf",
        )));
    }
    if stacks.lock.is_broken {
        let message = format!("{} has errors, and nobody knows what tags mean", lock::FILE_NAME);
        return Err(CommandError::failed(anyhow::Error::msg(message))
            .hint("correct it, or remove it and make it anew with skep lock"));
    }
    let sensitivity = stacks.sensitivity();
    let Stacks { settings, source, good, invalid, whole, revision, registries, lock, .. } = stacks;
    let fleet = fleet(global, &settings)?;
    Ok(Request {
        stacks: good,
        lock: lock.content,
        scope: Scope { fleet, source, whole, invalid },
        policy: Policy {
            adoption: adopt.or(settings.adopt).unwrap_or_default(),
            prune: *prune || settings.prune == Some(true),
            prune_stacks: *prune_stacks || settings.prune_stacks == Some(true),
            allow_replace: *allow_replace || settings.allow_replace == Some(true),
            unblocked: unblock.iter().cloned().collect::<BTreeSet<_>>(),
            retention: settings.retention.map_or(0, |count| count as usize),
            patience: patience.or_else(|| settings.timeout.map(|timeout| timeout.0)),
        },
        credentials: Credentials::new(Surroundings::of_process().docker_config, registries),
        resolve: resolve_image.or(settings.resolve_image).unwrap_or_default(),
        view: View {
            revision,
            sensitivity,
            reveal: showing.reveal,
            contents: if showing.contents { ShowContent::Lines } else { ShowContent::Counts },
            command: command(global, paths),
            findings: showing.findings,
        },
    })
}

/// The command that applies these stacks. Variables are left out: their values may be secret.
fn command(global: &GlobalArgs, paths: &[PathBuf]) -> String {
    let config =
        global.config.iter().flat_map(|path| ["-c".to_owned(), path.display().to_string()]);
    let paths = paths.iter().map(|path| path.display().to_string());
    let words = ["skep".to_owned(), "apply".to_owned()].into_iter().chain(config).chain(paths);
    let quoted = words.map(|word| match shlex::try_quote(&word) {
        Ok(quoted) => quoted.into_owned(),
        // Only a zero byte cannot be quoted, and no argument has one.
        Err(_) => word,
    });
    quoted.collect::<Vec<_>>().join(" ")
}
