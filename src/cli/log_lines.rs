//! Log lines for people: when, how bad, what, and of its fields those that the words do not tell already.

use std::fmt::{self, Debug, Write as _};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::diff::render::{Palette, Role, clean};

/// The form of log lines for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogLines {
    /// Whether they begin with the time.
    pub(super) times: bool,
    /// Whether they say where in skep, and in the course of what, they were written.
    pub(super) origins: bool,
}

impl<S, N> FormatEvent<S, N> for LogLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Self { times, origins } = self;
        let palette = if writer.has_ansi_escapes() { Palette::Ansi } else { Palette::Plain };
        if *times {
            let now = format!("{:.3}", Timestamp::now());
            write!(writer, "{} ", palette.paint(Role::Quiet, &now))?;
        }
        let level = *event.metadata().level();
        write!(writer, "{} ", palette.paint(role(level), &format!("{level:>5}")))?;
        let mut line = Line::default();
        event.record(&mut line);
        if *origins {
            let target = line.foreign_target.as_deref();
            let target = target.unwrap_or_else(|| event.metadata().target());
            write!(writer, "{} ", palette.paint(Role::Quiet, &format!("{target}:")))?;
            for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
                writer.write_str(span.name())?;
                match span.extensions().get::<FormattedFields<N>>() {
                    Some(fields) if !fields.is_empty() => write!(writer, "{{{fields}}}: ")?,
                    _ => writer.write_str(": ")?,
                }
            }
        }
        writeln!(writer, "{}{}", clean(&line.message), palette.paint(Role::Quiet, &line.rest()))
    }
}

fn role(level: Level) -> Role {
    match level {
        Level::ERROR => Role::Removed,
        Level::WARN => Role::Changed,
        Level::INFO => Role::Added,
        _ => Role::Quiet,
    }
}

/// An event, taken apart.
#[derive(Debug, Default)]
struct Line {
    message: String,
    /// What to do about it.
    hint: Option<String>,
    fields: Vec<(&'static str, String)>,
    /// The origin of what was logged with the crate `log`.
    foreign_target: Option<String>,
}

impl Line {
    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            "hint" => self.hint = Some(value).filter(|hint| !hint.is_empty()),
            "log.target" => self.foreign_target = Some(value),
            name if name.starts_with("log.") => {}
            name => self.fields.push((name, value)),
        }
    }

    /// What the message does not say.
    fn rest(&self) -> String {
        let Self { message, hint, fields, foreign_target: _ } = self;
        let mut rest = hint.as_ref().map(|hint| format!(" ({})", clean(hint))).unwrap_or_default();
        for (name, value) in fields.iter().filter(|(_, value)| !is_said(message, value)) {
            let value = clean(value);
            let quote = if value.contains([' ', '"']) { "\"" } else { "" };
            let _ = write!(rest, " {name}={quote}{value}{quote}");
        }
        rest
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }
}

/// Whether `value` is a word, or some, of `message`; nothing needs no saying.
fn is_said(message: &str, value: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    value.is_empty()
        || message.match_indices(value).any(|(at, _)| {
            let (before, rest) = message.split_at(at);
            let after = rest.strip_prefix(value).unwrap_or_default();
            is_edge(before.chars().next_back()) && is_edge(after.chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_told_once() {
        let message = "created service shop_web: 3 written";
        for said in ["shop_web", "service shop_web", "shop", "3", ""] {
            assert!(is_said(message, said), "{said}");
        }
        for unsaid in ["hop", "13", "writ", "git"] {
            assert!(!is_said(message, unsaid), "{unsaid}");
        }
    }
}
