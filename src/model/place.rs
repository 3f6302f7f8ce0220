//! A place in a file: where a value was written.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in a file that a person can open.
///
/// Lines and columns count from one; columns and `length` count characters, not bytes.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Place {
    /// The path as the user would write it, relative to where the stacks were asked for.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters the value takes on its first line; 0 when only its start is known.
    #[serde(default)]
    pub length: u32,
}

impl Place {
    /// The start of `file`, for problems that concern the whole file.
    pub fn file(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), line: 1, column: 1, length: 0 }
    }
}

/// `stacks/shop/stack.yaml:41:7`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, length: _ } = self;
        write!(f, "{file}:{line}:{column}")
    }
}
