//! A stack as a page.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ansi::coloured;
use super::events::history;
use super::layout::{banner, looked};
use super::parts;
use super::routes::table;
use crate::http::view::words::count;
use crate::http::view::{DriftView, PlanView, ServiceRow, StackView};

/// The page.
pub(in crate::http) fn stack(view: &StackView, now: Timestamp) -> Markup {
    let row = &view.row;
    html! {
        (banner(&view.looked, now))
        div.lead {
            p.crumbs { a href="/" { "Overview" } }
            h1 { (row.name) }
            p.chips {
                (parts::condition(row.condition)) (parts::sync(row.sync)) (parts::health(row.health))
                @if let Some(since) = row.since { span.meta { "since " (parts::ago(since, now)) } }
            }
            @if let Some(reason) = &row.reason { p.words { (reason) } }
            @if let Some(suspended) = &row.suspended { p.words { "Suspended " (suspended) } }
            dl.facts {
                @if let Some(file) = &view.file { div { dt { "File" } dd { code { (file) } } } }
                @for (name, value) in [
                    ("Tried", &row.revision),
                    ("Applied", &view.last_applied_revision),
                    ("Healthy", &view.last_healthy_revision),
                ] {
                    div { dt { (name) } dd {
                        @if let Some(value) = value { (parts::revision(value)) } @else { "not since the start" }
                    } }
                }
                div { dt { "Looked" } dd { (looked(&view.looked, now)) } }
            }
        }
        @if !view.blocked.is_empty() {
            section aria-labelledby="blocked" {
                h2 id="blocked" { "Not done now" }
                ul.holds { @for one in &view.blocked { (parts::held(one, false)) } }
            }
        }
        @if !view.drift.is_empty() { (drift(&view.drift)) }
        @if let Some(view) = &view.plan { (plan(view)) }
        section aria-labelledby="services" {
            h2 id="services" { "Services " span.quiet { (view.services.len()) } }
            @if let Some(reason) = &view.without_tasks {
                p.banner.is-note { "Tasks cannot be shown: " (reason) }
            }
            @if view.services.is_empty() { p.empty { "There are none." } }
            @else {
                table.rows {
                    (parts::heads(&["Service", "Health", "Sync", "Tasks", "Image"]))
                    tbody { @for one in &view.services { (service_row(one, &row.name)) } }
                }
            }
        }
        @if !view.history.is_empty() { (history(&view.history, now)) }
        @if !view.routes.is_empty() {
            section aria-labelledby="routes" {
                h2 id="routes" { "Routes " span.quiet { (view.routes.len()) } }
                (table(view.routes.iter(), false, now))
            }
        }
        @if let Some(source) = &view.from {
            section aria-labelledby="source" {
                h2 id="source" { "Source" }
                div.sources { (parts::source(source, now)) }
            }
        }
    }
}

fn drift(drift: &[DriftView]) -> Markup {
    html! {
        section aria-labelledby="drift" {
            h2 id="drift" { "Changed by hand" }
            ul.plain-list {
                @for DriftView { object, fields } in drift {
                    li { strong { (object) } " " @for field in fields { code { (field) } " " } }
                }
            }
        }
    }
}

/// What would change, as the command line prints it.
pub(super) fn plan(view: &PlanView) -> Markup {
    html! {
        section aria-labelledby="plan" {
            h2 id="plan" { "Plan" }
            @if view.is_empty() {
                p.meta { "Nothing is to change." }
            } @else {
                pre.plan tabindex="0" role="region" aria-label="The plan as text" { (coloured(&view.coloured)) }
            }
        }
    }
}

fn service_row(service: &ServiceRow, stack: &str) -> Markup {
    let failures = service.tasks.iter().filter(|task| task.error.is_some()).count();
    html! {
        tr {
            th scope="row" {
                a href=(parts::path("services", &service.name)) { (service.short_name(stack)) }
                span.meta { (service.state) }
                @if let Some(problem) = &service.problem { span.words.is-bad { (problem) } }
            }
            td data-label="Health" { (parts::health(service.health)) }
            td data-label="Sync" { (parts::sync(service.sync)) }
            td data-label="Tasks" {
                (parts::tasks(service.ready, service.wanted))
                (parts::places(&service.tasks))
                @if failures > 0 { span.meta { (count(failures, "failure")) " kept" } }
            }
            td data-label="Image" {
                @if let Some(image) = &service.image { (parts::image(image)) }
                @else { span.quiet { "–" } }
            }
        }
    }
}
