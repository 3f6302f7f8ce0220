//! The fields of a change, as lines of text in columns.

use crate::diff::document::{Action, FieldChange};

use super::change::indented;
use super::line::{Line, cut};
use super::look::{Look, Role};
use super::phrases::{position, remarks};
use super::values::{long, on_one_line};

/// Columns before the name of a field.
const INDENT: usize = 6;
/// Columns before the values of a field whose name takes a line of its own.
const DEEP: usize = 8;

/// The lines of the fields of one change, their columns aligned. `file` is that of the stack.
pub(super) fn fields(
    fields: &[&FieldChange],
    action: Action,
    file: Option<&str>,
    look: Look,
) -> Vec<Line> {
    let names = fields.iter().map(|field| Line::of(Role::Plain, &field.path.0).width());
    let widest = names.filter(|width| *width <= look.width * 2 / 5).max().unwrap_or(0);
    let column = INDENT + widest + 2;
    let mut rows: Vec<Row> =
        fields.iter().map(|field| row(field, action, file, column, look)).collect();
    let rolls = rows.iter().filter(|row| row.is_roll);
    let (roomy, tight): (Vec<&Row>, Vec<&Row>) = rolls.partition(|row| row.takes(look));
    let marks_rolls = roomy.len() < tight.len();
    for row in rows.iter_mut().filter(|row| row.is_roll) {
        if marks_rolls {
            row.is_marked = true;
        } else {
            row.remarks.insert(0, CAUSES_ROLL.to_owned());
        }
    }
    let short = rows.iter().filter(|row| row.lines.len() == 1 && !row.remarks.is_empty());
    let remarks = short.map(Row::end).max().unwrap_or(0) + 2;
    let mut lines: Vec<Line> = rows.into_iter().flat_map(|row| row.finish(remarks, look)).collect();
    if marks_rolls {
        let words = format!("# {MARK} {CAUSES_ROLL}");
        lines.push(indented(INDENT, Line::of(Role::Quiet, &words)));
    }
    lines
}

const CAUSES_ROLL: &str = "causes the roll";
/// Stands before a field that causes the roll where there is no room to say so.
const MARK: &str = "*";

/// A field on its way to lines.
struct Row {
    /// Name and values.
    lines: Vec<Line>,
    /// Whether the field causes the roll.
    is_roll: bool,
    /// Whether a mark says so.
    is_marked: bool,
    /// What to know about it.
    remarks: Vec<String>,
    /// Where the declared value was written.
    position: Line,
}

fn row(field: &FieldChange, action: Action, file: Option<&str>, column: usize, look: Look) -> Row {
    let mut name = Line::of(Role::Plain, &field.path.0);
    let column = if INDENT + name.width() + 2 <= column { column } else { DEEP };
    let room = look.width.saturating_sub(column);
    let short = on_one_line(field, action, look);
    let values = if short.width() <= room { vec![short] } else { long(field, action, room, look) };
    let mut lines = Vec::new();
    if column == DEEP {
        lines.extend(name.wrap(look.width.saturating_sub(INDENT)));
        name = Line::default();
    }
    for value in values {
        name.pad(column - INDENT);
        name.append(value);
        lines.push(std::mem::take(&mut name));
    }
    let position = field.place.as_ref().map(|place| position(place, file)).unwrap_or_default();
    let position = cut(&position, look.width / 2, look.glyphs.ellipsis());
    Row {
        lines,
        is_roll: field.causes_roll,
        is_marked: false,
        remarks: remarks(field, action),
        position: Line::of(Role::Quiet, &position),
    }
}

impl Row {
    /// Where its only line ends.
    fn end(&self) -> usize {
        INDENT + self.lines.first().map_or(0, Line::width)
    }

    /// Whether it can be said beside the values that they cause the roll.
    fn takes(&self, look: Look) -> bool {
        let others: usize = self.remarks.iter().map(|remark| remark.len() + 2).sum();
        let position = if self.position.is_empty() { 0 } else { self.position.width() + 2 };
        let remark = 2 + CAUSES_ROLL.len() + others;
        self.end() + 2 + remark + position <= look.width
    }

    fn finish(self, remarks: usize, look: Look) -> Vec<Line> {
        let mark = if self.is_marked { MARK } else { "" };
        let mut left = indented(INDENT - 2, Line::of(Role::Changed, mark));
        let mut lines = Vec::new();
        for line in self.lines {
            left.pad(INDENT);
            left.append(line);
            lines.push(std::mem::take(&mut left));
        }
        if !self.remarks.is_empty() {
            let words = Line::of(Role::Quiet, &format!("# {}", self.remarks.join(", ")));
            let position = if self.position.is_empty() { 0 } else { self.position.width() + 2 };
            let fits = |line: &&mut Line| line.width() + 2 + words.width() + position <= look.width;
            if let Some(line) = lines.first_mut().filter(fits) {
                let latest = look.width.saturating_sub(words.width() + position);
                line.pad(remarks.max(line.width() + 2).min(latest));
                line.append(words);
            } else {
                let room = look.width.saturating_sub(DEEP);
                lines.extend(words.wrap(room).into_iter().map(|line| indented(DEEP, line)));
            }
        }
        let mut position = Some(self.position).filter(|position| !position.is_empty());
        for line in &mut lines {
            position = position.and_then(|position| line.push_right(position, look.width));
        }
        lines.extend(position.map(|position| indented(DEEP, position)));
        lines
    }
}
