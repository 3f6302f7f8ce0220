//! Findings on a terminal: the message, the line with a caret, other places, and what to do.

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};
use unicode_width::UnicodeWidthStr as _;

use super::line::Line;
use super::sources::Sources;
use crate::diff::mask::Sensitivity;
use crate::model::finding::{Finding, Severity};
use crate::model::place::Place;

/// How the output should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether to use colours.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

/// Findings that stand so near to each other are shown in one piece of the file.
const NEAR: u32 = 12;

/// Renders findings in the order given, a blank line between them.
///
/// `read` gives the content of a file by the path that its places show. Values of sensitive names are hidden in what
/// is shown of a file.
pub fn text(
    findings: &[Finding],
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
    sensitivity: &Sensitivity,
    look: Look,
) -> String {
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(look.width);
    let mut sources = Sources::new(read, sensitivity);
    let mut out = String::new();
    for finding in findings {
        if !out.is_empty() {
            out.push('\n');
        }
        for group in report(finding, &mut sources, look.width) {
            out.push_str(&renderer.render(&[group]));
            out.push('\n');
        }
    }
    out
}

fn report(finding: &Finding, sources: &mut Sources<'_>, width: usize) -> Vec<Group<'static>> {
    let Finding { code, severity, message, place, related, hint } = finding;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let head = width.saturating_sub(code.len() + "warning[]: ".len());
    let mut group = Group::with_title(level.primary_title(wrapped(message, head)).id(*code));
    let mut marks = Vec::new();
    marks.extend(place.as_ref().map(|place| Mark { place, label: None }));
    marks.extend(related.iter().map(|r| Mark { place: &r.place, label: Some(&r.message) }));
    let is_nowhere = marks.is_empty();
    while !marks.is_empty() {
        let rest = take_near(&mut marks);
        group = group.elements(snippet(&marks, sources));
        marks = rest;
    }
    let Some(hint) = hint else { return vec![group] };
    let hint = wrapped(hint, width.saturating_sub(14));
    if is_nowhere {
        // Without a snippet there is no bar for the hint to hang on.
        return vec![group, Group::with_title(Level::HELP.secondary_title(hint))];
    }
    vec![group.element(Level::HELP.message(hint))]
}

/// A place to point at; the first of a finding has no label, as the message says what is there.
struct Mark<'a> {
    place: &'a Place,
    label: Option<&'a str>,
}

/// Leaves those marks that can be shown together with the first, and gives the others.
fn take_near<'a>(marks: &mut Vec<Mark<'a>>) -> Vec<Mark<'a>> {
    let Some(first) = marks.first().map(|mark| mark.place.clone()) else { return Vec::new() };
    let is_near = |mark: &Mark<'_>| {
        mark.place.file == first.file && mark.place.line.abs_diff(first.line) <= NEAR
    };
    let (near, far) = std::mem::take(marks).into_iter().partition(is_near);
    *marks = near;
    far
}

/// The lines of marks that are near each other, or only where they are if the file cannot be shown.
fn snippet(marks: &[Mark<'_>], sources: &mut Sources<'_>) -> Vec<Element<'static>> {
    let numbers = || marks.iter().map(|mark| mark.place.line);
    let (Some(first), Some(last), Some(mark)) = (numbers().min(), numbers().max(), marks.first())
    else {
        return Vec::new();
    };
    let lines: Option<Vec<Line>> =
        (first..=last).map(|number| sources.line(&mark.place.file, number)).collect();
    let file = shown_path(&mark.place.file);
    let narrow = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let Some(lines) = lines else {
        let origin = |Mark { place, label: _ }: &Mark<'_>| {
            let origin = Origin::path(file.clone()).line(narrow(place.line));
            origin.char_column(narrow(place.column)).into()
        };
        return marks.iter().map(origin).collect();
    };
    let mut source = String::new();
    let mut starts = Vec::with_capacity(lines.len());
    for line in &lines {
        starts.push(source.len());
        source.push_str(&line.text);
        source.push('\n');
    }
    let annotations = marks.iter().filter_map(|Mark { place, label }| {
        let index = usize::try_from(place.line - first).ok()?;
        let Range { start, end } = lines.get(index)?.bytes(place.column, place.length);
        let offset = starts.get(index)?;
        let kind = if label.is_some() { AnnotationKind::Context } else { AnnotationKind::Primary };
        Some(kind.span(offset + start..offset + end).label(label.map(str::to_owned)))
    });
    let annotations: Vec<Annotation<'static>> = annotations.collect();
    let snippet = Snippet::source(source).line_start(narrow(first)).path(file);
    vec![snippet.annotations(annotations).into()]
}

fn shown_path(path: &str) -> String {
    path.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// `text` in lines of at most `width` columns, broken between words.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut used = 0;
    for word in text.split(' ') {
        let word: String =
            word.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        let columns = word.width();
        if used > 0 && used + 1 + columns > width.max(20) {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(&word);
        used += columns;
    }
    out
}
