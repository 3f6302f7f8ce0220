//! What a running controller answers: its report as text and as JSON, and how whoever asked is to end.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::to_raw_value;

use crate::diff::render::{Glyphs, Look, Palette, Role, clean};
use crate::local::{Answer, Question, Shown};
use crate::model::name::StackName;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::engine::EngineReport;
use crate::reconciler::controller::report::{Report, SettingsReport, SourceReport, StackReport};
use crate::reconciler::status::{Status, Sync};

use super::super::exit::ExitCode;
use super::super::output::Output;
use super::super::status;
use super::super::trouble;
use super::traced::traced;

/// How the output of this process is shown, for the controller to write in the same way.
pub(in crate::cli) fn shown(output: &Output) -> Shown {
    let Look { width, palette, glyphs } = output.look();
    Shown { width, color: palette == Palette::Ansi, unicode: glyphs == Glyphs::Unicode }
}

/// Turns a report into the answer to a question.
pub(in crate::cli) fn present(report: &Report, question: &Question) -> Answer {
    let (stacks, shown) = match question {
        Question::Status { stacks, shown } | Question::Sync { stacks, shown, .. } => {
            (stacks, shown)
        }
        Question::Trace { service, shown } => return traced(report, service, look(shown)),
    };
    let known =
        |name: &&StackName| report.stacks.contains_key(name.as_str()) || is_live(report, name);
    if let Some(unknown) = stacks.iter().find(|name| !known(name)) {
        let fleet = &report.fleet;
        let live = report.status.iter().flat_map(|status| &status.stacks);
        let known: BTreeSet<&str> = report.stacks.keys().map(String::as_str).collect();
        let known: BTreeSet<&str> = live.map(|stack| stack.name.as_str()).chain(known).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Answer::Refused(format!(
            "there is no stack \"{unknown}\" in fleet \"{fleet}\"; its stacks are {known}"
        ));
    }
    let mut report = report.clone();
    if !stacks.is_empty() {
        let names: BTreeSet<StackName> = stacks.iter().cloned().collect();
        let only = |status: Arc<Status>| Arc::new(Arc::unwrap_or_clone(status).only(&names));
        report.status = report.status.map(only);
        report.stacks.retain(|stack, _| names.iter().any(|name| name.as_str() == stack));
    }
    let exit = match question {
        Question::Status { .. } | Question::Trace { .. } => {
            let status =
                report.status.as_ref().map_or(ExitCode::NotHealthy, |status| status::exit(status));
            status.worst(standing(&report))
        }
        Question::Sync { .. } => exit(&report),
    };
    match to_raw_value(&report) {
        Ok(document) => {
            Answer::Report { document, text: text(&report, look(shown)), exit: exit as u8 }
        }
        Err(error) => Answer::Refused(format!("the report cannot be written: {error}")),
    }
}

fn look(shown: &Shown) -> Look {
    Look {
        width: shown.width,
        palette: if shown.color { Palette::Ansi } else { Palette::Plain },
        glyphs: if shown.unicode { Glyphs::Unicode } else { Glyphs::Ascii },
    }
}

fn is_live(report: &Report, name: &StackName) -> bool {
    let mut live = report.status.iter().flat_map(|status| &status.stacks);
    live.any(|stack| stack.name == name.as_str())
}

/// How `skep sync` ends.
fn exit(report: &Report) -> ExitCode {
    let stacks = report.stacks.iter().map(|(name, stack)| match stack.condition {
        Condition::Ready | Condition::Stalled | Condition::Degraded => ExitCode::Fine,
        Condition::Progressing | Condition::Retrying => ExitCode::NotHealthy,
        Condition::Suspended => {
            let mut live = report.status.iter().flat_map(|status| &status.stacks);
            let is_synced = live.any(|live| live.name == *name && live.sync == Sync::Synced);
            if is_synced { ExitCode::Fine } else { ExitCode::ChangesPending }
        }
    });
    stacks.fold(standing(report), ExitCode::worst)
}

/// How whoever asks is to end because of what does not pass by itself, or of what cannot be read.
fn standing(report: &Report) -> ExitCode {
    let stacks = report.stacks.values().map(|stack| match stack.condition {
        Condition::Ready | Condition::Suspended | Condition::Progressing | Condition::Retrying => {
            ExitCode::Fine
        }
        Condition::Degraded => ExitCode::NotHealthy,
        Condition::Stalled => ExitCode::Blocked,
    });
    let sources = report.sources.iter().map(|source| {
        if source.failure.is_some() || errors(source) > 0 {
            ExitCode::Failed
        } else {
            ExitCode::Fine
        }
    });
    let engine = if report.trouble.is_some() { ExitCode::Failed } else { ExitCode::Fine };
    stacks.chain(sources).fold(engine, ExitCode::worst)
}

/// What only the controller knows of, for the first line.
fn troubles(report: &Report) -> Vec<String> {
    let mut troubles = Vec::new();
    if report.trouble.is_some() {
        troubles.push("the Swarm cannot be observed".to_owned());
    }
    let stalled = report.stacks.iter().filter(|(_, stack)| stack.condition == Condition::Stalled);
    let stalled: Vec<&str> = stalled.map(|(name, _)| name.as_str()).collect();
    if !stalled.is_empty() {
        troubles.push(format!("{} stalled: {}", stalled.len(), stalled.join(", ")));
    }
    for source in &report.sources {
        let name = &source.name;
        if source.failure.is_some() {
            troubles.push(format!("source {name} cannot be read"));
        } else if errors(source) > 0 {
            troubles.push(format!("source {name} has errors"));
        }
    }
    troubles
}

fn errors(source: &SourceReport) -> usize {
    source.findings.iter().filter(|finding| finding.is_error()).count()
}

fn text(report: &Report, look: Look) -> String {
    let troubles = troubles(report);
    let status = report.status.as_ref();
    let mut text = status.map_or_else(String::new, |s| status::text(s, &troubles, look));
    if !text.is_empty() {
        text.push('\n');
    }
    let quiet = |words: &str| look.palette.paint(Role::Quiet, words);
    let bad = |words: &str| look.palette.paint(Role::Removed, words);
    let passed = report.last_pass.as_ref().map_or_else(String::new, |pass| {
        format!(", last pass {} ago ({})", age(pass.at), pass.reasons)
    });
    let since = age(report.started_at);
    let _ = writeln!(text, "controller {}", quiet(&format!("runs for {since}{passed}")));
    if let Some(trouble) = &report.trouble {
        let _ = writeln!(
            text,
            "  {} for {}: {}",
            bad("the Swarm cannot be observed"),
            age(trouble.since),
            clean(&trouble.reason)
        );
    }
    write_settings(&mut text, &report.settings, look);
    write_engines(&mut text, &report.engines, look);
    for source in &report.sources {
        write_source(&mut text, source, look);
    }
    for (name, stack) in &report.stacks {
        write_stack(&mut text, name, stack, look);
    }
    text
}

fn write_settings(text: &mut String, settings: &SettingsReport, look: Look) {
    let SettingsReport { needs_restart, trouble } = settings;
    if let Some(trouble) = trouble {
        let words = look.palette.paint(Role::Removed, "the settings stay as they were");
        let _ = writeln!(text, "  {words}: {}", clean(trouble));
    }
    if !needs_restart.is_empty() {
        let words =
            look.palette.paint(Role::Waiting, "changed settings that count after a restart");
        let _ = writeln!(text, "  {words}: {}", needs_restart.join(", "));
    }
}

/// Of one engine alone there is nothing to tell that the rest does not.
fn write_engines(text: &mut String, engines: &[EngineReport], look: Look) {
    if engines.len() < 2 {
        return;
    }
    for EngineReport { address, in_use, problem } in engines {
        let state = match (in_use, problem) {
            (true, _) => "in use".to_owned(),
            (false, None) => "not needed yet".to_owned(),
            (false, Some(problem)) => {
                format!("{}: {}", look.palette.paint(Role::Waiting, "passed over"), clean(problem))
            }
        };
        let _ = writeln!(text, "  engine {} {state}", clean(address));
    }
}

fn write_source(text: &mut String, source: &SourceReport, look: Look) {
    let revision = source.revision.as_deref().unwrap_or("not read yet");
    let errors = match errors(source) {
        0 => String::new(),
        1 => ", 1 error in it".to_owned(),
        errors => format!(", {errors} errors in it"),
    };
    let _ = writeln!(text, "  source {} {}{errors}", clean(&source.name), clean(revision));
    if let Some(failure) = &source.failure {
        let since = source.failing_since.map(|since| format!(" for {}", age(since)));
        let words = format!("cannot be read{}: ", since.unwrap_or_default());
        let words = look.palette.paint(Role::Removed, &words);
        let _ = writeln!(text, "    {words}{}", clean(&failure.reason));
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "    {}", clean(hint));
        }
        if let Some(fetched_at) = source.stale_since {
            let age = age(fetched_at);
            let _ = writeln!(text, "    fetched {age} ago; only drift from it is put right");
        }
    }
    for finding in source.findings.iter().filter(|finding| finding.is_error()).take(10) {
        let place = finding.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let _ = writeln!(text, "    {}{}", clean(&place), clean(&finding.message));
    }
}

fn write_stack(text: &mut String, name: &str, stack: &StackReport, look: Look) {
    let StackReport { condition, reason, since, repairs, .. } = stack;
    if *condition == Condition::Ready && *repairs == 0 {
        return;
    }
    let role = match condition {
        Condition::Ready => Role::Added,
        Condition::Progressing | Condition::Retrying => Role::Waiting,
        Condition::Suspended => Role::Standing,
        Condition::Stalled | Condition::Degraded => Role::Removed,
    };
    let word = look.palette.paint(role, condition.as_str());
    let reason = reason.as_ref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
    let repairs = match repairs {
        0 => String::new(),
        1 => ", put right once".to_owned(),
        count => format!(", put right {count} times"),
    };
    let age = age(*since);
    let _ = writeln!(text, "  stack {} {word} for {age}{repairs}{reason}", clean(name));
}

/// How long ago it was.
fn age(then: Timestamp) -> String {
    trouble::age(Timestamp::now().duration_since(then))
}

#[cfg(test)]
mod tests {
    use crate::reconciler::controller::example;

    use super::*;

    const SHOWN: Shown = Shown { width: 100, color: false, unicode: false };

    fn answer(report: &Report, question: &Question) -> (String, u8) {
        match present(report, question) {
            Answer::Report { text, exit, .. } => (text, exit),
            Answer::Refused(reason) => (reason, u8::MAX),
        }
    }

    /// Both sources can be read, and nothing is suspended.
    fn well() -> Report {
        let mut report = example::report();
        report.sources.truncate(1);
        report.sources[0].findings.clear();
        report.suspended = None;
        let names = ["shop".parse().unwrap()].into();
        let only = |status: Arc<Status>| Arc::new(Arc::unwrap_or_clone(status).only(&names));
        report.status = report.status.map(only);
        report.stacks.remove("blog");
        report
    }

    #[test]
    fn sources_and_stacks_that_are_not_well_stand_in_the_first_line_and_in_the_exit_code() {
        let status = Question::Status { stacks: Vec::new(), shown: SHOWN };
        let (text, exit) = answer(&well(), &status);
        assert!(text.starts_with("1 stack: Synced, Healthy   fleet"), "{text}");
        assert_eq!(exit, 0);
        let mut stalled = well();
        stalled.stacks.get_mut("shop").unwrap().condition = Condition::Stalled;
        let (text, exit) = answer(&stalled, &status);
        assert!(text.starts_with("1 stack: Synced, Healthy; 1 stalled: shop "), "{text}");
        assert_eq!(exit, 5);
        let (text, exit) = answer(&example::report(), &status);
        let first =
            "2 stacks, 1 out of sync: blog; source main has errors; source other cannot be read";
        assert_eq!(text.lines().next(), Some(first));
        assert_eq!(exit, 1);
        let mut trouble = well();
        trouble.trouble = example::in_trouble().trouble;
        assert_eq!(answer(&trouble, &status).1, 1);
    }

    #[test]
    fn a_suspended_stack_that_is_not_as_declared_is_no_success() {
        let ask = |stack: &str| Question::Sync {
            stacks: vec![stack.parse().unwrap()],
            settled: true,
            shown: SHOWN,
        };
        let mut report = example::report();
        report.sources.clear();
        assert_eq!(answer(&report, &ask("blog")).1, 2);
        assert_eq!(answer(&report, &ask("shop")).1, 0);
        let unknown = answer(&report, &ask("shpo")).0;
        assert!(unknown.ends_with("its stacks are blog, shop"), "{unknown}");
    }
}
