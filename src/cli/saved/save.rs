//! Saves a plan.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::diff::document::Document;
use crate::model::live::Observed;
use crate::model::name::FleetName;
use crate::model::secret::Redacted;
use crate::reconciler::listed;
use crate::reconciler::plan::Plan;
use crate::reconciler::record;
use crate::reconciler::seal::{SALT_LENGTH, Seal};
use crate::swarm::Resolved;

use super::super::args::{GlobalArgs, PolicyArgs, ReadingArgs, StackArgs};
use super::super::error::CommandError;
use super::super::format::json;
use super::super::load::Sources;
use super::file::{FORMAT_VERSION, File, Image, Input, KIND, Platform, Policy};

/// A plan and what it was made from.
pub(in crate::cli) struct Made<'a> {
    /// The fleet that was planned for.
    pub(in crate::cli) fleet: &'a FleetName,
    /// The plan.
    pub(in crate::cli) plan: &'a Plan,
    /// What was observed.
    pub(in crate::cli) observed: &'a Observed,
}

/// Saves a plan to `path`, which only its owner may read.
///
/// # Errors
/// When the file cannot be written, or a path is not UTF-8.
pub(in crate::cli) fn save(
    path: &Path,
    global: &GlobalArgs,
    stacks: &StackArgs,
    policy: &PolicyArgs,
    sources: &Sources,
    made: &Made<'_>,
) -> Result<(), CommandError> {
    let salt = salt()?;
    let key = record::find(&made.observed.configs, made.fleet).map(|record| record.key);
    let seal = Seal::new(key, salt);
    let Sources { contents, variables } = sources;
    let contents = contents.iter().map(|(what, content)| Ok((what.clone(), seal.slow(content)?)));
    let variables = variables.iter().map(|(name, value)| {
        let value = Redacted::new(value.expose().as_bytes().to_vec());
        Ok((name.clone(), seal.slow(&value)?))
    });
    let file = File::<&Document> {
        kind: KIND.to_owned(),
        format_version: FORMAT_VERSION,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        salt: hex::encode(salt),
        fleet: made.fleet.to_string(),
        input: input(global, stacks)?,
        policy: of_flags(policy),
        sources: contents.collect::<Result<_, _>>().map_err(failed)?,
        variables: variables.collect::<Result<_, _>>().map_err(failed)?,
        images: images(&made.plan.images),
        allowed: listed::list(made.plan, made.observed, &seal).map_err(failed)?,
        plan: &made.plan.document,
    };
    write(path, &json(&file)?).map_err(|error| {
        CommandError::failed(error).context(format!("cannot write {}", path.display()))
    })
}

fn failed(error: crate::reconciler::seal::SealError) -> CommandError {
    CommandError::failed(error).context("cannot save the plan")
}

fn salt() -> Result<[u8; SALT_LENGTH], CommandError> {
    let mut salt = [0; SALT_LENGTH];
    getrandom::fill(&mut salt).map_err(|error| {
        CommandError::failed(anyhow::Error::msg(error))
            .context("cannot get random bytes from the system")
    })?;
    Ok(salt)
}

fn input(global: &GlobalArgs, stacks: &StackArgs) -> Result<Input, CommandError> {
    let StackArgs { paths, reading } = stacks;
    // Variables have to be given again; the file has no more than their digests.
    let ReadingArgs { name, root, var: _, env_file: _, inherit_env: _, profile, strict, source } =
        reading;
    Ok(Input {
        paths: paths.iter().map(|path| text(path)).collect::<Result<_, _>>()?,
        config: global.config.as_deref().map(text).transpose()?,
        name: name.as_ref().map(ToString::to_string),
        root: root.as_deref().map(text).transpose()?,
        profiles: profile.clone(),
        strict: *strict,
        source: source.as_ref().map(ToString::to_string),
    })
}

fn text(path: &Path) -> Result<String, CommandError> {
    let not_text = || CommandError::usage(format!("{} is not UTF-8", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(not_text)
}

fn of_flags(policy: &PolicyArgs) -> Policy {
    let PolicyArgs { prune, prune_stacks, adopt, allow_replace, now, unblock, resolve_image } =
        policy;
    Policy {
        prune: *prune,
        prune_stacks: *prune_stacks,
        adopt: *adopt,
        allow_replace: *allow_replace,
        now: *now,
        unblock: unblock.iter().map(ToString::to_string).collect(),
        resolve_image: *resolve_image,
    }
}

fn images(found: &BTreeMap<String, Resolved>) -> BTreeMap<String, Image> {
    let image = |resolved: &Resolved| {
        let platforms = resolved.platforms.iter().map(|platform| Platform {
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
        });
        Image { digest: resolved.digest.clone(), platforms: platforms.collect() }
    };
    found.iter().map(|(name, resolved)| (name.clone(), image(resolved))).collect()
}

/// Puts the whole file in the place of an old one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(part, path)
}
