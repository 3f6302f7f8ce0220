//! What is changed in requests and answers on their way.

use super::text::Template;

/// Changes to the headers of requests and answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// What the target sees.
    pub request: HeaderEdits,
    /// What clients see.
    pub response: HeaderEdits,
}

/// Changes to headers, names sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// Replaced, whatever was there.
    pub set: Vec<(String, Template)>,
    /// Added to what is there.
    pub add: Vec<(String, Template)>,
    /// Taken out.
    pub remove: Vec<String>,
}

impl HeaderEdits {
    /// Whether nothing is changed.
    pub const fn is_empty(&self) -> bool {
        let Self { set, add, remove } = self;
        set.is_empty() && add.is_empty() && remove.is_empty()
    }
}

/// Compression of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encode {
    /// Which, the preferred one first.
    pub encodings: Vec<Encoding>,
}

/// A compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip.
    Gzip,
}

/// A change of the path that the target sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// The whole path; the query stays unless this has one.
    To(String),
    /// Every match of a regular expression (Go's RE2) in the path.
    Replace {
        /// The expression.
        find: String,
        /// What stands there instead; `$1` is the first group.
        replace: String,
    },
}
