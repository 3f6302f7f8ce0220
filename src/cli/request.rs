//! From the command line to what a pass is asked to do.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::diff::ShowContent;
use crate::diff::mask::Scrub;
use crate::model::finding::Finding;
use crate::model::name::FleetName;
use crate::model::nanos::Nanos;
use crate::reconciler::logs;
use crate::reconciler::pass::{Request, declare};
use crate::reconciler::plan::View;
use crate::reconciler::policy::{
    Adoption, Elsewhere, Policy, RemoveStack, ResolveImage, Scope, Supersede, Unblock,
};
use crate::settings::Settings;
use crate::spec::lock;
use crate::swarm::{Credentials, Surroundings};

use super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::error::CommandError;
use super::load::Stacks;
use super::proxy::DeclaredProxy;
use super::settings::Setup;

/// The installation where neither the command line nor the settings name one.
const DEFAULT_FLEET: &str = "default";

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
        (None, None) => DEFAULT_FLEET.parse().map_err(CommandError::failed),
    }
}

/// What a pass over `stacks` is asked to do. Flags win over settings; what a flag allows, no setting forbids.
///
/// # Errors
/// When the settings are broken: nothing may be done on their behalf.
pub(super) fn request(
    global: &GlobalArgs,
    paths: &[PathBuf],
    reading: &ReadingArgs,
    policy: &PolicyArgs,
    stacks: Stacks,
    patience: Option<Nanos>,
    showing: Showing,
) -> Result<Request, CommandError> {
    let PolicyArgs { prune, prune_stacks, adopt, allow_replace, now, unblock, resolve_image } =
        policy;
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
    let Stacks {
        settings, source, good, invalid, whole, revision, registries, lock, proxy, ..
    } = stacks;
    let fleet = fleet(global, &settings)?;
    let retry = retry(global, &fleet);
    let mut request = Request {
        stacks: good.into_iter().map(Arc::new).collect(),
        lock: Arc::new(lock.content),
        older_locks: BTreeMap::new(),
        scope: Scope { fleet, source, whole, invalid, elsewhere: Elsewhere::default() },
        policy: Policy {
            adoption: adopt.or(settings.adopt).unwrap_or_default(),
            prune: *prune || settings.prune == Some(true),
            prune_stacks: *prune_stacks || settings.prune_stacks == Some(true),
            allow_replace: *allow_replace || settings.allow_replace == Some(true),
            supersede: if *now { Supersede::Now } else { Supersede::Judged },
            unblocked: unblock.iter().cloned().collect::<BTreeSet<_>>(),
            retention: settings.retention.map_or(0, |count| count as usize),
            patience: patience.or_else(|| settings.timeout.map(|timeout| timeout.0)),
            remove: None,
        },
        credentials: Credentials::new(Surroundings::of_process().docker_config, registries),
        pinned: BTreeMap::new(),
        proxy: proxy.aim(global.caddy.as_ref())?,
        resolve: resolve_image.or(settings.resolve_image).unwrap_or_default(),
        view: View {
            revision,
            sensitivity,
            reveal: showing.reveal,
            contents: if showing.contents { ShowContent::Lines } else { ShowContent::Counts },
            command: String::new(),
            retry,
            docker: docker(global),
            findings: showing.findings,
        },
    };
    request.view.command = command(global, paths, reading, policy, &scrub(&request, reading));
    Ok(request)
}

/// What knows the secrets that variables may be: what the stacks declare, if there are variables at all.
fn scrub(request: &Request, reading: &ReadingArgs) -> Scrub {
    let scrub = Scrub::new(request.view.sensitivity.clone());
    if reading.var.is_empty() {
        return scrub;
    }
    logs::with_declared(scrub, &declare(request, &[]))
}

/// What is asked for to remove a whole stack, whatever declared it.
pub(super) fn removal(
    global: &GlobalArgs,
    paths: &[PathBuf],
    setup: &Setup,
    asked: RemoveStack,
    unblock: &[Unblock],
    patience: Option<Nanos>,
) -> Result<Request, CommandError> {
    let mut command = start("remove", global);
    command.word(asked.stack.as_str());
    for path in paths {
        command.option("--path", Some(path.display()));
    }
    for unblock in unblock {
        command.option("--unblock", Some(unblock));
    }
    let settings = &setup.settings;
    let fleet = fleet(global, settings)?;
    let retry = retry(global, &fleet);
    Ok(Request {
        stacks: Vec::new(),
        lock: Arc::default(),
        older_locks: BTreeMap::new(),
        scope: Scope {
            fleet,
            source: "cli".parse().map_err(CommandError::failed)?,
            whole: false,
            invalid: BTreeSet::new(),
            elsewhere: Elsewhere::default(),
        },
        policy: Policy {
            unblocked: unblock.iter().cloned().collect(),
            patience: patience.or_else(|| settings.timeout.map(|timeout| timeout.0)),
            remove: Some(asked),
            ..Policy::default()
        },
        credentials: Credentials::default(),
        pinned: BTreeMap::new(),
        proxy: DeclaredProxy::of(setup).aim(global.caddy.as_ref())?,
        resolve: ResolveImage::Never,
        view: View {
            revision: None,
            sensitivity: settings.sensitivity(),
            reveal: false,
            contents: ShowContent::Counts,
            command: command.0,
            retry,
            docker: docker(global),
            findings: Vec::new(),
        },
    })
}

/// The command that applies these stacks under the same policy, but for what holds and guards add to it.
fn command(
    global: &GlobalArgs,
    paths: &[PathBuf],
    reading: &ReadingArgs,
    policy: &PolicyArgs,
    scrub: &Scrub,
) -> String {
    let ReadingArgs { name, root, var, env_file, inherit_env, profile, strict, source } = reading;
    let PolicyArgs { prune: _, prune_stacks: _, adopt, allow_replace, now, unblock, resolve_image } =
        policy;
    let mut command = start("apply", global);
    for path in paths {
        command.word(&path.display().to_string());
    }
    command.option("--name", name.as_ref());
    command.option("--root", root.as_ref().map(|path| path.display()));
    for (name, value) in var {
        command.variable(name, value, scrub);
    }
    for file in env_file {
        command.option("--env-file", Some(file.display()));
    }
    command.flag("--inherit-env", *inherit_env);
    for profile in profile {
        command.option("--profile", Some(profile));
    }
    command.flag("--strict", *strict);
    command.option("--source", source.as_ref());
    // With another value a hold names it itself.
    command.option("--adopt", adopt.filter(|adopt| *adopt == Adoption::Always).map(|_| "always"));
    command.flag("--allow-replace", *allow_replace);
    command.flag("--now", *now);
    for unblock in unblock {
        command.option("--unblock", Some(unblock));
    }
    let resolve_image = resolve_image.as_ref().and_then(ValueEnum::to_possible_value);
    command.option("--resolve-image", resolve_image.as_ref().map(PossibleValue::get_name));
    command.0
}

/// The command that allows another try, of the same fleet, wherever the settings are that name it.
pub(super) fn retry(global: &GlobalArgs, fleet: &FleetName) -> String {
    of_fleet("retry", global, fleet)
}

/// The command that resumes stacks of the same fleet.
pub(super) fn resume(global: &GlobalArgs, fleet: &FleetName) -> String {
    of_fleet("resume", global, fleet)
}

fn of_fleet(command: &str, global: &GlobalArgs, fleet: &FleetName) -> String {
    let is_default = fleet.as_str() == DEFAULT_FLEET && global.fleet.is_none();
    let fleet = (!is_default).then(|| fleet.clone());
    // Neither asks anything of the proxy.
    start(command, &GlobalArgs { fleet, caddy: None, ..global.clone() }).0
}

/// Docker's client, aimed at the same engine.
fn docker(global: &GlobalArgs) -> String {
    let mut line = CommandLine("docker".to_owned());
    line.option("--host", global.host.as_ref());
    line.0
}

/// A command line that begins with `skep` and a command, aimed at the same engine and fleet.
fn start(command: &str, global: &GlobalArgs) -> CommandLine {
    let GlobalArgs { host, fleet, config, caddy, color: _, verbose: _, log_format: _ } = global;
    let mut line = CommandLine(format!("skep {command}"));
    line.option("-c", config.as_ref().map(|path| path.display()));
    line.option("--host", host.as_ref());
    line.option("--fleet", fleet.as_ref());
    line.option("--caddy", caddy.as_ref());
    line
}

/// A command line that a shell reads.
struct CommandLine(String);

impl CommandLine {
    fn word(&mut self, word: &str) {
        self.0.push(' ');
        self.0.push_str(&quoted(word));
    }

    fn flag(&mut self, flag: &str, given: bool) {
        if given {
            self.word(flag);
        }
    }

    fn option(&mut self, option: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.word(option);
            self.word(&value.to_string());
        }
    }

    /// A variable, and in place of a value that may be secret one that the shell knows or complains about.
    fn variable(&mut self, name: &str, value: &str, scrub: &Scrub) {
        self.word("--var");
        if scrub.is_secret(name, value) {
            let _ = write!(self.0, " {}=\"${{{name}:?}}\"", quoted(name));
        } else {
            let _ = write!(self.0, " {}={}", quoted(name), quoted(value));
        }
    }
}

fn quoted(word: &str) -> Cow<'_, str> {
    // Only a zero byte cannot be quoted, and no argument has one.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::args::StackArgs;
    use super::*;
    use crate::diff::mask::Sensitivity;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        global: GlobalArgs,
        #[command(flatten)]
        stacks: StackArgs,
        #[command(flatten)]
        policy: PolicyArgs,
    }

    #[test]
    fn the_command_in_a_hold_repeats_what_matters_and_no_secret() {
        let words = "skep -H unix:///d --fleet blue a --var TAG=1 --var NOTE=a --profile p --strict \
                     --var TOKEN=t0p --var URL=http://u:t0p@h/ --var FILE=known --prune --resolve-image never";
        let mut words: Vec<&str> = words.split_whitespace().collect();
        words.extend(["--var", "TEXT=a b"]);
        let Line { global, stacks, policy } = Line::parse_from(words);
        let StackArgs { paths, reading } = stacks;
        let scrub = Scrub::new(Sensitivity::default()).with_secret(b"known");
        let command = command(&global, &paths, &reading, &policy, &scrub);
        assert_eq!(
            command,
            "skep apply --host unix:///d --fleet blue a --var TAG=1 --var NOTE=a \
             --var TOKEN=\"${TOKEN:?}\" --var URL=\"${URL:?}\" --var FILE=\"${FILE:?}\" \
             --var TEXT='a b' --profile p \
             --strict --resolve-image never"
        );
    }

    #[test]
    fn the_command_for_another_try_names_the_fleet_that_only_settings_know() {
        let Line { global, .. } = Line::parse_from(["skep", "-c", "a b.yaml", "-H", "tcp://h:1"]);
        let of = |fleet: &str| retry(&global, &fleet.parse().unwrap());
        assert_eq!(of("default"), "skep retry -c 'a b.yaml' --host tcp://h:1");
        assert_eq!(of("blue"), "skep retry -c 'a b.yaml' --host tcp://h:1 --fleet blue");
        assert_eq!(docker(&global), "docker --host tcp://h:1");
    }
}
