//! Names, errors and logs as somebody would write them who wants to get out of the page.

use std::sync::Arc;

use skep::model::live::TaskState;
use skep::reconciler::controller::condition::Condition;
use skep::reconciler::controller::report::Report;
use skep::reconciler::health::{Excerpt, ServiceHealth, TaskFailure, Verdict};
use skep::reconciler::status::Sync;

use crate::reading::{DOCUMENTS, PAGES};
use crate::server::Server;
use crate::world;

const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}\u{0}";

fn hostile() -> Report {
    let mut report = world::report();
    let error = format!("{EVIL}{}", "x".repeat(64 * 1024));
    let failure = TaskFailure {
        task: "t".to_owned(),
        slot: 1,
        node: Some(EVIL.to_owned()),
        state: TaskState::Failed,
        error: error.clone(),
        exit_code: Some(137),
        at: world::ago(3),
        log: Some(Excerpt { lines: vec![EVIL.to_owned(), error.clone()], note: None }),
    };
    let judged = ServiceHealth {
        verdict: Verdict::Failing,
        failure: Some(failure),
        message: Some(error.clone()),
        ..world::healthy(0, 1)
    };
    let stack =
        world::stack("evil", vec![world::service("evil_A-b_c", EVIL, Sync::OutOfSync, judged)]);
    if let Some(status) = &mut report.status {
        Arc::make_mut(status).stacks.push(stack);
    }
    report
        .stacks
        .insert("evil".to_owned(), world::told("main", Condition::Degraded, Some(&error), 1));
    if let Some(commit) = report.sources.first_mut().and_then(|source| source.commit.as_mut()) {
        EVIL.clone_into(&mut commit.subject);
        EVIL.clone_into(&mut commit.author);
    }
    report
}

#[tokio::test]
async fn what_strangers_write_stays_text_and_is_cut() {
    let server = Server::of(hostile()).await;
    let pages =
        PAGES.into_iter().chain(["/stacks/evil", "/services/evil_A-b_c", "/?q=<script>&show=\"'>"]);
    for path in pages {
        let page = server.get(&path.replace(['<', '>', '"', '\''], "%3C")).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains("<script>") && !page.body.contains("<img"), "{path}");
        assert!(!page.body.contains('\u{1b}') && !page.body.contains('\0'), "{path}");
        assert!(page.body.len() < 80_000, "{path} has {} bytes", page.body.len());
    }
    let service = server.get("/services/evil_A-b_c").await.body;
    assert!(
        service.contains("&lt;script&gt;") && service.contains("more characters)"),
        "{service}"
    );
    for path in DOCUMENTS {
        let document = server.get(path).await;
        assert!(!document.body.contains('\u{1b}'), "{path}");
    }
}

#[tokio::test]
async fn paths_that_mean_something_else_lead_nowhere() {
    let server = Server::of(world::report()).await;
    for path in [
        "/stacks/",
        "/stacks/shop/",
        "/stacks/..%2f..%2fetc%2fpasswd",
        "/assets/..%2fpage.css",
        "/assets/%2e%2e/mod.rs",
        "/services/%00",
        "/stacks/%ff",
        "/api/v1",
        "/api/v2/status",
        "/hooks/main",
    ] {
        let answer = server.get(path).await;
        assert!([400, 404, 405].contains(&answer.status), "{path}: {}", answer.head);
    }
    let odd = server.get("/?page=-1").await;
    assert_eq!(odd.status, 400);
    assert_eq!(server.get("/?page=99999").await.status, 200);
}
