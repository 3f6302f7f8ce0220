//! Nodes as a page.

use jiff::Timestamp;
use maud::{Markup, html};

use super::layout::banner;
use super::parts;
use crate::http::view::ClusterView;
use crate::http::view::words::{bytes, count, processors};
use crate::reconciler::controller::scene::{NodeSight, Share};

/// The page of nodes.
pub(in crate::http) fn cluster(view: &ClusterView, now: Timestamp) -> Markup {
    let managers = view.nodes.iter().filter(|node| node.manager).count();
    html! {
        (banner(&view.looked, now))
        div.lead {
            h1 { "Cluster" }
            p.meta { (count(view.nodes.len(), "node")) ", " (count(managers, "manager")) }
        }
        @if let Some(reason) = &view.without_nodes {
            p.banner.is-bad role="alert" { "The engine cannot be asked: " (reason) }
        }
        @if !view.waiting.is_empty() {
            section aria-labelledby="waiting" {
                h2 id="waiting" { "Tasks without a node" }
                ul.plain-list {
                    @for (service, task) in &view.waiting {
                        li {
                            a href=(parts::path("services", service)) { (service) } " "
                            @if task.slot > 0 { "task " (task.slot) " " }
                            (parts::task_state(task)) " " (parts::ago(task.since, now))
                            @if let Some(error) = &task.error { span.words { (error) } }
                        }
                    }
                }
            }
        }
        section aria-labelledby="nodes" {
            h2 id="nodes" { "Nodes" }
            @if !view.nodes.is_empty() {
                table.rows {
                    (parts::heads(&[
                        "Node", "State", "Availability", "Tasks", "CPU reserved", "Memory reserved",
                    ]))
                    tbody { @for one in &view.nodes { (node(one)) } }
                }
            }
        }
    }
}

fn node(node: &NodeSight) -> Markup {
    let is_up = node.state == "ready";
    html! {
        tr class=[(!is_up).then_some("is-bad")] {
            th scope="row" {
                (node.hostname)
                span.meta { @if node.manager { "manager" } @else { "worker" } " · " (node.platform) }
            }
            td data-label="State" {
                @if is_up { (parts::chip("is-good", "✓", "ready")) }
                @else { (parts::chip("is-bad", "✕", &node.state)) }
            }
            td data-label="Availability" {
                @if node.availability == "active" { (parts::chip("is-good", "✓", "active")) }
                @else { (parts::chip("is-warn", "‖", &node.availability)) }
            }
            td data-label="Tasks" { (node.running) }
            td data-label="CPU reserved" { (share(node.cpu, processors)) }
            td data-label="Memory reserved" { (share(node.memory, bytes)) }
        }
    }
}

/// What is reserved of what there is, as words and as a bar.
fn share(share: Share, words: fn(i64) -> String) -> Markup {
    let Share { reserved, total } = share;
    let percent = share.percent();
    let class = if percent >= 90 { "is-warn" } else { "is-good" };
    html! {
        span.share {
            (words(reserved)) " of " (words(total)) span.quiet { " " (percent) " %" }
            progress.(class) value=(percent.clamp(0, 100)) max="100" aria-hidden="true" {}
        }
    }
}
