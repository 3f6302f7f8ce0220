//! The part of a plan that concerns one stack, or the fleet itself, as lines of text.

use crate::diff::document::{Change, Hold, Retained, StackSection};

use super::change::{change, effect_column, hold, indented, labelled};
use super::line::Line;
use super::look::{Look, Role};
use super::phrases::declaration;

/// The lines of a stack.
pub(super) fn stack(stack: &StackSection, look: Look) -> Vec<Line> {
    let StackSection { name, file, services: _, holds, changes, unchanged: _, retained } = stack;
    let title = Line::of(Role::Quiet, "stack ").with(Role::Strong, name);
    let mut lines = titled(&title, declaration(stack), look);
    lines.extend(holds.iter().flat_map(|held| hold(held, 2, look)));
    lines.extend(all(changes, file.as_deref(), look));
    for Retained { object, reason } in retained {
        let words = Line::of(Role::Quiet, &format!("{object}: {reason}"));
        lines.extend(labelled(Line::of(Role::Quiet, "keeps"), &words, 4, look));
    }
    lines
}

/// The lines of changes to skep's own objects.
pub(super) fn fleet(name: &str, changes: &[Change], look: Look) -> Vec<Line> {
    let title = Line::of(Role::Quiet, "fleet ").with(Role::Strong, name);
    let mut lines = titled(&title, "", look);
    lines.extend(all(changes, None, look));
    lines
}

fn all(changes: &[Change], file: Option<&str>, look: Look) -> Vec<Line> {
    let column = effect_column(changes, look);
    let mut above: &[Hold] = &[];
    let mut lines = Vec::new();
    for one in changes {
        lines.extend(change(one, file, above, column, look));
        above = &one.holds;
    }
    lines
}

fn titled(title: &Line, right: &str, look: Look) -> Vec<Line> {
    let mut lines = title.wrap(look.width);
    let mut right = Some(Line::of(Role::Quiet, right)).filter(|right| !right.is_empty());
    if let Some(last) = lines.last_mut() {
        right = right.and_then(|right| last.push_right(right, look.width));
    }
    let room = look.width.saturating_sub(2);
    let wrapped = right.into_iter().flat_map(|right| right.wrap(room));
    lines.extend(wrapped.map(|line| indented(2, line)));
    lines
}
