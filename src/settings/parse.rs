//! From the bytes of the settings file to settings.

use std::sync::Arc;

use super::file::Settings;
use crate::model::finding::{self, Finding};
use crate::spec::decode::{Cursor, Report};
use crate::spec::yaml::{self, budget::Budget};

/// Reads a settings file; `file` is the path that messages show. An empty file has no settings.
///
/// Settings are given unless the file is no YAML mapping, so that the findings of the stacks can be shown too; with an
/// error among the findings they must not be acted on.
pub fn parse(text: &[u8], file: Arc<str>) -> (Option<Settings>, Vec<Finding>) {
    let root = match yaml::parse(text, file, &Budget::default()) {
        Ok(root) if root.is_null() => return (Some(Settings::default()), Vec::new()),
        Ok(root) => root,
        Err(findings) => return (None, findings),
    };
    let mut report = Report::default();
    let settings = Cursor::top(&root).get(&mut report);
    let mut findings = report.into_findings();
    finding::sort(&mut findings);
    (settings, findings)
}
