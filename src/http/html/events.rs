//! What happened, as a page and as the history of a stack.

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::layout::banner;
use super::parts;
use crate::http::view::EventsView;
use crate::reconciler::journal::{Entry, Event, Outcome, Severity};

/// The page.
pub(in crate::http) fn events(view: &EventsView, now: Timestamp) -> Markup {
    let wanted = &view.wanted;
    let link = |severity: &str| {
        let stack = utf8_percent_encode(&wanted.stack, NON_ALPHANUMERIC);
        format!("/events?stack={stack}&severity={severity}")
    };
    html! {
        (banner(&view.looked, now))
        div.lead {
            h1 { "Events" }
            p.meta { "The newest first. " code { "skep events" } " has more, where the history is kept." }
        }
        section aria-labelledby="list" {
            div.bar {
                h2 id="list" { "What happened " span.quiet { (view.events.len()) } }
                nav.filters aria-label="Severity" {
                    @for (severity, word) in [("", "All"), ("warning", "Warnings and errors"), ("error", "Errors")] {
                        a href=(link(severity)) aria-current=[(wanted.severity == severity).then_some("true")] { (word) }
                    }
                }
                form.search action="/events" method="get" {
                    label.hidden for="stack" { "Stack" }
                    select.select id="stack" name="stack" {
                        option value="" { "All stacks" }
                        @for stack in &view.stacks {
                            option value=(stack) selected[*stack == wanted.stack] { (stack) }
                        }
                    }
                    @if !wanted.severity.is_empty() { input type="hidden" name="severity" value=(wanted.severity); }
                    " " button.theme type="submit" { "Show" }
                }
            }
            @if view.events.is_empty() {
                p.empty { "Nothing like that has happened since anybody remembers." }
            } @else {
                ol.timeline { @for numbered in &view.events { (event(&numbered.event, now)) } }
            }
        }
    }
}

fn event(event: &Event, now: Timestamp) -> Markup {
    let (class, sign) = match event.severity {
        _ if event.recovered => ("is-good", "✓"),
        Severity::Info => ("is-quiet", "·"),
        Severity::Warning => ("is-warn", "!"),
        Severity::Error => ("is-bad", "✕"),
    };
    html! {
        li.(class) {
            span.sign aria-hidden="true" { (sign) }
            div {
                p {
                    span.hidden { (event.severity) ": " }
                    @match (&event.service, &event.stack) {
                        (Some(service), _) => { a href=(parts::path("services", service)) { (service) } " " }
                        (None, Some(stack)) => { (parts::stack_link(stack)) " " }
                        (None, None) => {}
                    }
                    (event.message)
                }
                p.meta {
                    (parts::ago(event.at, now)) " · " code { (event.kind) }
                    @if let Some(reason) = &event.reason { " " code { (reason) } }
                    @if let Some(revision) = &event.revision { " · " (parts::revision(revision)) }
                }
            }
        }
    }
}

/// The releases of a stack.
pub(super) fn history(entries: &[Entry], now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 id="history" { "History" }
            ol.timeline { @for entry in entries { (release(entry, now)) } }
        }
    }
}

fn release(entry: &Entry, now: Timestamp) -> Markup {
    let (class, sign) = match entry.outcome {
        Outcome::Healthy => ("is-good", "✓"),
        Outcome::RolledBack | Outcome::Failed => ("is-bad", "✕"),
        Outcome::Paused | Outcome::Blocked | Outcome::Retrying => ("is-warn", "■"),
        Outcome::Suspended | Outcome::Superseded | Outcome::Removed => ("is-quiet", "○"),
    };
    html! {
        li.(class) {
            span.sign aria-hidden="true" { (sign) }
            div {
                p {
                    @if let Some(revision) = &entry.revision { (parts::revision(revision)) " " }
                    strong { (entry.outcome) }
                    @if let Some(reason) = &entry.reason { ": " (reason) }
                }
                @if let Some(subject) = &entry.subject { p { (subject) } }
                p.meta {
                    @if let Some(author) = &entry.author { (author) " · " }
                    (parts::ago(entry.ended, now)) ", took " (entry.took())
                    @if entry.tried > 1 { ", tried " (entry.tried) "×" }
                    @for cause in &entry.causes { " · " (format!("{cause:?}").to_lowercase()) }
                }
            }
        }
    }
}
