//! The `skep` program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    skep::cli::run(std::env::args_os()).into()
}
