//! Takes known secrets out of text that somebody else wrote, such as a log.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::model::secret::{MASK, Redacted};
use crate::model::service::ServiceSpec;
use crate::model::task::TaskTemplate;

use super::redact::secrets_of_service;
use super::scan::secrets;
use super::sensitivity::Sensitivity;

/// A secret shorter than this is only found as a word of its own: its letters are everywhere.
const SHORT: usize = 4;
/// A part of a secret that is at least so long is a secret itself: a password within JSON, say.
const LONG: usize = 8;

/// Secrets whose values are known, and a sense for those that are not.
#[derive(Debug, Clone)]
pub struct Scrub {
    sensitivity: Sensitivity,
    known: Redacted<BTreeSet<String>>,
}

impl Scrub {
    /// One that knows no value yet.
    pub fn new(sensitivity: Sensitivity) -> Self {
        Self { sensitivity, known: Redacted::default() }
    }

    /// Learns the secrets in a service's spec: values of environment variables with telling names, passwords in URLs and
    /// arguments.
    #[must_use]
    pub fn with_service(mut self, spec: &ServiceSpec) -> Self {
        for secret in secrets_of_service(spec, &self.sensitivity) {
            self = self.with_secret(secret.as_bytes());
        }
        self
    }

    /// Learns the same from what a task was made from.
    #[must_use]
    pub fn with_template(self, template: &TaskTemplate) -> Self {
        let task_template = template.clone();
        self.with_service(&ServiceSpec { task_template, ..ServiceSpec::default() })
    }

    /// Learns a secret, each of its lines and of its longer parts, and what it is in base64 and in hexadecimal digits.
    #[must_use]
    pub fn with_secret(mut self, data: &[u8]) -> Self {
        let text = String::from_utf8_lossy(data);
        let text = text.trim();
        // What was masked when it was observed is no secret any more.
        if text.is_empty() || text == MASK {
            return self;
        }
        let known = self.known.expose_mut();
        known.insert(text.to_owned());
        known.extend(
            text.lines().map(str::trim).filter(|line| line.len() >= SHORT).map(str::to_owned),
        );
        let ends_part =
            |c: char| c.is_whitespace() || c.is_control() || "\"'`\\,;:={}[]()<>".contains(c);
        known.extend(text.split(ends_part).filter(|part| part.len() >= LONG).map(str::to_owned));
        if text.len() >= SHORT {
            for bytes in [data, text.as_bytes()] {
                known.insert(STANDARD_NO_PAD.encode(bytes));
                known.insert(URL_SAFE_NO_PAD.encode(bytes));
                known.insert(hex::encode(bytes));
            }
        }
        self
    }

    /// Whether a variable of this name and value is, or has in it, a secret.
    pub fn is_secret(&self, name: &str, value: &str) -> bool {
        self.sensitivity.is_sensitive(name) || self.scrub(value) != value
    }

    /// How long a known secret is at most within a line, in bytes.
    pub fn longest(&self) -> usize {
        let known = self.known.expose().iter().filter(|secret| !secret.contains('\n'));
        known.map(String::len).max().unwrap_or(0)
    }

    /// How much of `text`, the beginning of a line, can be scrubbed by itself: no known secret lies across the end of that,
    /// whatever comes after `text`. At most as many bytes as [`Self::longest`] are left, and a character.
    pub fn settled(&self, text: &str) -> usize {
        let most = text.len().saturating_sub(self.longest());
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let is_across = |end: usize, range: &Range<usize>| range.start < end && range.end > end;
        self.found(text).iter().fold(
            end,
            |end, range| {
                if is_across(end, range) { range.end } else { end }
            },
        )
    }

    /// `text` with a mark in place of every secret.
    pub fn scrub(&self, text: &str) -> String {
        let (mut scrubbed, mut seen) = (String::with_capacity(text.len()), 0);
        for range in self.found(text) {
            if range.end <= seen {
                continue;
            }
            // What overlaps is one secret.
            if range.start >= seen {
                scrubbed.push_str(text.get(seen..range.start).unwrap_or_default());
                scrubbed.push_str(MASK);
            }
            seen = range.end;
        }
        scrubbed.push_str(text.get(seen..).unwrap_or_default());
        scrubbed
    }

    /// Where secrets stand in `text`, by their beginning.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = secrets(text, &self.sensitivity);
        for secret in self.known.expose() {
            found.extend(occurrences(text, secret));
        }
        found.sort_by_key(|range| range.start);
        found
    }
}

/// Where `secret` stands in `text`.
fn occurrences(text: &str, secret: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(secret).map(|(at, found)| at..at + found.len()).filter(|range| {
        let before = text.get(..range.start).and_then(|before| before.chars().next_back());
        let after = text.get(range.end..).and_then(|after| after.chars().next());
        let is_apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        range.len() >= SHORT || (is_apart(before) && is_apart(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::container::ContainerSpec;
    use crate::model::secret::EnvVar;

    #[test]
    fn what_is_known_is_masked_whole_in_parts_and_encoded() {
        let env = ["DB_PASSWORD=hunter2", "PIN_TOKEN=42", "URL=http://u:s3cr3t@db/", "COLOR=blue"];
        let container =
            ContainerSpec { env: env.map(EnvVar::parse).into(), ..ContainerSpec::default() };
        let template = TaskTemplate { container_spec: Some(container), ..TaskTemplate::default() };
        let spec = ServiceSpec { task_template: template, ..ServiceSpec::default() };
        let scrub = Scrub::new(Sensitivity::default())
            .with_service(&spec)
            .with_secret(b"{\"user\": \"ann\", \"pass\": \"longerthan8\"}\n")
            .with_secret(b"first line\nsecond line\n")
            .with_secret(b"  \n");
        for (line, expected) in [
            ("got hunter2, not hunter23", "got (sensitive), not (sensitive)3"),
            ("42 is not 420 or a42", "(sensitive) is not 420 or a42"),
            ("s3cr3t blue", "(sensitive) blue"),
            ("login ann longerthan8!", "login ann (sensitive)!"),
            ("second line", "(sensitive)"),
            ("aHVudGVyMg== 68756e74657232", "(sensitive)== (sensitive)"),
            ("token=never-seen-before x", "token=(sensitive) x"),
            ("", ""),
        ] {
            assert_eq!(scrub.scrub(line), expected);
        }
        assert!(!format!("{scrub:?}").contains("hunter2"));
    }
}
