//! Tells a saved plan from stack files, and reads it.

use std::fs::{self, File as Opened};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::reconciler::seal::SALT_LENGTH;

use super::super::error::CommandError;
use super::file::{FORMAT_VERSION, File, KIND};

/// A file that is larger is no saved plan, of however many services.
const MAX_BYTES: u64 = 1 << 28;

/// A saved plan that was read.
#[derive(Debug)]
pub(in crate::cli) struct Saved {
    pub(super) path: PathBuf,
    pub(super) salt: [u8; SALT_LENGTH],
    pub(super) file: File<IgnoredAny>,
}

/// The saved plan that `paths` name, if they name one and not stacks. What it is, its content says.
///
/// # Errors
/// When it cannot be used, or stands beside another PATH.
pub(in crate::cli) fn find(paths: &[PathBuf]) -> Result<Option<Saved>, CommandError> {
    for path in paths {
        let Some(text) = candidate(path) else { continue };
        if paths.len() > 1 {
            return Err(CommandError::usage(format!(
                "{} is a saved plan, which names its own stacks",
                path.display()
            ))
            .hint("give no other PATH beside it"));
        }
        return read(path, &text).map(Some).map_err(|error| {
            error
                .context(format!("cannot use the saved plan {}", path.display()))
                .hint("nothing was written; skep plan --out makes a new one")
        });
    }
    Ok(None)
}

/// Ends what wants stack files and was given a saved plan.
///
/// # Errors
/// When one of `paths` is a saved plan.
pub(in crate::cli) fn refuse(paths: &[PathBuf]) -> Result<(), CommandError> {
    let Some(path) = paths.iter().find(|path| candidate(path).is_some()) else { return Ok(()) };
    let path = path.display();
    Err(CommandError::usage(format!("{path} is a saved plan, which skep apply takes"))
        .hint(format!("skep apply {path} shows it, and asks before it does what the file lists")))
}

/// The text of a file that is a saved plan, sound or not. What cannot be read here, the loading of stacks tells of.
fn candidate(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    // Stack files may be large, and rarely begin like one.
    let mut beginning = Vec::new();
    Opened::open(path).ok()?.take(256).read_to_end(&mut beginning).ok()?;
    if !beginning.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let text = fs::read(path).ok()?;
    is_marked(&text).then_some(text)
}

/// Whether text is marked as a saved plan: by its first key, which a torn file has too, or by any in whole JSON.
fn is_marked(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    if !text.starts_with(b"{") {
        return false;
    }
    let marked = |mark: &[u8]| {
        let rest = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
        let rest = rest.and_then(|rest| rest.strip_prefix(b"\"kind\""));
        let rest = rest.map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b":"));
        rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(mark))
    };
    marked(format!("\"{KIND}\"").as_bytes())
        || serde_json::from_slice::<Value>(text).is_ok_and(|json| json["kind"] == KIND)
}

fn read(path: &Path, text: &[u8]) -> Result<Saved, CommandError> {
    let json: Value = serde_json::from_slice(text).map_err(CommandError::failed)?;
    let version = json["format_version"].as_u64();
    if version != Some(u64::from(FORMAT_VERSION)) {
        let maker = json["made_by"].as_str().unwrap_or("of unknown version");
        let message = format!(
            "it was made by skep {maker}, in a layout that this skep {} does not know",
            env!("CARGO_PKG_VERSION")
        );
        return Err(CommandError::failed(anyhow::Error::msg(message)));
    }
    let file: File<IgnoredAny> = serde_json::from_value(json).map_err(CommandError::failed)?;
    let mut salt = [0; SALT_LENGTH];
    hex::decode_to_slice(&file.salt, &mut salt)
        .map_err(|error| CommandError::failed(error).context("its salt is broken"))?;
    Ok(Saved { path: path.to_owned(), salt, file })
}

impl Saved {
    /// The file.
    pub(in crate::cli) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_marked_object_is_a_saved_plan_and_a_torn_one_is_one_too() {
        for (text, expected) in [
            (r#"{"kind": "skep-saved-plan", "format_version": 1}"#, true),
            (" {\n  \"kind\" : \"skep-saved-plan\",\n  \"form", true),
            (r#"{"allowed": [], "kind": "skep-saved-plan"}"#, true),
            (r#"{"services": {"kind": {"image": "skep-saved-plan"}}}"#, false),
            (r#"{"kind": "skep-saved-plans"}"#, false),
            ("kind: skep-saved-plan\n", false),
            ("[]", false),
            ("", false),
        ] {
            assert_eq!(is_marked(text.as_bytes()), expected, "{text}");
        }
    }
}
