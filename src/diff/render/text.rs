//! A plan as text for a terminal.

use crate::diff::document::{Action, Document, SourceRef};
use crate::model::finding::{Finding, Severity};

use super::change::{hold, indented};
use super::line::{Line, UNBROKEN};
use super::look::{Look, Role, role};
use super::phrases::{is_worth_reading, verdict};
use super::section::{fleet, stack};

/// How many findings are shown: as many as a person reads.
const FINDINGS: usize = 100;

/// `document` as text, ending with a line feed. The verdict comes first; what does not change is only counted.
pub fn text(document: &Document, look: Look) -> String {
    let look = Look { width: look.width.max(40), ..look };
    let mut blocks = vec![head(document, look)];
    if !document.fleet_changes.is_empty() {
        blocks.push(fleet(&document.fleet, &document.fleet_changes, look));
    }
    let worth_reading = document.stacks.iter().filter(|stack| is_worth_reading(stack));
    blocks.extend(worth_reading.map(|section| stack(section, look)));
    let shown = document.findings.iter().take(FINDINGS);
    let mut findings: Vec<Line> = shown.flat_map(|one| finding(one, look)).collect();
    if let Some(more @ 1..) = document.findings.len().checked_sub(FINDINGS) {
        findings.push(Line::of(Role::Quiet, &format!("and {more} more; JSON has them")));
    }
    let has_changes = document.changes().next().is_some();
    blocks.push(findings);
    if has_changes {
        blocks.push(unchanged_stacks(document, look));
        blocks.push(legend(document, look));
    }
    blocks.retain(|block| !block.is_empty());
    let mut text = String::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for line in block {
            text.push_str(&line.paint(look.palette));
            text.push('\n');
        }
    }
    text
}

/// Columns before what follows the first line of the verdict.
const HANG: usize = 6;

fn head(document: &Document, look: Look) -> Vec<Line> {
    let (words, counts) = verdict(document);
    let mut line = Line::of(Role::Strong, &words);
    for (index, count) in counts.iter().enumerate() {
        line.push(Role::Plain, " ");
        // A count is one word for the wrapping.
        line.push(Role::Plain, &count.replace(' ', UNBROKEN));
        if index + 1 < counts.len() {
            line.push(Role::Quiet, &format!("{UNBROKEN}{}", look.glyphs.dot()));
        }
    }
    let mut lines =
        if line.width() <= look.width { vec![line] } else { line.wrap(look.width - HANG) };
    for line in lines.iter_mut().skip(1) {
        *line = indented(HANG, std::mem::take(line));
    }
    let right = document.source.as_ref().map(|source| Line::of(Role::Quiet, &origin(source)));
    let left = match (lines.as_mut_slice(), right) {
        ([only], Some(right)) => only.push_right(right, look.width),
        (_, right) => right,
    };
    lines.extend(left.into_iter().flat_map(|line| line.wrap(look.width)));
    lines.extend(document.holds.iter().flat_map(|held| hold(held, 0, look)));
    lines
}

fn origin(source: &SourceRef) -> String {
    let SourceRef { name, revision } = source;
    match revision {
        Some(revision) => format!("source {name} {revision}"),
        None => format!("source {name}"),
    }
}

fn unchanged_stacks(document: &Document, look: Look) -> Vec<Line> {
    let names: Vec<&str> = document
        .stacks
        .iter()
        .filter(|stack| !is_worth_reading(stack))
        .map(|stack| stack.name.as_str())
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    Line::of(Role::Quiet, &format!("unchanged: {}", names.join(", "))).wrap(look.width)
}

fn legend(document: &Document, look: Look) -> Vec<Line> {
    let all = [
        Action::Create,
        Action::Update,
        Action::Replace,
        Action::Remove,
        Action::Adopt,
        Action::Move,
    ];
    let mut line = Line::default();
    for action in all {
        if document.changes().any(|change| change.action == action) {
            if !line.is_empty() {
                line.push(Role::Plain, "   ");
            }
            line.push(role(action), look.glyphs.action(action));
            line.push(Role::Quiet, &format!("{UNBROKEN}{action}"));
        }
    }
    line.wrap(look.width)
}

fn finding(finding: &Finding, look: Look) -> Vec<Line> {
    let Finding { code, severity, message, place, related, hint } = finding;
    let (role, word) = match severity {
        Severity::Error => (Role::Removed, "error"),
        Severity::Warning => (Role::Changed, "warning"),
    };
    let title = Line::of(role, &format!("{word}: "))
        .with(Role::Plain, message)
        .with(Role::Quiet, &format!(" [{code}]"));
    let mut lines = title.wrap(look.width);
    let mut detail = |role, text: String| {
        let wrapped = Line::of(role, &text).wrap(look.width.saturating_sub(2));
        lines.extend(wrapped.into_iter().map(|line| indented(2, line)));
    };
    if let Some(place) = place {
        detail(Role::Quiet, format!("at {place}"));
    }
    for related in related {
        detail(Role::Quiet, format!("{}: {}", related.place, related.message));
    }
    if let Some(hint) = hint {
        detail(Role::Plain, format!("hint: {hint}"));
    }
    lines
}
