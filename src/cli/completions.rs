//! `skep completions`: what a shell needs to complete command lines.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::command::Cli;
use super::error::CommandError;
use super::exit::ExitCode;
use super::output::Output;

/// Print what a shell needs to complete skep's commands and options
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skep completions bash > /etc/bash_completion.d/skep
  skep completions zsh > \"${fpath[1]}/_skep\"
  skep completions fish > ~/.config/fish/completions/skep.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "skep", &mut script);
    output.result(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Fine)
}
