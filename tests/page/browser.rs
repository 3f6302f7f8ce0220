//! Every page in a real browser: both themes, three widths, nothing on the console, usable by everybody, kept up to date.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;
use skep::reconciler::controller::condition::Condition;
use skep::reconciler::controller::report::Report;

use crate::crowds::crowd;
use crate::driver::{Driver, Theme};
use crate::reading::PAGES;
use crate::server::Server;
use crate::world;

const CHECKS: &str = include_str!("checks.js");
const SCREENS: [(u32, u32); 3] = [(390, 844), (820, 1180), (1440, 900)];

/// What is wrong by the rules of axe-core, of which `axe` is there already.
const AXE: &str = "return axe.run(document).then(({ violations }) => violations.flatMap(
    ({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`)));";

/// The text of axe-core, where there is one.
fn axe() -> Option<String> {
    let Some(path) = std::env::var_os("SKEP_TEST_AXE") else {
        let words = "without axe-core: SKEP_TEST_AXE names none (scripts/axe fetches one)";
        let _ = writeln!(std::io::stderr(), "{words}");
        return None;
    };
    Some(std::fs::read_to_string(path).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_usable_in_the_light_theme_on_every_screen() {
    every_page_is_usable(Theme::Light).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_usable_in_the_dark_theme_on_every_screen() {
    every_page_is_usable(Theme::Dark).await;
}

async fn every_page_is_usable(theme: Theme) {
    let Some(driver) = Driver::start() else { return };
    let axe = axe();
    let server = Server::of(world::report()).await;
    let mut wrong = Vec::new();
    for screen in SCREENS {
        let browser = driver.browser(theme, screen).await;
        for path in PAGES.into_iter().chain(["/stacks/nobody"]) {
            browser.open_live(&format!("http://{}{path}", server.address)).await;
            let mut found = browser.run(CHECKS).await.as_array().unwrap().clone();
            if let Some(axe) = &axe {
                browser.run(axe).await;
                found.extend(browser.run(AXE).await.as_array().unwrap().iter().cloned());
            }
            for one in found {
                wrong.push(format!("{path} {theme:?} {}: {one}", screen.0));
            }
            let console = browser.console().await;
            let is_expected = |line: &String| path == "/stacks/nobody" && line.contains("404");
            for line in console.iter().filter(|line| !is_expected(line)) {
                wrong.push(format!("{path} {theme:?} {}: {line}", screen.0));
            }
        }
        browser.0.close().await.unwrap();
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_are_seen_without_loading_the_page_again_and_change_nothing_else() {
    let Some(driver) = Driver::start() else { return };
    let server = Server::of(world::report()).await;
    let browser = driver.browser(Theme::Light, (1440, 900)).await;
    browser.open_live(&format!("http://{}/", server.address)).await;
    browser
        .run(
            "window.same = true; document.getElementById('q').focus(); \
                 document.getElementById('q').value = 'sho'",
        )
        .await;
    server.reports.send_modify(|report| {
        let mut other = Report::clone(report);
        let reason = "cannot be seen <b>in this way</b>";
        other
            .stacks
            .insert("shop".to_owned(), world::told("main", Condition::Degraded, Some(reason), 1));
        *report = other.into();
    });
    browser.until("document.body.textContent.includes('cannot be seen <b>in this way</b>')").await;
    let kept =
        "return [window.same, document.activeElement.id, document.getElementById('q').value]";
    assert_eq!(browser.run(kept).await, json!([true, "q", "sho"]));
    // Searching needs no new page either.
    browser
        .run(
            "const q = document.getElementById('q'); q.value = 'blog'; \
                 q.dispatchEvent(new Event('input', { bubbles: true }))",
        )
        .await;
    browser.until("document.querySelectorAll('#rows tbody tr').length === 1").await;
    assert_eq!(
        browser.run("return [window.same, location.search]").await,
        json!([true, "?q=blog"])
    );
    assert_eq!(browser.console().await, Vec::<String>::new());
    // Without a controller it says so.
    drop(server);
    browser.until("document.getElementById('live').textContent === 'Connection lost'").await;
    browser.0.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_searched_as_one_types_also_after_news() {
    let Some(driver) = Driver::start() else { return };
    let server = Server::of(world::report()).await;
    let browser = driver.browser(Theme::Light, (1440, 900)).await;
    browser.open_live(&format!("http://{}/routes", server.address)).await;
    let rows = "document.querySelectorAll('#main tbody tr').length";
    browser.until(&format!("{rows} > 1")).await;
    server.reports.send_modify(|report| {
        let mut other = Report::clone(report);
        other.passes += 1;
        *report = other.into();
    });
    browser.until("document.getElementById('main').dataset.updates > 0").await;
    let search = |text: &str| {
        format!(
            "const q = document.getElementById('q'); q.focus(); q.value = '{text}'; \
                 q.dispatchEvent(new Event('input', {{ bubbles: true }}))"
        )
    };
    browser.run(&search("no such route")).await;
    browser.until("document.body.textContent.includes('No route is like that.')").await;
    browser.run(&search("")).await;
    browser.until(&format!("{rows} > 1")).await;
    browser.0.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_goes_while_somebody_looks_is_said_to_be_gone() {
    let Some(driver) = Driver::start() else { return };
    let server = Server::of(world::report()).await;
    let browser = driver.browser(Theme::Light, (820, 1180)).await;
    browser.open_live(&format!("http://{}/stacks/blog", server.address)).await;
    server.reports.send_modify(|report| {
        let mut other = Report::clone(report);
        other.stacks.remove("blog");
        if let Some(status) = &mut other.status {
            Arc::make_mut(status).stacks.retain(|stack| stack.name != "blog");
        }
        *report = other.into();
    });
    browser.until("document.body.textContent.includes('No stack has this name.')").await;
    let live = "return document.getElementById('live').textContent";
    assert_eq!(browser.run(live).await, json!("Live"));
    browser.0.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_was_turned_away_comes_again() {
    let Some(driver) = Driver::start() else { return };
    let server = Server::of(world::report()).await;
    let watchers = crowd(&server).await;
    let browser = driver.browser(Theme::Light, (820, 1180)).await;
    browser.0.goto(&format!("http://{}/", server.address)).await.unwrap();
    browser.until("document.getElementById('live').textContent === 'Connection lost'").await;
    drop(watchers);
    browser.until("document.getElementById('live').textContent === 'Live'").await;
    browser.0.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_theme_is_the_systems_until_somebody_chooses() {
    let Some(driver) = Driver::start() else { return };
    let server = Server::of(world::report()).await;
    let browser = driver.browser(Theme::Dark, (820, 1180)).await;
    let dark = "return getComputedStyle(document.body).backgroundColor === 'rgb(21, 24, 27)'";
    browser.0.goto(&format!("http://{}/", server.address)).await.unwrap();
    assert_eq!(browser.run(dark).await, json!(true));
    browser.until("!document.getElementById('theme').hidden").await;
    browser.run("document.getElementById('theme').click()").await;
    assert_eq!(browser.run(dark).await, json!(false));
    browser.0.goto(&format!("http://{}/cluster", server.address)).await.unwrap();
    assert_eq!(browser.run(dark).await, json!(false));
    browser.0.close().await.unwrap();
}
