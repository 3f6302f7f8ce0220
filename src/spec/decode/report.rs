//! Where decoding and checking put what they find.

use std::collections::HashMap;

use crate::model::finding::{Finding, Severity};
use crate::model::place::Place;

/// How many findings of one stack are kept: more than a person reads, and few enough for a hostile file.
const FINDINGS: usize = 1000;
/// How many values the short forms of one stack may unfold to, such as ranges of ports.
const UNFOLDED: usize = 200_000;

/// The findings of an input so far.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    /// Where findings with a place stand in `findings`, and how many more uses of the same mistake there are.
    known: HashMap<Mistake, (usize, usize)>,
    has_error: bool,
    unfolded: usize,
}

/// One mistake, whatever uses it: what stands in an anchor is read once for every service that merges it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Mistake {
    code: &'static str,
    severity: Severity,
    place: Place,
    gist: String,
}

impl Report {
    /// Adds a finding; one that was found before is only counted. What comes after a thousand is dropped, the first
    /// error excepted.
    pub fn push(&mut self, finding: Finding) {
        let mistake = finding.place.as_ref().map(|place| Mistake {
            code: finding.code,
            severity: finding.severity,
            place: place.clone(),
            gist: gist(&finding.message),
        });
        if let Some((index, more)) = mistake.as_ref().and_then(|one| self.known.get_mut(one)) {
            let is_same = self.findings.get(*index).is_some_and(|f| f.message == finding.message);
            *more += usize::from(!is_same);
            return;
        }
        if !self.is_full() || (finding.is_error() && !self.has_error) {
            self.has_error |= finding.is_error();
            if let Some(mistake) = mistake {
                self.known.insert(mistake, (self.findings.len(), 0));
            }
            self.findings.push(finding);
        }
    }

    /// Adds findings.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Whether hardly anything more is kept, so that it is not worth looking for.
    pub fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS
    }

    /// Whether one more short form may unfold to `count` values.
    pub fn may_unfold(&mut self, count: usize) -> bool {
        self.unfolded = self.unfolded.saturating_add(count);
        self.unfolded <= UNFOLDED
    }

    /// The findings, in the order in which they were found.
    pub fn into_findings(self) -> Vec<Finding> {
        let Self { mut findings, known, has_error: _, unfolded: _ } = self;
        for (index, more) in known.into_values().filter(|(_, more)| *more > 0) {
            if let Some(finding) = findings.get_mut(index) {
                let uses = if more == 1 { "use" } else { "uses" };
                finding.message = format!("{} (and {more} more {uses})", finding.message);
            }
        }
        findings
    }
}

/// A message without the names of the services and other objects whose key paths it holds.
fn gist(message: &str) -> String {
    let mut gist = String::with_capacity(message.len());
    for word in message.split(' ') {
        let objects = ["services.", "networks.", "volumes.", "configs.", "secrets."];
        let rest = objects.iter().find_map(|prefix| word.strip_prefix(prefix));
        let rest = rest.map(|path| path.split_once('.').map_or("", |(_, rest)| rest));
        gist.push_str(rest.unwrap_or(word));
        gist.push(' ');
    }
    gist
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_is_told_once_with_the_number_of_its_uses() {
        let mut report = Report::default();
        let at = |line| Place { line, ..Place::file("stack.yaml") };
        for service in 0..3000 {
            let message = format!("unknown key `replica` in services.s{service}.deploy");
            report.push(Finding::error("unknown-key", at(3), message));
        }
        report.push(Finding::error("unknown-key", at(9), "unknown key `a` in services.s1"));
        report.push(Finding::error("missing-key", at(9), "services.s1.ulimits.n needs a `soft`"));
        report.push(Finding::error("missing-key", at(9), "services.s1.ulimits.n needs a `hard`"));
        for _ in 0..2 {
            report.push(Finding::warning("unset-variable", at(4), "the variable `A` is not set"));
        }
        let messages: Vec<String> =
            report.into_findings().into_iter().map(|finding| finding.message).collect();
        assert_eq!(
            messages,
            [
                "unknown key `replica` in services.s0.deploy (and 2999 more uses)",
                "unknown key `a` in services.s1",
                "services.s1.ulimits.n needs a `soft`",
                "services.s1.ulimits.n needs a `hard`",
                "the variable `A` is not set",
            ]
        );
    }

    #[test]
    fn a_hostile_file_has_a_bounded_number_of_findings() {
        let mut report = Report::default();
        for line in 0..5000 {
            let place = Place { line, ..Place::file("stack.yaml") };
            report.push(Finding::warning("deprecated", place, "old"));
        }
        report.push(Finding::error("unknown-key", None, "the first error is not lost"));
        let findings = report.into_findings();
        assert_eq!(findings.len(), FINDINGS + 1);
        assert!(findings.last().is_some_and(Finding::is_error));
    }
}
