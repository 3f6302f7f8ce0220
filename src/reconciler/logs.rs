//! The last log lines of tasks that fail, fit to be seen. They are asked for once, at the end, and decide nothing.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::diff::mask::Scrub;
use crate::model::desired::Desired;
use crate::model::live::{LiveService, Observed, Task};
use crate::model::service::ServiceSpec;
use crate::swarm::{Observer, TaskLog};

use super::health::{Excerpt, ServiceHealth};

/// How many lines are shown.
const LINES: usize = 10;
/// How long a line is at most, in characters.
const MOST_CHARACTERS: usize = 1024;
/// How many bytes all lines have at most.
const MOST_BYTES: usize = 8 * 1024;
/// Of how many services logs are read.
const MOST_SERVICES: usize = 10;
/// How many are read at once.
const AT_ONCE: usize = 4;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Adds to every failed task in `healths`, given with the names of their services, the end of its log. `scrub` knows the
/// secrets that are not in the observation.
pub async fn add<'h>(
    engine: &Observer,
    observed: &Observed,
    scrub: &Scrub,
    healths: impl Iterator<Item = (&'h str, &'h mut ServiceHealth)>,
) {
    let mut wanted: Vec<Wanted<'_>> =
        healths.filter_map(|(name, health)| Wanted::of(observed, name, health)).collect();
    for left_out in wanted.iter_mut().skip(MOST_SERVICES) {
        let note = format!("its log was not read: more than {MOST_SERVICES} services fail");
        left_out.answer(Excerpt { lines: Vec::new(), note: Some(note) });
    }
    wanted.truncate(MOST_SERVICES);
    let mut reads = stream::iter(wanted)
        .map(|wanted| async move {
            let log = engine.task_log(&wanted.task.id, wanted.has_terminal(), LINES).await;
            (wanted, log)
        })
        .buffer_unordered(AT_ONCE);
    let all = async {
        while let Some((mut wanted, log)) = reads.next().await {
            let excerpt = match log {
                Ok(log) => excerpt(log, &wanted.scrub(scrub)).or_note(wanted.nothing()),
                Err(error) => unreadable(&crate::model::error::chain(&error.failure)),
            };
            wanted.answer(excerpt);
        }
    };
    // What is not there by then is not worth more waiting.
    let _ = tokio::time::timeout(PATIENCE, all).await;
}

/// One that knows the secrets of what is declared.
#[must_use]
pub fn with_declared(mut scrub: Scrub, desired: &Desired) -> Scrub {
    for stack in desired.stacks.values() {
        for service in &stack.services {
            scrub = scrub.with_service(&service.spec);
        }
        for data in stack.secrets.iter().filter_map(|secret| secret.spec.data.as_ref()) {
            scrub = scrub.with_secret(data.expose());
        }
    }
    scrub
}

/// A failed task whose log is worth reading.
struct Wanted<'h> {
    service: &'h LiveService,
    task: &'h Task,
    health: &'h mut ServiceHealth,
}

impl<'h> Wanted<'h> {
    /// `None` where nothing failed, or no container was ever there to write a log.
    fn of(observed: &'h Observed, name: &str, health: &'h mut ServiceHealth) -> Option<Self> {
        let failure = health.failure.as_ref().filter(|failure| failure.exit_code.is_some())?;
        let service = observed.services.iter().find(|service| service.spec.name == *name)?;
        let tasks = &observed.workload.as_ref()?.tasks;
        let task = tasks.iter().find(|task| task.id == failure.task)?;
        Some(Self { service, task, health })
    }

    fn has_terminal(&self) -> bool {
        self.task.template.container_spec.as_ref().is_some_and(|container| container.tty)
    }

    /// `scrub`, with the secrets of the task and of its service.
    fn scrub(&self, scrub: &Scrub) -> Scrub {
        let task_template = self.task.template.clone();
        let of_task = ServiceSpec { task_template, ..ServiceSpec::default() };
        scrub.clone().with_service(&self.service.spec).with_service(&of_task)
    }

    /// What it means when there is no line.
    fn nothing(&self) -> &'static str {
        let driver = self.task.template.log_driver.as_ref();
        match driver.map(|driver| driver.name.as_str()) {
            Some("none") => "its log is not kept: the logging driver is none",
            _ => "its log is empty",
        }
    }

    fn answer(&mut self, excerpt: Excerpt) {
        if let Some(failure) = &mut self.health.failure {
            failure.log = Some(excerpt);
        }
    }
}

/// What may be seen of a log.
fn excerpt(log: TaskLog, scrub: &Scrub) -> Excerpt {
    let TaskLog { lines, complaint, is_cut } = log;
    let mut room = MOST_BYTES;
    let mut kept: Vec<String> = Vec::new();
    for line in lines.iter().rev().take(LINES) {
        let line = seen(line, scrub);
        let line = short(line.trim_end());
        let Some(left) = room.checked_sub(line.len()) else { break };
        room = left;
        kept.push(line);
    }
    kept.reverse();
    let note = match complaint {
        Some(words) => unreadable(&plain(&words)).note,
        None if is_cut => {
            Some("the log ends here because the engine gave no more in time".to_owned())
        }
        None => None,
    };
    Excerpt { lines: kept, note }
}

/// What may be seen of a line: without known secrets, and as a terminal would show it.
pub fn seen(line: &str, scrub: &Scrub) -> String {
    // A secret must not hide behind escape codes, nor be one of those that are taken out.
    scrub.scrub(&plain(&scrub.scrub(line)))
}

impl Excerpt {
    /// With a note where there is nothing at all.
    fn or_note(self, note: &str) -> Self {
        let is_empty = self.lines.is_empty() && self.note.is_none();
        if is_empty { Self { note: Some(note.to_owned()), ..self } } else { self }
    }
}

fn unreadable(words: &str) -> Excerpt {
    Excerpt { lines: Vec::new(), note: Some(format!("its log cannot be read: {words}")) }
}

/// A line as a terminal would show it: without escape sequences and control characters, and of what overwrote itself the
/// last.
fn plain(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => match rest.next() {
                Some('[') => skip_control(&mut rest),
                // Titles, links and the like: text up to a bell, or to another escape.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    let is_text = |c: &char| !matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}');
                    while rest.next_if(is_text).is_some() {}
                    if rest.next_if_eq(&'\u{1b}').is_some() {
                        rest.next_if_eq(&'\\');
                    }
                }
                // One that is followed by one character more, such as the choice of a character set.
                Some(' '..='/') => drop(rest.next()),
                _ => {}
            },
            '\u{9b}' => skip_control(&mut rest),
            '\r' if rest.peek().is_some() => shown.clear(),
            '\t' => shown.push(' '),
            c if is_invisible(c) => {}
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character moves or hides others: a control character, or one that turns the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{61c}')
}

/// Skips the rest of a control sequence: parameters, and the letter that ends it.
fn skip_control(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

fn short(line: &str) -> String {
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::mask::Sensitivity;

    fn of(lines: &[&str]) -> Excerpt {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let scrub = Scrub::new(Sensitivity::default()).with_secret(b"hunter2");
        excerpt(TaskLog { lines, ..TaskLog::default() }, &scrub)
    }

    #[test]
    fn a_line_is_what_a_terminal_would_show_of_it_and_cannot_write_on_one() {
        for (line, expected) in [
            ("\u{1b}[31;1mred\u{1b}[0m \u{1b}[2Jdone", "red done"),
            ("\u{1b}]0;title\u{7}a \u{1b}]8;;http://x\u{1b}\\link", "a link"),
            ("10 %\r20 %\r", "20 %"),
            ("a\tb\u{0}\u{8}\u{202e}c\u{9b}1md\u{1b}(Be", "a bcde"),
            ("\u{1b}", ""),
            ("\u{1b}[12", ""),
            ("plain — text", "plain — text"),
        ] {
            assert_eq!(plain(line), expected);
        }
    }

    #[test]
    fn secrets_are_masked_wherever_escape_codes_stand() {
        let seen = of(&["is hunter2", "is hun\u{1b}[1mter2", "\u{1b}[3hunter2m", "x\rhunter2"]);
        assert!(seen.lines.iter().all(|line| !line.contains("ter2")), "{seen:?}");
        assert_eq!(seen.lines[..2], ["is (sensitive)", "is (sensitive)"]);
    }

    #[test]
    fn an_excerpt_is_bounded_and_keeps_the_end() {
        let numbers: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        let seen = of(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(seen.lines, numbers[20..]);
        let long = "é".repeat(3000);
        let seen = of(&[long.as_str(); 10]);
        assert_eq!(seen.lines.len(), 3);
        assert!(seen.lines.iter().map(String::len).sum::<usize>() <= MOST_BYTES);
        assert_eq!(of(&[]).or_note("nothing").note.as_deref(), Some("nothing"));
        assert_eq!(of(&["a"]).or_note("nothing").note, None);
    }

    #[test]
    fn the_engines_complaint_is_a_note() {
        let complaint = Some("no driver\u{1b}[1m".to_owned());
        let log = TaskLog { complaint, ..TaskLog::default() };
        let seen = excerpt(log, &Scrub::new(Sensitivity::default()));
        assert_eq!(seen.note.as_deref(), Some("its log cannot be read: no driver"));
    }
}
