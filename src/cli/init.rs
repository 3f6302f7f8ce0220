//! `skep init`: a settings file to begin with, and a stack if asked for. Nothing that is there is touched.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::settings::FILE_NAME;

use super::error::CommandError;
use super::exit::ExitCode;
use super::output::Output;

/// The settings to begin with.
const SETTINGS: &str = include_str!("starter/skep.yaml");
/// The stack to begin with.
const STACK: &str = include_str!("starter/stack.yaml");
/// Where that is; the settings say the first part of it.
const STACK_PATH: &str = "stacks/hello/stack.yaml";

/// Write a settings file to begin with
#[derive(Debug, Args)]
#[command(after_help = "\
It asks nothing and overwrites nothing: a file that is there stays as it is, and is an error.

Examples:
  skep init                   write skep.yaml here
  skep init --example deploy  write deploy/skep.yaml and deploy/stacks/hello/stack.yaml

Exit codes: 0, or 1 when a file is there already or cannot be written.")]
pub(super) struct InitArgs {
    /// Directory for the files; it is made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// Write a stack to try it with, too
    #[arg(long)]
    example: bool,
}

pub(super) fn init(args: &InitArgs, output: &mut Output) -> Result<ExitCode, CommandError> {
    let mut files = vec![(FILE_NAME, SETTINGS)];
    if args.example {
        files.push((STACK_PATH, STACK));
    }
    let files: Vec<(PathBuf, &str)> =
        files.into_iter().map(|(name, text)| (path(&args.directory, name), text)).collect();
    // All or nothing, as far as that can be known beforehand.
    for (path, _) in &files {
        if path.symlink_metadata().is_ok() {
            return Err(is_there(path));
        }
    }
    for (path, text) in &files {
        create(path, text).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => is_there(path),
            _ => CommandError::failed(error).context(format!("cannot write {}", path.display())),
        })?;
    }
    let wrote: Vec<String> =
        files.iter().map(|(path, _)| format!("wrote {}\n", path.display())).collect();
    let stacks = path(&args.directory, "stacks");
    let next = if args.example || stacks.exists() {
        format!("next: skep validate {0}, then skep plan {0}\n", stacks.display())
    } else {
        format!("next: put a stack into {}, as NAME/stack.yaml\n", stacks.display())
    };
    output.result(&format!("{}{next}", wrote.concat()))?;
    Ok(ExitCode::Fine)
}

/// The path of a file as people would write it.
fn path(directory: &Path, name: &str) -> PathBuf {
    if directory == Path::new(".") { PathBuf::from(name) } else { directory.join(name) }
}

/// Writes a new file, and the directories that it is in.
fn create(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| *directory != Path::new("")) {
        fs::create_dir_all(directory)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

fn is_there(path: &Path) -> CommandError {
    let message = format!("{} is there already, and stays as it is", path.display());
    CommandError::failed(anyhow::Error::msg(message))
        .hint("nothing was written; name another directory")
}
