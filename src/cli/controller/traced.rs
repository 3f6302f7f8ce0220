//! What a running controller answers about one service: where it comes from, and how it went.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::value::to_raw_value;

use crate::diff::render::{Look, Role, clean};
use crate::http::view::words::{age, short};
use crate::http::view::{Scope, ServiceView};
use crate::local::Answer;
use crate::reconciler::controller::report::Report;

use super::super::exit::ExitCode;
use super::super::headline::{health_role, sync_role};

/// How wide the words in front are.
const WIDTH: usize = 10;

/// The answer about the service of this full name.
pub(super) fn traced(report: &Report, service: &str, look: Look) -> Answer {
    let now = Timestamp::now();
    let (scene, news, certificates) = (None, None, None);
    let scope = Scope { report, scene, news, certificates, is_alive: true, now };
    let Some(view) = ServiceView::of(&scope, service) else {
        let fleet = &report.fleet;
        return Answer::Refused(format!("there is no service \"{service}\" in fleet \"{fleet}\""));
    };
    match to_raw_value(&view) {
        Ok(document) => Answer::Report {
            document,
            text: text(report, &view, now, look),
            exit: ExitCode::Fine as u8,
        },
        Err(error) => Answer::Refused(format!("what is known cannot be written: {error}")),
    }
}

fn text(report: &Report, view: &ServiceView, now: Timestamp, look: Look) -> String {
    let paint = |role, words: &str| look.palette.paint(role, words);
    let row = &view.row;
    let mut text = format!(
        "{}  {}  {}  {}\n",
        paint(Role::Strong, &format!("service {}", clean(&row.name))),
        paint(sync_role(row.sync), &row.sync.to_string()),
        paint(health_role(row.health), &row.health.to_string()),
        clean(&row.state),
    );
    let mut line = |name: &str, words: String| {
        let _ =
            writeln!(text, "  {} {}", paint(Role::Quiet, &format!("{name:WIDTH$}")), clean(&words));
    };
    match &view.place {
        Some(place) => line("declared", place.to_string()),
        None => line("declared", "by no source".to_owned()),
    }
    for path in ["image", "deploy.replicas"] {
        let field = view.fields.iter().find(|field| field.path == path);
        if let Some(place) = field.and_then(|field| field.place.as_ref()) {
            line(path.rsplit('.').next().unwrap_or(path), place.to_string());
        }
    }
    if let Some(image) = &row.image {
        let digest = image.digest.as_deref().map(|digest| format!(" ({})", short(digest)));
        line("runs", format!("{}{}", image.reference, digest.unwrap_or_default()));
    }
    if let Some(revision) = &view.revision {
        line("revision", revision.clone());
    }
    if let Some(source) = &view.from {
        let source = &source.report;
        if let Some(commit) = &source.commit {
            let (author, age) = (&commit.author, age(commit.time, now));
            let signed =
                commit.signed_by.as_ref().map(|by| format!(", signed by {}", by.join(", ")));
            line(
                "commit",
                format!("{} ({author}, {age} ago{})", commit.subject, signed.unwrap_or_default()),
            );
            line("source", format!("{} {}", source.name, commit.url));
        } else {
            line("source", source.name.clone());
        }
    }
    if let Some(stack) = report.stacks.get(&view.stack) {
        let reason = stack.reason.as_ref().map(|reason| format!(": {reason}"));
        let (word, age) = (stack.condition.as_str(), age(stack.since, now));
        line("stack", format!("{} {word} for {age}{}", view.stack, reason.unwrap_or_default()));
        if let Some(healthy) = &stack.last_healthy_revision {
            line("healthy", format!("with {} last", short(healthy)));
        }
    }
    if let Some(problem) = &row.problem {
        line("problem", problem.clone());
    }
    text
}
