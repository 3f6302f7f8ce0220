//! What is wrong with a service, below the line that names it: the task that fails, what keeps tasks off nodes, Swarm's
//! words on an update, and the end of a log.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::diff::render::{Glyphs, Look, Role, clean};
use crate::model::live::TaskState;
use crate::reconciler::health::{self, Excerpt, Reason, ServiceHealth, TaskFailure};

use super::paragraph::paragraph;

/// How far the text stands in.
const INDENT: usize = 4;

/// All of it, as paragraphs. With the time of the observation, it is said how long ago a task failed.
pub(super) fn paragraphs(health: &ServiceHealth, now: Option<Timestamp>, look: Look) -> String {
    let ServiceHealth { failure, obstacles, message, .. } = health;
    let failed = failure.as_ref().map(|failure| failed(failure, now));
    let obstacles = obstacles.iter().map(ToString::to_string);
    let mut text = String::new();
    for words in failed.into_iter().chain(obstacles).chain(message.clone()) {
        text.push_str(&paragraph(&words, INDENT, Role::Removed, look));
    }
    if let Some(log) = failure.as_ref().and_then(|failure| failure.log.as_ref()) {
        text.push_str(&excerpt(log, look));
    }
    text
}

/// The gist of it on one line, if there is anything.
pub(super) fn gist(health: &ServiceHealth) -> Option<String> {
    let ServiceHealth { reason, failure, obstacles, message, .. } = health;
    let nodes = || {
        let obstacles: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
        (!obstacles.is_empty()).then(|| obstacles.join("; "))
    };
    // Swarm counts the nodes that do not fit; we can name them.
    let named = if *reason == Some(Reason::NoSuitableNode) { nodes() } else { None };
    let task = || failure.as_ref().map(|failure| failed(failure, None));
    let words = named.or_else(task).or_else(nodes).or_else(|| message.clone());
    words.map(|words| clean(&words))
}

/// `task 2 on node1 rejected 12 s ago: No such image: acme/web:2`
fn failed(failure: &TaskFailure, now: Option<Timestamp>) -> String {
    let TaskFailure { task: _, slot, node, state, error, exit_code: _, at, log: _ } = failure;
    let mut text = String::from("task");
    if *slot > 0 {
        let _ = write!(text, " {slot}");
    }
    if let Some(node) = node {
        let _ = write!(text, " on {node}");
    }
    let state = match state {
        TaskState::Complete => "ended".to_owned(),
        state => format!("{state:?}").to_ascii_lowercase(),
    };
    let age = now.map_or_else(String::new, |now| format!(" {} ago", age(now.duration_since(*at))));
    let _ = write!(text, " {state}{age}: {}", health::error(error));
    text
}

/// An age in its largest unit.
pub(super) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The end of a log. Its lines are not wrapped: they are somebody else's.
fn excerpt(log: &Excerpt, look: Look) -> String {
    let Excerpt { lines, note } = log;
    let bar = match look.glyphs {
        Glyphs::Unicode => "│",
        Glyphs::Ascii => "|",
    };
    let mut text = String::new();
    for line in lines {
        let line = look.palette.paint(Role::Quiet, &format!("{bar} {}", clean(line)));
        let _ = writeln!(text, "{:INDENT$}{}", "", line.trim_end());
    }
    if let Some(note) = note {
        text.push_str(&paragraph(note, INDENT, Role::Quiet, look));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::render::Palette;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let told = |seconds| age(SignedDuration::from_secs(seconds));
        let told: Vec<String> = [-3, 119, 120, 7200, 172_800].map(told).into();
        assert_eq!(told, ["0 s", "119 s", "2 min", "2 h", "2 days"]);
    }

    #[test]
    fn a_log_stands_below_its_task_and_cannot_write_on_the_terminal() {
        let lines = vec!["a line that is longer than the terminal".to_owned(), "x\u{7}".to_owned()];
        let log = Excerpt { lines, note: Some("cut".to_owned()) };
        let look = Look { width: 24, palette: Palette::Plain, glyphs: Glyphs::Ascii };
        assert_eq!(
            excerpt(&log, look),
            "    | a line that is longer than the terminal\n    | x\\u{7}\n    cut\n"
        );
    }
}
