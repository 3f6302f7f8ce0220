//! The variables that the command line gives to stack files.

use std::env;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::model::finding::Finding;
use crate::spec::interpolate::{Origin, Variables, parse_dotenv};
use crate::spec::yaml::budget::Budget;

use super::args::ReadingArgs;
use super::error::CommandError;

/// Gathers them, the strongest first: `--var`, the process environment, `--env-file`.
pub(super) fn gather(
    args: &ReadingArgs,
    findings: &mut Vec<Finding>,
) -> Result<Variables, CommandError> {
    let mut variables = Variables::new();
    // What is set stays, and the last flag is to win.
    for (name, value) in args.var.iter().rev() {
        variables.add(name, value, Origin::Flag);
    }
    if args.inherit_env {
        let process = env::vars_os();
        for (name, value) in process
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        {
            variables.add(name, value, Origin::Process);
        }
    }
    for path in args.env_file.iter().rev() {
        let text = read(path)?;
        let file: Arc<str> = path.display().to_string().into();
        let (assignments, wrong) = parse_dotenv(&text, &file, &variables);
        findings.extend(wrong);
        variables.add_file(assignments, Origin::EnvFile);
    }
    Ok(variables)
}

/// Reads a file that the user names, unless it is too large.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let limit = Budget::default().bytes;
    let failed = |error: io::Error| {
        CommandError::failed(error).context(format!("cannot read {}", path.display()))
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > limit {
        return Err(CommandError::usage(format!(
            "{} is larger than {limit} bytes",
            path.display()
        )));
    }
    Ok(text)
}
