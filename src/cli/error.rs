//! Errors at the edge: what failed, why, once, and what to do about it.

use std::fmt::{self, Write as _};
use std::io;

use crate::diff::render::{Look, Role, clean};
use crate::sources::OpenError;
use crate::swarm::{EndpointError, SwarmError};

use super::exit::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub(super) struct CommandError {
    exit: ExitCode,
    error: anyhow::Error,
    hints: Vec<String>,
}

impl CommandError {
    /// A failure with its cause.
    pub(super) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: ExitCode::Failed, error: error.into(), hints: Vec::new() }
    }

    /// A command line that makes no sense.
    pub(super) fn usage(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self { exit: ExitCode::Usage, error: anyhow::Error::msg(message), hints: Vec::new() }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what was being done.
    #[must_use]
    pub(super) fn context(mut self, operation: impl fmt::Display + Send + Sync + 'static) -> Self {
        self.error = self.error.context(operation);
        self
    }

    /// How the process ends.
    pub(super) fn exit(&self) -> ExitCode {
        self.exit
    }

    /// What failed with its causes in one line, and what to do about it.
    pub(super) fn in_short(&self) -> (String, Option<String>) {
        let causes: Vec<String> = self.error.chain().map(ToString::to_string).collect();
        let hint = (!self.hints.is_empty()).then(|| self.hints.join("; "));
        (causes.join(": "), hint)
    }

    /// The error as people read it: what failed, each cause on a line of its own, hints last.
    pub(super) fn render(&self, look: Look) -> String {
        let Self { exit: _, error, hints } = self;
        let paint = |role, text: &str| look.palette.paint(role, text);
        let mut text = String::new();
        for (depth, cause) in error.chain().enumerate() {
            let heading = if depth == 0 { "error:" } else { "  because:" };
            let role = if depth == 0 { Role::Removed } else { Role::Quiet };
            let _ = writeln!(text, "{} {}", paint(role, heading), clean(&cause.to_string()));
        }
        for hint in hints {
            let _ = writeln!(text, "{} {}", paint(Role::Waiting, "hint:"), clean(hint));
        }
        text
    }
}

impl From<SwarmError> for CommandError {
    fn from(error: SwarmError) -> Self {
        let hint = error.hint();
        let error = Self::failed(error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<EndpointError> for CommandError {
    fn from(error: EndpointError) -> Self {
        let hint = match &error {
            EndpointError::NoContext { .. } => {
                Some("docker context ls lists those that exist; --host needs none")
            }
            EndpointError::Unverified { .. } => {
                Some("make the context anew with the authority's certificate: --docker ca=FILE,…")
            }
            EndpointError::Invalid { .. }
            | EndpointError::Read { .. }
            | EndpointError::Parse { .. } => None,
        };
        let error = Self::failed(error).context("cannot tell where the engine is");
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        let hint = match &error {
            OpenError::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("PATH is a stack file or a directory of stacks; without one it is \".\"")
            }
            OpenError::OutsideRoot { .. } => {
                Some("--root names the directory that files may not leave; PATH must be in it")
            }
            OpenError::Open { .. } | OpenError::Kind(_) | OpenError::NotText(_) => None,
        };
        let error = match error {
            OpenError::Open { path, source } => {
                Self::failed(source).context(format!("cannot open {path}"))
            }
            error => Self::failed(error),
        };
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Standard output cannot take the result, such as a full disk.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::failed(error).context("cannot write to standard output")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::render::{Glyphs, Palette};

    #[test]
    fn an_error_tells_each_cause_once_and_hints_last() {
        let error = io::Error::from(io::ErrorKind::NotFound);
        let error =
            CommandError::failed(error).context("cannot open \"a\u{1b}[2Jb\"").hint("do this");
        let look = Look { width: 80, palette: Palette::Plain, glyphs: Glyphs::Ascii };
        insta::assert_snapshot!(error.render(look), @r#"
        error: cannot open "a\u{1b}[2Jb"
          because: entity not found
        hint: do this
        "#);
    }
}
