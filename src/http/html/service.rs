//! A service as a page.

use jiff::Timestamp;
use maud::{Markup, html};

use super::layout::{banner, looked};
use super::parts;
use super::stack::plan;
use crate::http::view::{FieldView, ServiceView};
use crate::reconciler::controller::scene::TaskSight;
use crate::reconciler::health::{Excerpt, TaskFailure};

/// The page.
pub(in crate::http) fn service(view: &ServiceView, now: Timestamp) -> Markup {
    let row = &view.row;
    html! {
        (banner(&view.looked, now))
        div.lead {
            p.crumbs { a href="/" { "Overview" } " / " (parts::stack_link(&view.stack)) }
            h1 { (row.short_name(&view.stack)) }
            p.chips { (parts::health(row.health)) (parts::sync(row.sync)) (parts::tasks(row.ready, row.wanted)) }
            p.meta { (row.state) }
            dl.facts {
                div { dt { "Full name" } dd { code { (row.name) } } }
                @if let Some(image) = &row.image { div { dt { "Image" } dd { (parts::image(image)) } } }
                @if let Some(place) = &view.place { div { dt { "Declared" } dd { code { (place) } } } }
                @if let Some(of) = &view.revision { div { dt { "Revision" } dd { (parts::revision(of)) } } }
                div { dt { "Looked" } dd { (looked(&view.looked, now)) } }
            }
        }
        @if let Some(failed) = &view.failure { (failure(failed, now)) }
        @else if let Some(problem) = &row.problem { p.banner.is-bad { (problem) } }
        @if !view.blocked.is_empty() {
            section aria-labelledby="blocked" {
                h2 id="blocked" { "Not done now" }
                ul.holds { @for one in &view.blocked { (parts::held(one, false)) } }
            }
        }
        @if let Some(view) = &view.plan { (plan(view)) }
        section aria-labelledby="tasks" {
            h2 id="tasks" { "Tasks" }
            @if let Some(reason) = &view.without_tasks {
                p.banner.is-note { "Tasks cannot be shown: " (reason) }
            } @else if row.tasks.is_empty() {
                p.empty { "There are none." }
            } @else {
                (tasks(&row.tasks, now))
            }
        }
        section aria-labelledby="spec" {
            h2 id="spec" { "As declared" }
            @if view.fields.is_empty() {
                p.empty { "No source declares it." }
            } @else {
                (fields(&view.fields))
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

fn failure(failure: &TaskFailure, now: Timestamp) -> Markup {
    let TaskFailure { task, slot, node, state, error, exit_code, at, log } = failure;
    html! {
        section aria-labelledby="failure" {
            h2 id="failure" { "The newest failure" }
            p {
                "Task "
                @if *slot > 0 { (slot) " " }
                code.quiet title=(task) { (task.get(..12).unwrap_or(task)) }
                @if let Some(node) = node { " on " (node) }
                " " (format!("{state:?}").to_lowercase()) " " (parts::ago(*at, now)) ": " (error)
                @if let Some(code) = exit_code { ", exit code " (code) }
            }
            @if let Some(Excerpt { lines, note }) = log {
                @if !lines.is_empty() {
                    pre.log tabindex="0" role="region" aria-label="The end of its log" {
                        @for line in lines { (line) "\n" }
                    }
                }
                @if let Some(note) = note { p.meta { (note) } }
            }
        }
    }
}

fn tasks(tasks: &[TaskSight], now: Timestamp) -> Markup {
    html! {
        table.rows {
            (parts::heads(&["Task", "State", "Node", "Since", "What went wrong"]))
            tbody {
                @for task in tasks {
                    tr {
                        th scope="row" {
                            @if task.slot > 0 { (task.slot) " " }
                            code.quiet title=(task.id) { (task.id.get(..12).unwrap_or(&task.id)) }
                        }
                        td data-label="State" { (parts::task_state(task)) }
                        td data-label="Node" { (task.node.as_deref().unwrap_or("none yet")) }
                        td data-label="Since" { (parts::ago(task.since, now)) }
                        td data-label="What went wrong" {
                            @if let Some(error) = &task.error { (error) }
                            @if let Some(code) = task.exit_code.filter(|code| *code != 0) { " (exit code " (code) ")" }
                            @if task.error.is_none() { span.quiet { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn fields(fields: &[FieldView]) -> Markup {
    html! {
        table.rows.fields {
            (parts::heads(&["Field", "Value", "Written at"]))
            tbody {
                @for field in fields {
                    tr {
                        th scope="row" { code { (field.path) } }
                        td data-label="Value" {
                            code class=[field.sensitive.then_some("quiet")] { (field.value) }
                        }
                        td data-label="Written at" {
                            @if let Some(place) = &field.place { code.quiet { (place) } }
                            @else { span.quiet { "by skep" } }
                        }
                    }
                }
            }
        }
    }
}
