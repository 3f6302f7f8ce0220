//! One change of a plan, as lines of text.

use crate::diff::document::{Change, Content, Hold, HoldClass};

use super::field::fields;
use super::line::{Line, cut};
use super::look::{Look, Role, role};
use super::phrases::{effect, held, reason, shown_fields};

/// Columns before what belongs to a change.
const INDENT: usize = 6;
/// Columns of the word that says what a line is: `held`, `waits`, `after`, `note`.
const LABEL: usize = 7;

/// Where the effects of a section's changes start: behind the longest name that leaves them room.
pub(super) fn effect_column(changes: &[Change], look: Look) -> usize {
    let widths = changes.iter().map(|change| object(change).width());
    let widest = widths.filter(|width| *width <= look.width * 2 / 5).max().unwrap_or(0);
    4 + widest + 2
}

fn object(change: &Change) -> Line {
    let kind = format!("{:<8}", change.object.kind.to_string());
    Line::of(Role::Quiet, &kind).with(Role::Strong, &change.object.name)
}

/// The lines of one change. `file` is that of the stack, `above` the holds of the change before, which need not be
/// told twice, `column` where effects start.
pub(super) fn change(
    change: &Change,
    file: Option<&str>,
    above: &[Hold],
    column: usize,
    look: Look,
) -> Vec<Line> {
    let mut lines = head(change, file, column, look);
    let (shown, further) = shown_fields(change);
    lines.extend(fields(&shown, change.action, file, look));
    lines.extend(
        further.map(|words| indented(INDENT, Line::of(Role::Quiet, &format!("# {words}")))),
    );
    lines.extend(content(change, look));
    for after in change.told_after() {
        lines.extend(labelled(
            Line::of(Role::Waiting, "after"),
            &Line::of(Role::Plain, &after.to_string()),
            INDENT,
            look,
        ));
    }
    for note in &change.notes {
        lines.extend(labelled(
            Line::of(Role::Quiet, "note"),
            &Line::of(Role::Plain, note),
            INDENT,
            look,
        ));
    }
    for held in &change.holds {
        lines.extend(if above.contains(held) {
            repeated(held, look)
        } else {
            hold(held, INDENT, look)
        });
    }
    lines
}

fn head(change: &Change, file: Option<&str>, column: usize, look: Look) -> Vec<Line> {
    let mut sign = Line::of(Role::Plain, "  ");
    sign.push(role(change.action), look.glyphs.action(change.action));
    let mut lines = Vec::new();
    for part in object(change).wrap(look.width.saturating_sub(4)) {
        sign.pad(4);
        sign.append(part);
        lines.push(std::mem::take(&mut sign));
    }
    let reason = reason(&change.causes, change.place.as_ref(), file);
    let reason = Line::of(Role::Quiet, &cut(&reason, look.width / 2, look.glyphs.ellipsis()));
    let mut words = Line::default();
    let (effect, cost) = effect(change);
    words.push(Role::Plain, &effect);
    if let Some(cost) = cost {
        words.push(Role::Plain, ": ");
        words.push(Role::Costly, &cost);
    }
    let right = if reason.is_empty() { 0 } else { reason.width() + 2 };
    let room = look.width.saturating_sub(column + right);
    match lines.as_mut_slice() {
        [only] if only.width() + 2 <= column && words.width() <= room => {
            only.pad(column);
            only.append(words);
        }
        _ if words.is_empty() => {}
        _ => {
            let room = look.width.saturating_sub(INDENT);
            lines.extend(words.wrap(room).into_iter().map(|part| indented(INDENT, part)));
        }
    }
    let mut reason = Some(reason).filter(|reason| !reason.is_empty());
    for line in &mut lines {
        reason = reason.and_then(|reason| line.push_right(reason, look.width));
    }
    lines.extend(reason.map(|reason| indented(INDENT, reason)));
    lines
}

/// A hold that the change before has, too.
fn repeated(hold: &Hold, look: Look) -> Vec<Line> {
    reason_of(hold, "as above", INDENT, look)
}

fn reason_of(hold: &Hold, reason: &str, indent: usize, look: Look) -> Vec<Line> {
    let role = match hold.class {
        HoldClass::Waiting => Role::Waiting,
        HoldClass::Standing => Role::Standing,
    };
    let label = Line::of(role, held(hold).0);
    let words = Line::of(Role::Plain, reason).with(Role::Quiet, &format!(" [{}]", hold.code));
    labelled(label, &words, indent, look)
}

/// The lines of a hold, `indent` columns in.
pub(super) fn hold(hold: &Hold, indent: usize, look: Look) -> Vec<Line> {
    let Hold { code: _, class: _, reason: _, unblock, needs: _ } = hold;
    let (_, reason) = held(hold);
    let mut lines = reason_of(hold, reason, indent, look);
    if let Some(unblock) = unblock {
        let words = Line::of(Role::Quiet, look.glyphs.arrow()).with(Role::Plain, " ");
        let words = words.with(Role::Command, unblock);
        lines.extend(labelled(Line::default(), &words, indent, look));
    }
    lines
}

/// A word, then a paragraph beside it.
pub(super) fn labelled(label: Line, words: &Line, indent: usize, look: Look) -> Vec<Line> {
    let room = look.width.saturating_sub(indent + LABEL);
    let mut label = indented(indent, label);
    let mut lines = Vec::new();
    for part in words.wrap(room) {
        label.pad(indent + LABEL);
        label.append(part);
        lines.push(std::mem::take(&mut label));
    }
    lines
}

/// The lines of data that differ, if they were asked for.
fn content(change: &Change, look: Look) -> Vec<Line> {
    let Some(Content::Lines { unified: Some(unified), .. }) = &change.content else {
        return Vec::new();
    };
    let line = |text: &str| {
        let role = match text.chars().next() {
            Some('+') => Role::Added,
            Some('-') => Role::Removed,
            _ => Role::Quiet,
        };
        let room = look.width.saturating_sub(INDENT);
        indented(INDENT, Line::of(role, &cut(text, room, look.glyphs.ellipsis())))
    };
    unified.lines().map(line).collect()
}

pub(super) fn indented(columns: usize, line: Line) -> Line {
    let mut indented = Line::default();
    indented.pad(columns);
    indented.append(line);
    indented
}
