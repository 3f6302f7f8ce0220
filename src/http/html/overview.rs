//! The overview as a page.

use std::collections::HashSet;

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::layout::{banner, looked};
use super::parts;
use crate::diff::document::HoldClass;
use crate::http::view::words::count;
use crate::http::view::{Attention, Blocked, Looking, Overview, StackRow, Urgency};
use crate::reconciler::controller::condition::Condition;

/// How many stacks are on one page.
const PAGE: usize = 100;
/// How many waits and holds are shown.
const BLOCKED: usize = 30;

/// Which stacks are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Filter {
    /// What is in the name, the source, the revision or the reason.
    q: String,
    /// The condition.
    show: String,
    /// Which page, from 1.
    page: usize,
}

impl Filter {
    fn has(&self, row: &StackRow) -> bool {
        let wanted = self.q.trim().to_lowercase();
        let StackRow { name, source, revision, reason, .. } = row;
        let texts = [Some(name), source.as_ref(), revision.as_ref(), reason.as_ref()];
        let (_, _, word) = parts::condition_look(row.condition);
        (self.show.is_empty() || self.show == word)
            && texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&wanted))
    }

    fn link(&self, show: &str, page: usize) -> String {
        let q = utf8_percent_encode(&self.q, NON_ALPHANUMERIC);
        let show = utf8_percent_encode(show, NON_ALPHANUMERIC);
        format!("/?q={q}&show={show}&page={page}")
    }
}

/// The page.
pub(in crate::http) fn overview(view: &Overview, filter: &Filter, now: Timestamp) -> Markup {
    // What needs somebody stands above already.
    let above: HashSet<&str> =
        view.attention.iter().filter_map(|one| one.stack.as_deref()).collect();
    let is_news =
        |one: &&Blocked| one.class == HoldClass::Waiting || !above.contains(one.stack.as_str());
    let blocked: Vec<&Blocked> = view.blocked.iter().filter(is_news).collect();
    html! {
        (banner(&view.looked, now))
        div.lead {
            (headline(view))
            p.meta {
                "Looked " (looked(&view.looked, now))
                @if let Some(engine) = &view.engine { " · Docker " (engine) }
                " · skep " (view.version) ", running since " (parts::ago(view.started_at, now))
            }
        }
        @if !view.attention.is_empty() {
            section aria-labelledby="needs" {
                h2 id="needs" { "Needs somebody" }
                ul.attention { @for one in &view.attention { (attention(one, now)) } }
            }
        }
        @if !view.moving.is_empty() {
            section aria-labelledby="moving" {
                h2 id="moving" { "On its way" }
                ul.moving {
                    @for one in &view.moving {
                        li {
                            a href=(parts::path("services", &one.service)) { (one.service) }
                            span.state { (one.state) }
                            (parts::tasks(one.ready, one.wanted))
                        }
                    }
                }
            }
        }
        @if !blocked.is_empty() {
            section aria-labelledby="blocked" {
                h2 id="blocked" { "Not done now" }
                ul.holds { @for one in blocked.iter().take(BLOCKED) { (parts::held(one, true)) } }
                @if let Some(more @ 1..) = blocked.len().checked_sub(BLOCKED) {
                    p.meta { "and " (more) " more; the pages of the stacks have them" }
                }
            }
        }
        (stacks(view, filter, now))
        section aria-labelledby="sources" {
            h2 id="sources" { "Sources" }
            @if view.sources.is_empty() { p.meta { "No source is known yet." } }
            div.sources { @for one in &view.sources { (parts::source(one, now)) } }
        }
    }
}

/// The whole in a sentence.
fn headline(view: &Overview) -> Markup {
    let pressing = view.attention.iter().filter(|one| one.urgency != Urgency::Note).count();
    let of = |condition: Condition| view.conditions.get(condition.as_str()).copied().unwrap_or(0);
    let (moving, retrying) = (of(Condition::Progressing), of(Condition::Retrying));
    let (class, sign, words) = match view.looked.state {
        Looking::Starting => ("is-move", "◌", "Looking for the first time".to_owned()),
        Looking::Blind => ("is-bad", "✕", "Out of sight".to_owned()),
        Looking::Stuck => ("is-bad", "✕", "The controller hangs".to_owned()),
        Looking::Fresh if pressing == 1 => ("is-bad", "!", "1 thing needs somebody".to_owned()),
        Looking::Fresh if pressing > 1 => {
            ("is-bad", "!", format!("{pressing} things need somebody"))
        }
        Looking::Fresh if moving > 0 => {
            ("is-move", "↻", format!("{} on the way", count(moving, "stack")))
        }
        Looking::Fresh if retrying > 0 => {
            ("is-warn", "↺", format!("{} to be tried again", count(retrying, "stack")))
        }
        Looking::Fresh if view.stacks.is_empty() => ("is-quiet", "○", "No stacks yet".to_owned()),
        Looking::Fresh if view.stacks.len() == of(Condition::Ready) => {
            ("is-good", "✓", "Everything is as declared and healthy".to_owned())
        }
        Looking::Fresh => ("is-quiet", "✓", "Nothing needs somebody".to_owned()),
    };
    html! { h1.(class) { span.sign aria-hidden="true" { (sign) } (words) } }
}

fn attention(one: &Attention, now: Timestamp) -> Markup {
    let Attention { urgency, subject, stack, words, help, since } = one;
    let (class, sign) = match urgency {
        Urgency::Broken => ("is-bad", "✕"),
        Urgency::Stuck => ("is-warn", "■"),
        Urgency::Note => ("is-quiet", "i"),
    };
    html! {
        li.(class) {
            p {
                span.sign aria-hidden="true" { (sign) }
                strong {
                    @match stack {
                        Some(stack) => { a href=(parts::path("stacks", stack)) { (subject) } }
                        None => { (subject) }
                    }
                }
                " " (words)
                @if let Some(since) = since { span.since { (parts::ago(*since, now)) } }
            }
            @if let Some(help) = help { p.help { code { (help) } } }
        }
    }
}

fn stacks(view: &Overview, filter: &Filter, now: Timestamp) -> Markup {
    let shown: Vec<&StackRow> = view.stacks.iter().filter(|row| filter.has(row)).collect();
    let pages = shown.len().div_ceil(PAGE).max(1);
    let page = filter.page.clamp(1, pages);
    let rows = shown.iter().skip((page - 1) * PAGE).take(PAGE);
    let conditions = [
        Some(Condition::Degraded),
        Some(Condition::Stalled),
        Some(Condition::Retrying),
        Some(Condition::Progressing),
        Some(Condition::Suspended),
        Some(Condition::Ready),
        None,
    ];
    html! {
        section aria-labelledby="stacks" {
            div.bar {
                h2 id="stacks" { "Stacks " span.quiet { (view.stacks.len()) } }
                nav.filters aria-label="Conditions" {
                    a href=(filter.link("", 1)) aria-current=[filter.show.is_empty().then_some("true")] {
                        "All"
                    }
                    @for condition in conditions {
                        @let (class, sign, word) = parts::condition_look(condition);
                        @if let Some(count) = view.conditions.get(word) {
                            a href=(filter.link(word, 1)) aria-current=[(filter.show == word).then_some("true")] {
                                span.(class).plain aria-hidden="true" { (sign) } " " (word) " "
                                span.quiet { (count) }
                            }
                        }
                    }
                }
                (parts::search("/", "stacks", "Search stacks", &filter.q, &filter.show))
            }
            div id="rows" {
                @if view.stacks.is_empty() {
                    p.empty { "No source declares a stack yet." }
                } @else if shown.is_empty() {
                    p.empty { "No stack is like that. " a href="/" { "Show all" } }
                } @else {
                    table.rows {
                        (parts::heads(&[
                            "Stack", "Condition", "Sync", "Health", "Tasks", "Revision", "Since",
                        ]))
                        tbody { @for row in rows { (stack_row(row, now)) } }
                    }
                    @if pages > 1 {
                        nav.pages aria-label="Pages of stacks" {
                            @for number in 1..=pages {
                                a href=(filter.link(&filter.show, number))
                                    aria-current=[(number == page).then_some("page")] { (number) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn stack_row(row: &StackRow, now: Timestamp) -> Markup {
    let (class, _, _) = parts::condition_look(row.condition);
    let is_ready = row.condition == Some(Condition::Ready);
    html! {
        tr.(class) {
            th scope="row" {
                (parts::stack_link(&row.name))
                span.meta {
                    @if let Some(source) = &row.source { (source) } @else { "declared by no source" }
                    " · " (count(row.service_count, "service"))
                    @if row.changes > 0 { " · " (count(row.changes, "change")) }
                    @if row.repairs > 0 { " · put right " (row.repairs) "×" }
                }
                @if let Some(suspended) = &row.suspended { span.words { "suspended " (suspended) } }
                @else if let (Some(reason), false) = (&row.reason, is_ready) { span.words { (reason) } }
            }
            td data-label="Condition" { (parts::condition(row.condition)) }
            td data-label="Sync" { (parts::sync(row.sync)) }
            td data-label="Health" { (parts::health(row.health)) }
            td data-label="Tasks" { (parts::tasks(row.ready, row.wanted)) }
            td data-label="Revision" {
                @if let Some(of) = &row.revision { (parts::revision(of)) } @else { span.quiet { "–" } }
            }
            td data-label="Since" {
                @if let Some(since) = row.since { (parts::ago(since, now)) } @else { span.quiet { "–" } }
            }
        }
    }
}
