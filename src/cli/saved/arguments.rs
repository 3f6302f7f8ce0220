//! The arguments of a run that a saved plan stands for.

use std::path::PathBuf;

use super::super::args::{GlobalArgs, PolicyArgs, ReadingArgs, StackArgs};
use super::super::error::CommandError;
use super::file::{Input, Policy};
use super::find::Saved;

/// The arguments under which a plan was made, with the variables that were given again.
pub(in crate::cli) struct Arguments {
    /// Those of every command.
    pub(in crate::cli) global: GlobalArgs,
    /// Which stacks, and how they are read.
    pub(in crate::cli) stacks: StackArgs,
    /// What is allowed and asked for.
    pub(in crate::cli) policy: PolicyArgs,
}

impl Saved {
    /// The arguments under which the plan was made. Those that are `given` beside it may only say which engine, and
    /// the variables again.
    ///
    /// # Errors
    /// When others are given, or the file has none that make sense.
    pub(in crate::cli) fn arguments(
        &self,
        global: &GlobalArgs,
        given: &StackArgs,
        policy: &PolicyArgs,
    ) -> Result<Arguments, CommandError> {
        let Input { paths, config, name, root, profiles, strict, source } = &self.file.input;
        let fleet = self.file.fleet.parse().map_err(CommandError::failed)?;
        let config = config.as_ref().map(PathBuf::from);
        refuse(global.fleet.as_ref().is_some_and(|given| *given != fleet), "--fleet")?;
        refuse(global.config.is_some() && global.config != config, "--config")?;
        refuse_others(&given.reading, policy)?;
        let ReadingArgs { var, env_file, inherit_env, .. } = &given.reading;
        let reading = ReadingArgs {
            name: name.as_deref().map(str::parse).transpose().map_err(CommandError::failed)?,
            root: root.as_ref().map(PathBuf::from),
            var: var.clone(),
            env_file: env_file.clone(),
            inherit_env: *inherit_env,
            profile: profiles.clone(),
            strict: *strict,
            source: source.as_deref().map(str::parse).transpose().map_err(CommandError::failed)?,
        };
        let paths = paths.iter().map(PathBuf::from).collect();
        Ok(Arguments {
            global: GlobalArgs { fleet: Some(fleet), config, ..global.clone() },
            stacks: StackArgs { paths, reading },
            policy: self.policy()?,
        })
    }

    fn policy(&self) -> Result<PolicyArgs, CommandError> {
        let Policy { prune, prune_stacks, adopt, allow_replace, now, unblock, resolve_image } =
            &self.file.policy;
        let unblock = unblock.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        Ok(PolicyArgs {
            prune: *prune,
            prune_stacks: *prune_stacks,
            adopt: *adopt,
            allow_replace: *allow_replace,
            now: *now,
            unblock: unblock.map_err(CommandError::failed)?,
            resolve_image: *resolve_image,
        })
    }
}

/// Refuses arguments that would make another plan.
fn refuse_others(reading: &ReadingArgs, policy: &PolicyArgs) -> Result<(), CommandError> {
    let ReadingArgs { name, root, var: _, env_file: _, inherit_env: _, profile, strict, source } =
        reading;
    let PolicyArgs { prune, prune_stacks, adopt, allow_replace, now, unblock, resolve_image } =
        policy;
    for (is_given, flag) in [
        (name.is_some(), "--name"),
        (root.is_some(), "--root"),
        (!profile.is_empty(), "--profile"),
        (*strict, "--strict"),
        (source.is_some(), "--source"),
        (*prune, "--prune"),
        (*prune_stacks, "--prune-stacks"),
        (adopt.is_some(), "--adopt"),
        (*allow_replace, "--allow-replace"),
        (*now, "--now"),
        (!unblock.is_empty(), "--unblock"),
        (resolve_image.is_some(), "--resolve-image"),
    ] {
        refuse(is_given, flag)?;
    }
    Ok(())
}

fn refuse(is_given: bool, flag: &str) -> Result<(), CommandError> {
    if !is_given {
        return Ok(());
    }
    Err(CommandError::usage(format!("{flag} would make another plan than the saved one")).hint(
        "give it to skep plan --out; beside a saved plan go --var, --env-file and --inherit-env",
    ))
}
