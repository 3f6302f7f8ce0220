//! The lines that findings show.

use std::collections::HashMap;

use super::line::Line;
use crate::diff::mask::Sensitivity;

/// The files that findings point into, read when the first of them does.
pub(super) struct Sources<'a> {
    read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    sensitivity: &'a Sensitivity,
    files: HashMap<String, Vec<String>>,
}

impl<'a> Sources<'a> {
    /// Files that `read` gives by the path that messages show.
    pub(super) fn new(
        read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
        sensitivity: &'a Sensitivity,
    ) -> Self {
        Self { read, sensitivity, files: HashMap::new() }
    }

    /// A line of a file, fit to be seen; lines count from 1.
    pub(super) fn line(&mut self, file: &str, number: u32) -> Option<Line> {
        let read = self.read;
        let lines = self.files.entry(file.to_owned()).or_insert_with(|| {
            let bytes = read(file).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            text.strip_prefix('\u{FEFF}').unwrap_or(&text).lines().map(str::to_owned).collect()
        });
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let line = lines.get(index)?;
        Some(Line::new(line, lines.get(..index).unwrap_or_default(), self.sensitivity))
    }
}
