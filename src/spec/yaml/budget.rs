//! How much a YAML file may ask of us.

/// Limits that hold while parsing one file; what lies beyond them is a finding, never a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// How deep values may be nested, aliases expanded.
    pub depth: usize,
    /// How many values the file may hold, aliases expanded.
    pub nodes: usize,
}

/// Enough for a file of several thousand services that all merge a common mapping; a file that multiplies
/// itself through aliases runs into it within some ten milliseconds.
impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 4 * 1024 * 1024, depth: 100, nodes: 500_000 }
    }
}
