//! The two values of a field: beside each other, or below each other with what differs marked.

use similar::{Algorithm, ChangeTag, TextDiff, capture_diff_slices};

use crate::diff::document::{Action, FieldChange, Shown};

use super::line::Line;
use super::look::{Look, Role};
use super::phrases::count;
use super::value::{item_in_list, one_line};

/// `before → after`; of an object that comes or goes as a whole the one value that there is.
pub(super) fn on_one_line(field: &FieldChange, action: Action, look: Look) -> Line {
    let side = |value: &Option<Shown>, role: Role| match value {
        Some(value) => Line::of(role, &one_line(value, look.glyphs)),
        None => Line::of(Role::Quiet, "(not set)"),
    };
    match (action, &field.before, &field.after) {
        (Action::Create, None, Some(_)) => return side(&field.after, Role::Added),
        (Action::Remove, Some(_), None) => return side(&field.before, Role::Removed),
        _ => {}
    }
    let mut line = side(&field.before, Role::Removed);
    line.push(Role::Quiet, &format!(" {} ", look.glyphs.arrow()));
    line.append(side(&field.after, Role::Added));
    line
}

/// The values on lines of their own, with what differs between them marked.
pub(super) fn long(field: &FieldChange, action: Action, room: usize, look: Look) -> Vec<Line> {
    let (before, after) = match (&field.before, &field.after) {
        (Some(Shown::List(before)), Some(Shown::List(after))) => {
            return items(before, after, room, look);
        }
        (before, after) => (before, after),
    };
    let written = |value: &Option<Shown>| value.as_ref().map(|value| one_line(value, look.glyphs));
    let (before, after) = (written(before), written(after));
    let mut removed = Line::of(Role::Removed, "- ");
    let mut added = Line::of(Role::Added, "+ ");
    match (&before, &after) {
        (None, Some(after)) if action == Action::Create => {
            return hanging(&Line::of(Role::Added, after), room);
        }
        (Some(before), Some(after)) => {
            for change in TextDiff::from_words(before, after).iter_all_changes() {
                match change.tag() {
                    ChangeTag::Equal => {
                        removed.push(Role::Removed, change.value());
                        added.push(Role::Added, change.value());
                    }
                    ChangeTag::Delete => removed.push(Role::RemovedPart, change.value()),
                    ChangeTag::Insert => added.push(Role::AddedPart, change.value()),
                }
            }
        }
        (before, after) => {
            removed.push(Role::Removed, before.as_deref().unwrap_or("(not set)"));
            added.push(Role::Added, after.as_deref().unwrap_or("(not set)"));
        }
    }
    [removed, added].iter().flat_map(|line| hanging(line, room)).collect()
}

/// A list item by item: only those that come or go, and how many stay.
fn items(before: &[Shown], after: &[Shown], room: usize, look: Look) -> Vec<Line> {
    let written = |items: &[Shown]| -> Vec<String> {
        items.iter().map(|item| item_in_list(item, look.glyphs)).collect()
    };
    let (before, after) = (written(before), written(after));
    let mut lines = Vec::new();
    let mut stay = 0_u64;
    for operation in capture_diff_slices(Algorithm::Myers, &before, &after) {
        for change in operation.iter_changes(&before, &after) {
            let (role, sign) = match change.tag() {
                ChangeTag::Equal => {
                    stay += 1;
                    continue;
                }
                ChangeTag::Delete => (Role::Removed, "- "),
                ChangeTag::Insert => (Role::Added, "+ "),
            };
            lines.extend(hanging(&Line::of(role, sign).with(role, &change.value()), room));
        }
    }
    if stay > 0 {
        let stay = count(stay, "unchanged item");
        lines.extend(hanging(&Line::of(Role::Quiet, &format!("# {stay}")), room));
    }
    lines
}

/// Wrapped, with further lines two columns in.
fn hanging(line: &Line, room: usize) -> Vec<Line> {
    let mut wrapped = line.wrap(room.saturating_sub(2)).into_iter();
    let first = wrapped.next().unwrap_or_default();
    let rest = wrapped.map(|line| {
        let mut indented = Line::of(Role::Plain, "  ");
        indented.append(line);
        indented
    });
    std::iter::once(first).chain(rest).collect()
}
