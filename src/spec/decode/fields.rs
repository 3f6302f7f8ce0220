//! The entries of a mapping whose keys are known.

use super::{Cursor, Decode, Located, Report, closest};
use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::yaml::node::{Entry, Mapping};

/// The entries of a mapping whose keys are known: whatever has not been asked for when [`Fields::finish`] is
/// called is an unknown key. Keys that begin with `x-` are anybody's.
#[derive(Debug)]
pub struct Fields<'a> {
    cursor: Cursor<'a>,
    mapping: &'a Mapping,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(cursor: Cursor<'a>, mapping: &'a Mapping) -> Self {
        Self { cursor, mapping, asked: Vec::new() }
    }

    /// The mapping itself.
    pub fn cursor(&self) -> &Cursor<'a> {
        &self.cursor
    }

    /// The value of `key`, which becomes known.
    pub fn at(&mut self, key: &'static str) -> Option<Cursor<'a>> {
        self.entry(key).map(|entry| Cursor { node: &entry.value, path: self.cursor.path.key(key) })
    }

    /// The value of `key` as a `T`, or `None` if it is absent or cannot be read.
    pub fn get<T: Decode>(&mut self, key: &'static str, report: &mut Report) -> Option<T> {
        self.at(key)?.get(report)
    }

    /// The value of `key` as a `T`, or the default if it is absent or cannot be read.
    pub fn or_default<T: Decode + Default>(&mut self, key: &'static str, report: &mut Report) -> T {
        self.get(key, report).unwrap_or_default()
    }

    /// The text of `key`, which must be one of `choices`.
    pub fn choice(
        &mut self,
        key: &'static str,
        choices: &[&str],
        report: &mut Report,
    ) -> Option<Located<String>> {
        let at = self.at(key)?;
        let text = at.get(report)?;
        one_of(&at, text, choices, report)
    }

    /// The same where a blank, such as a variable that is empty, is as good as no `key` at all.
    pub fn choice_or_blank(
        &mut self,
        key: &'static str,
        choices: &[&str],
        report: &mut Report,
    ) -> Option<Located<String>> {
        let (at, text) = self.filled(key, report)?;
        one_of(&at, text, choices, report)
    }

    /// The same where capitals, too, are as good as the small letters of `choices`.
    pub fn choice_in_any_case(
        &mut self,
        key: &'static str,
        choices: &[&str],
        report: &mut Report,
    ) -> Option<Located<String>> {
        let (at, text) = self.filled(key, report)?;
        let lower = text.with(text.to_ascii_lowercase());
        let is_known = choices.contains(&lower.as_str());
        one_of(&at, if is_known { lower } else { text }, choices, report)
    }

    /// The text of `key` and where it stands, unless it is blank.
    fn filled(
        &mut self,
        key: &'static str,
        report: &mut Report,
    ) -> Option<(Cursor<'a>, Located<String>)> {
        let at = self.at(key)?;
        let text: Located<String> = at.get(report)?;
        (!text.is_empty()).then_some((at, text))
    }

    /// Where `key` itself was written.
    pub fn key_place(&mut self, key: &'static str) -> Option<&'a Place> {
        self.entry(key).map(|entry| &entry.key_place)
    }

    /// A warning at `key` if it is there: its path, then `says`.
    pub fn warn_if_present(
        &mut self,
        key: &'static str,
        code: &'static str,
        says: &str,
        hint: &str,
        report: &mut Report,
    ) {
        if let Some(entry) = self.entry(key) {
            let message = format!("{} {says}", self.cursor.path.key(key));
            report.push(Finding::warning(code, entry.key_place.clone(), message).hint(hint));
        }
    }

    /// Whether `key` is missing, and not merely misspelt, which [`Fields::finish`] reports.
    pub fn lacks(&mut self, key: &'static str) -> bool {
        let misspelt = |entry: &Entry| closest(&entry.key, [key]).is_some();
        self.entry(key).is_none() && !self.mapping.entries.iter().any(misspelt)
    }

    /// Where the first key with the prefix `x-` was written.
    pub fn first_extension(&self) -> Option<&'a Place> {
        self.mapping
            .entries
            .iter()
            .find(|entry| entry.key.starts_with("x-"))
            .map(|entry| &entry.key_place)
    }

    fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.asked.push(key);
        self.mapping.entry(key)
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, report: &mut Report) {
        for entry in &self.mapping.entries {
            let key = entry.key.as_str();
            if self.asked.contains(&key) || key.starts_with("x-") {
                continue;
            }
            if report.is_full() {
                return;
            }
            let path = if self.cursor.path.is_top() {
                "at the top of the file".to_owned()
            } else {
                format!("in {}", self.cursor.path)
            };
            let message = format!("unknown key `{key}` {path}");
            let finding = Finding::error("unknown-key", entry.key_place.clone(), message);
            let is_service = || self.cursor.path.is_top() && entry.value.get("image").is_some();
            report.push(match closest(key, self.asked.iter().copied()) {
                Some(known) => finding.hint(format!("did you mean `{known}`?")),
                None if is_service() => finding.hint("services stand below `services:`"),
                None => finding,
            });
        }
    }
}

/// `text` if it is one of `choices`.
fn one_of(
    at: &Cursor<'_>,
    text: Located<String>,
    choices: &[&str],
    report: &mut Report,
) -> Option<Located<String>> {
    if choices.contains(&text.as_str()) {
        return Some(text);
    }
    let allowed = choices.join(", ");
    let finding = at.error("invalid-value", format_args!("cannot be {}", at.quoted(&text)));
    report.push(match closest(&text, choices.iter().copied()) {
        Some(choice) => finding.hint(format!("did you mean `{choice}`? (one of {allowed})")),
        None => finding.hint(format!("use one of {allowed}")),
    });
    None
}
