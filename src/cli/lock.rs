//! `skep lock`: writes down which image each tag means.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use clap::Args;

use crate::reconciler::plan::{Answer, refusal};
use crate::reconciler::registries::Registries;
use crate::spec::desired::{Identity, world};
use crate::spec::lock::{FILE_NAME, Lock, Locked, name};
use crate::swarm::{Credentials, Surroundings};

use super::args::{GlobalArgs, StackArgs};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::load::Stacks;
use super::output::{self, Output};
use super::request::fleet;

/// Write down which image each tag means, in images.lock
#[derive(Debug, Args)]
#[command(after_help = "\
Every run takes the images of the file, and asks no registry for them, until it is locked anew. What
is locked stays; what the stack files name and the file lacks is asked for, through the engine.
Commit the file.

Examples:
  skep lock stacks/                          add what is missing, drop what nothing names
  skep lock stacks/ --update                 ask for every tag again
  skep lock stacks/ --update-image nginx:1   ask for one
  skep lock stacks/ --check                  in CI: is anything missing or too much?

Exit codes: 0 done, 1 failed, errors in stack files, or --check found a difference.")]
pub(super) struct LockArgs {
    #[command(flatten)]
    stacks: StackArgs,

    /// Write nothing, ask nobody, and exit with 1 if the file is not what the stack files need
    #[arg(long, conflicts_with_all = ["update", "update_image"])]
    check: bool,

    /// Ask for what is locked, too
    #[arg(long)]
    update: bool,

    /// Ask for this image although it is locked
    #[arg(long, value_name = "IMAGE")]
    update_image: Vec<String>,
}

pub(super) async fn lock(
    global: &GlobalArgs,
    args: &LockArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let stacks = Stacks::load(global, &args.stacks.paths, &args.stacks.reading)?;
    output::talk(&stacks.findings_text(output.talk_look()));
    if stacks.has_errors() {
        return Ok(ExitCode::Failed);
    }
    let fleet = fleet(global, &stacks.settings)?;
    let identity = Identity { fleet: &fleet, source: &stacks.source, key: None };
    let desired = world(&stacks.good, &identity);
    let services = desired.stacks.values().flat_map(|stack| &stack.services);
    let wanted: BTreeSet<String> = services.filter_map(name).collect();
    if let Some(unknown) = args.update_image.iter().find(|image| !wanted.contains(*image)) {
        return Err(CommandError::usage(format!("no service has the image {unknown}"))
            .hint("name it with its tag, as images.lock has it"));
    }
    let before = &stacks.lock.content;
    let mut after = before.clone();
    if stacks.lock.is_of_these_alone {
        after.0.retain(|name, _| wanted.contains(name));
    }
    let missing: BTreeSet<String> =
        wanted.iter().filter(|name| !after.0.contains_key(*name)).cloned().collect();
    if args.check {
        output.result(&difference(before, &after, &missing))?;
        let is_right = missing.is_empty() && after == *before;
        return Ok(if is_right { ExitCode::Fine } else { ExitCode::Failed });
    }
    let asked = if args.update {
        wanted
    } else {
        missing.into_iter().chain(args.update_image.iter().cloned()).collect()
    };
    if !asked.is_empty() {
        let credentials =
            Credentials::new(Surroundings::of_process().docker_config, stacks.registries.clone());
        let connection = engine::connect(global, &args.stacks.paths).await?;
        let answers = Registries::default().ask(&connection, &credentials, asked).await;
        let mut failed = false;
        for (name, answer) in answers {
            if let Answer::Found(resolved) = answer {
                let locked = Locked { digest: resolved.digest, platforms: resolved.platforms };
                after.0.insert(name, locked);
            } else if let Some((reason, advice)) = refusal(&name, &answer) {
                failed = true;
                output::talk(&format!("error: {reason}\n  {advice}\n"));
            }
        }
        if failed {
            output::talk("Nothing was written.\n");
            return Ok(ExitCode::Failed);
        }
    }
    let path = &stacks.lock.path;
    if after != *before || !path.is_file() {
        write(path, &after.to_text()).map_err(|error| {
            CommandError::failed(error).context(format!("cannot write {}", path.display()))
        })?;
    }
    output.result(&difference(before, &after, &BTreeSet::new()))?;
    Ok(ExitCode::Fine)
}

/// Puts the whole file in the place of the old one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let part = path.with_extension("lock.part");
    let mut file = fs::File::create(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(part, path)
}

/// What comes, goes and moves, one image on each line.
fn difference(before: &Lock, after: &Lock, missing: &BTreeSet<String>) -> String {
    let short = |locked: &Locked| locked.digest.chars().take(19).collect::<String>();
    let mut lines: Vec<String> =
        missing.iter().map(|name| format!("+ {name}  is not locked\n")).collect();
    for (name, locked) in &after.0 {
        match before.0.get(name) {
            None => lines.push(format!("+ {name}  {}\n", short(locked))),
            Some(old) if old != locked => {
                lines.push(format!("~ {name}  {} → {}\n", short(old), short(locked)));
            }
            Some(_) => {}
        }
    }
    let gone = before.0.keys().filter(|name| !after.0.contains_key(*name));
    lines.extend(gone.map(|name| format!("- {name}  is in no stack file\n")));
    if lines.is_empty() {
        return format!("{FILE_NAME} is as the stack files need it: {} locked\n", after.0.len());
    }
    lines.concat()
}
