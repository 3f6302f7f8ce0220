//! Parts of pages: words with signs, times, tasks, sources.

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::diff::document::HoldClass;
use crate::http::view::words::{age, count, short};
use crate::http::view::{Blocked, ImageView, SourceView};
use crate::model::live::TaskState;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::scene::TaskSight;
use crate::reconciler::status::{Health, Sync};

/// What stays as it is in a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The page of a stack or service.
pub(super) fn path(kind: &str, name: &str) -> String {
    format!("/{kind}/{}", utf8_percent_encode(name, PLAIN))
}

/// A link to a stack.
pub(super) fn stack_link(name: &str) -> Markup {
    html! { a href=(path("stacks", name)) { (name) } }
}

/// The heads of the columns of a table.
pub(super) fn heads(names: &[&str]) -> Markup {
    html! { thead { tr { @for name in names { th scope="col" { (name) } } } } }
}

/// The form that searches a list of `what` at `action`; it keeps `show`, which of them are looked at.
pub(super) fn search(action: &str, what: &str, example: &str, q: &str, show: &str) -> Markup {
    html! {
        form.search action=(action) method="get" role="search" {
            label.hidden for="q" { "Search " (what) }
            input id="q" type="search" name="q" value=(q) placeholder=(example) autocomplete="off" spellcheck="false";
            @if !show.is_empty() { input type="hidden" name="show" value=(show); }
        }
    }
}

/// A moment, in relation to now. Scripts keep it up to date.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(format!("{then:.0}")) title=(format!("{then:.0}")) { (age(then, now)) " ago" }
    }
}

/// A word with a sign, neither of which needs the colour.
pub(super) fn chip(class: &str, sign: &str, word: &str) -> Markup {
    html! { span.chip.(class) { span aria-hidden="true" { (sign) } (word) } }
}

pub(super) fn sync(sync: Sync) -> Markup {
    match sync {
        Sync::Synced => chip("is-good", "✓", "Synced"),
        Sync::OutOfSync => chip("is-warn", "≠", "Out of sync"),
        Sync::Unknown => chip("is-quiet", "?", "Unknown"),
    }
}

pub(super) fn health(health: Health) -> Markup {
    match health {
        Health::Healthy => chip("is-good", "✓", "Healthy"),
        Health::Progressing => chip("is-move", "↻", "Progressing"),
        Health::Unknown => chip("is-quiet", "?", "Unknown"),
        Health::Paused => chip("is-warn", "‖", "Paused"),
        Health::Missing => chip("is-bad", "∅", "Missing"),
        Health::Degraded => chip("is-bad", "✕", "Degraded"),
    }
}

/// The class, sign and word of a condition.
pub(super) fn condition_look(
    condition: Option<Condition>,
) -> (&'static str, &'static str, &'static str) {
    match condition {
        Some(Condition::Ready) => ("is-good", "✓", "Ready"),
        Some(Condition::Progressing) => ("is-move", "↻", "Progressing"),
        Some(Condition::Retrying) => ("is-warn", "↺", "Retrying"),
        Some(Condition::Suspended) => ("is-quiet", "‖", "Suspended"),
        Some(Condition::Stalled) => ("is-warn", "■", "Stalled"),
        Some(Condition::Degraded) => ("is-bad", "✕", "Degraded"),
        None => ("is-quiet", "?", "Unknown"),
    }
}

pub(super) fn condition(condition: Option<Condition>) -> Markup {
    let (class, sign, word) = condition_look(condition);
    chip(class, sign, word)
}

/// How many tasks are well, as numbers and as a bar.
pub(super) fn tasks(ready: u64, wanted: u64) -> Markup {
    let class = if ready >= wanted { "is-good" } else { "is-move" };
    html! {
        span.tasks {
            (ready) "/" (wanted)
            @if wanted > 0 {
                progress.(class) value=(ready.min(wanted)) max=(wanted) aria-hidden="true" {}
            }
        }
    }
}

/// An image: its name and tag, and the digest that runs.
pub(super) fn image(image: &ImageView) -> Markup {
    let ImageView { reference, digest } = image;
    html! {
        code { (reference) }
        @if let Some(digest) = digest {
            " " code.quiet title=(digest) { (short(digest)) }
        }
    }
}

/// A revision, shortened.
pub(super) fn revision(revision: &str) -> Markup {
    html! { code.revision title=(revision) { (short(revision)) } }
}

/// The sign of a task's state.
fn task_class(task: &TaskSight) -> (&'static str, &'static str) {
    match task.state {
        TaskState::Running => ("is-good", "●"),
        TaskState::Complete => ("is-good", "✓"),
        TaskState::Shutdown | TaskState::Remove => ("is-quiet", "○"),
        TaskState::Failed | TaskState::Rejected | TaskState::Orphaned => ("is-bad", "✕"),
        TaskState::New
        | TaskState::Allocated
        | TaskState::Pending
        | TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting => ("is-move", "◌"),
    }
}

/// The state of a task as a word.
pub(super) fn task_state(task: &TaskSight) -> Markup {
    let (class, sign) = task_class(task);
    chip(class, sign, &format!("{:?}", task.state).to_lowercase())
}

/// The tasks of a service that are wanted, each with its node.
pub(super) fn places(tasks: &[TaskSight]) -> Markup {
    html! {
        ul.places {
            @for task in tasks.iter().filter(|task| task.is_wanted()) {
                @let (class, sign) = task_class(task);
                @let state = format!("{:?}", task.state).to_lowercase();
                @let node = task.node.as_deref().unwrap_or("no node");
                li.(class) title=(state) {
                    span aria-hidden="true" { (sign) }
                    (node)
                    @if task.state != TaskState::Running { " " span.quiet { (state) } }
                    @else { span.hidden { " " (state) } }
                }
            }
        }
    }
}

/// What is in the way, and what ends that.
pub(super) fn held(blocked: &Blocked, with_stack: bool) -> Markup {
    let Blocked { stack, object, code, class, reason, unblock } = blocked;
    // What waits says so itself.
    let (look, sign, who) = match class {
        HoldClass::Waiting => ("is-move", "◌", ""),
        HoldClass::Standing => ("is-warn", "■", "held: "),
    };
    html! {
        li.held.(look) {
            p {
                span.sign aria-hidden="true" { (sign) }
                strong {
                    @if with_stack { (stack_link(stack)) }
                    @if let Some(object) = object {
                        @if with_stack { " · " }
                        (object)
                    } @else if !with_stack {
                        "The whole stack"
                    }
                }
                " " (who) (reason) " " code.quiet { (code) }
            }
            @if let Some(unblock) = unblock { p.help { code { (unblock) } } }
        }
    }
}

/// Where stacks come from.
pub(super) fn source(source: &SourceView, now: Timestamp) -> Markup {
    let SourceView { report: source, errors, warnings } = source;
    let commit = source.commit.as_ref();
    html! {
        article.source {
            h3 {
                (source.name)
                @if source.failure.is_some() { " " (chip("is-bad", "✕", "Cannot be read")) }
                @else if *errors > 0 { " " (chip("is-warn", "■", &count(*errors, "error"))) }
                @else if source.revision.is_none() { " " (chip("is-move", "◌", "Not read yet")) }
                @else { " " (chip("is-good", "✓", "Read")) }
            }
            @if let Some(commit) = commit {
                p.subject { (commit.subject) }
                p.meta {
                    (commit.author) ", " (ago(commit.time, now))
                    @match &commit.signed_by {
                        Some(signers) => {
                            " · " span.is-good.plain { span aria-hidden="true" { "✓ " } "signed by " (signers.join(", ")) }
                        }
                        None => { " · signature not asked for" }
                    }
                }
            }
            p.meta {
                @if let Some(commit) = commit {
                    @if let Some(reference) = &commit.reference { (reference) " @ " }
                }
                @if let Some(of) = &source.revision { (revision(of)) }
                @if let Some(seen) = source.seen_at { " · read " (ago(seen, now)) }
            }
            @if let Some(commit) = commit { p.meta.url { (commit.url) } }
            @if let Some(failure) = &source.failure {
                p.words.is-bad {
                    (failure.reason)
                    @if let Some(since) = source.failing_since { " (since " (ago(since, now)) ")" }
                }
                @if let Some(hint) = &failure.hint { p.help { (hint) } }
            }
            @if let Some(stale) = source.stale_since {
                p.words { "This was fetched " (ago(stale, now)) "; only drift from it is put right." }
            }
            @if !source.findings.is_empty() {
                details open[*errors > 0] {
                    summary { (count(*errors, "error")) ", " (count(*warnings, "warning")) }
                    ul.findings {
                        @for finding in &source.findings {
                            li {
                                @if finding.is_error() { (chip("is-bad", "✕", "error")) }
                                @else { (chip("is-warn", "!", "warning")) }
                                " " (crate::http::view::words::tidy(&finding.message, 300))
                                @if let Some(place) = &finding.place { " " code.quiet { (place) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
