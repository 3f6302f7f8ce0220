//! The file as it is written, read, deleted, broken and out of reach.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

use super::layout;
use super::{Archive, Filter, HistoryError, Keeper, Limits, Store};
use crate::reconciler::controller::metrics::Metrics;
use crate::reconciler::journal::{Added, Entry, Event, News, Numbered, Severity, Told};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn event(second: i64, stack: &str, severity: &str) -> Event {
    let text = format!(
        r#"{{"at": "{}", "severity": "{severity}", "kind": "service-failing", "key": "service/{stack}_web",
            "stack": "{stack}", "message": "{second}"}}"#,
        at(second)
    );
    serde_json::from_str(&text).unwrap()
}

fn entry(second: i64, stack: &str, revision: &str) -> Entry {
    let text = format!(
        r#"{{"stack": "{stack}", "source": "main", "revision": "{revision}", "causes": ["git"], "outcome": "healthy",
            "began": "{0}", "ended": "{0}", "milliseconds": 5, "tried": 1}}"#,
        at(second)
    );
    serde_json::from_str(&text).unwrap()
}

fn told(second: i64, stack: &str) -> Told {
    Told {
        events: vec![event(second, stack, "error")],
        entries: vec![entry(second, stack, &second.to_string())],
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state/fleet.db");
    (directory, path)
}

fn all() -> Filter {
    Filter { limit: 100_000, ..Filter::default() }
}

#[test]
fn every_version_has_a_step_that_leads_to_it() {
    assert_eq!(i64::try_from(layout::STEPS.len()), Ok(layout::VERSION));
}

#[test]
fn what_is_written_is_read_by_others_while_it_is_written() {
    let (_directory, path) = place();
    assert!(matches!(Archive::open(&path), Err(HistoryError::Absent(_))));
    let mut store = Store::open(&path, Limits::default()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (mut news, archive) = (News::default(), Archive::open(&path).unwrap());
    for (second, stack) in [(1, "shop"), (2, "blog"), (3, "shop")] {
        store.append(&news.add(told(second, stack)), at(4)).unwrap();
    }
    let warning = Told { events: vec![event(4, "shop", "warning")], entries: Vec::new() };
    store.append(&news.add(warning), at(4)).unwrap();
    let texts = |filter: &Filter| -> Vec<String> {
        archive.events(filter).unwrap().into_iter().map(|event| event.event.message).collect()
    };
    assert_eq!(texts(&all()), ["1", "2", "3", "4"]);
    assert_eq!(texts(&Filter { limit: 2, ..all() }), ["3", "4"]);
    let shop = Filter { stack: Some("shop".to_owned()), ..all() };
    assert_eq!(texts(&shop), ["1", "3", "4"]);
    assert_eq!(texts(&Filter { severity: Some(Severity::Error), ..shop }), ["1", "3"]);
    let newest = news.last();
    assert_eq!(texts(&Filter { after: newest - 1, ..all() }), ["4"]);
    let revisions: Vec<_> =
        archive.history(Some("shop")).unwrap().into_iter().filter_map(|e| e.revision).collect();
    assert_eq!(revisions, ["3", "1"]);
    // Whoever comes next knows the same.
    drop(store);
    let store = Store::open(&path, Limits::default()).unwrap();
    assert_eq!(store.news().unwrap(), news);
    let resumed = store.resumed().unwrap();
    let messages: Vec<&str> = resumed.newest.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages, ["2", "4"]);
    let stacks: Vec<&str> = resumed.entries.iter().map(|entry| entry.stack.as_str()).collect();
    assert_eq!(stacks, ["blog", "shop"]);
}

#[test]
fn one_more_try_replaces_the_entry_of_those_before() {
    let (_directory, path) = place();
    let mut store = Store::open(&path, Limits::default()).unwrap();
    let mut news = News::default();
    for second in 0..120 {
        let tried = Told { events: Vec::new(), entries: vec![entry(second, "shop", "a")] };
        store.append(&news.add(tried), at(second)).unwrap();
    }
    let kept = Archive::open(&path).unwrap().history(None).unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].tried, kept[0].began, kept[0].ended), (120, at(0), at(119)));
}

#[test]
fn what_is_too_much_or_too_old_goes() {
    let (_directory, path) = place();
    let limits = Limits { events: 10, releases: 3, age: Duration::from_secs(100) };
    let mut store = Store::open(&path, limits).unwrap();
    let mut news = News::default();
    for second in 0..50 {
        store.append(&news.add(told(second, "shop")), at(second)).unwrap();
    }
    store.append(&news.add(told(50, "blog")), at(50)).unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.events(&all()).unwrap().len(), 10);
    assert_eq!(archive.history(Some("shop")).unwrap().len(), 3);
    store.append(&news.add(told(149, "new")), at(149)).unwrap();
    assert_eq!(archive.events(&all()).unwrap().len(), 3, "49, 50 and 149");
    assert_eq!(archive.history(Some("shop")).unwrap().len(), 1);
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let (directory, path) = place();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "this is no database, and it is long enough to be looked at".repeat(100);
    fs::write(&path, &text).unwrap();
    let other = directory.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE events (id)").unwrap();
    for path in [&path, &other] {
        let before = fs::read(path).unwrap();
        let refused = Store::open(path, Limits::default()).unwrap_err();
        assert!(refused.to_string().ends_with("is no history of skep, and stays as it is"));
        assert_eq!(fs::read(path).unwrap(), before);
        assert!(!path.with_extension("db.set-aside").exists());
    }
}

#[test]
fn a_file_of_the_future_is_set_aside() {
    let (_directory, path) = place();
    let mut store = Store::open(&path, Limits::default()).unwrap();
    store.append(&News::default().add(told(1, "shop")), at(1)).unwrap();
    drop(store);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let found = Archive::open(&path).unwrap_err().to_string();
    assert_eq!(found, "the history has layout 99, and this skep knows 1");
    let store = Store::open(&path, Limits::default()).unwrap();
    assert_eq!(store.news().unwrap(), News::default());
    assert!(path.with_extension("db.set-aside").exists());
}

#[test]
fn rows_of_another_version_are_passed_over() {
    let (_directory, path) = place();
    let mut store = Store::open(&path, Limits::default()).unwrap();
    store.append(&News::default().add(told(1, "shop")), at(1)).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute(
            "INSERT INTO events VALUES (1, 1, 'k', NULL, 0, '{\"kind\": \"moon-landing\"}')",
            [],
        )
        .unwrap();
    other.execute("INSERT INTO releases VALUES ('s', 1, 1, 'no json')", []).unwrap();
    assert_eq!(store.news().unwrap().events().count(), 1);
    assert_eq!(Archive::open(&path).unwrap().history(None).unwrap().len(), 1);
}

fn added(second: i64) -> Added {
    let event = event(second, "shop", "info");
    Added { events: vec![Arc::new(Numbered { id: second, event })], entries: Vec::new() }
}

/// Waits until the file holds as many events.
async fn holds(path: &std::path::Path, events: usize) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let count =
        || Archive::open(path).and_then(|archive| archive.events(&all())).map_or(0, |e| e.len());
    while count() != events {
        assert!(tokio::time::Instant::now() < deadline, "{} events", count());
        tokio::task::yield_now().await;
    }
}

fn recent() -> Limits {
    // Tests tell of times long gone.
    Limits { age: Duration::from_secs(100 * 365 * 24 * 3600), ..Limits::default() }
}

#[tokio::test]
async fn the_file_may_be_deleted_while_it_is_written_to() {
    let (_directory, path) = place();
    let metrics = Metrics::default();
    let (keeper, kept) = Keeper::start(path.clone(), recent(), metrics.clone()).await;
    assert_eq!(kept.news, News::default());
    keeper.keep(&added(1));
    holds(&path, 1).await;
    fs::remove_file(&path).unwrap();
    keeper.keep(&added(2));
    holds(&path, 1).await;
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    keeper.keep(&added(3));
    holds(&path, 1).await;
    keeper.keep(&added(4));
    keeper.end().await;
    assert_eq!(metrics.history(), (true, 0));
    let (_keeper, kept) = Keeper::start(path, recent(), metrics).await;
    assert_eq!(kept.news.events().map(|event| event.id).collect::<Vec<_>>(), [3, 4]);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_keeps_nothing_and_harms_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "").unwrap();
    let metrics = Metrics::default();
    let (keeper, kept) = Keeper::start(file.join("fleet.db"), recent(), metrics.clone()).await;
    assert_eq!(kept.news, News::default());
    keeper.keep(&added(1));
    keeper.keep(&added(2));
    keeper.end().await;
    assert_eq!(metrics.history(), (false, 2));
}

#[tokio::test]
async fn a_file_that_breaks_while_it_is_open_is_begun_anew() {
    let (_directory, path) = place();
    let metrics = Metrics::default();
    let (keeper, _) = Keeper::start(path.clone(), recent(), metrics.clone()).await;
    for second in 1..200 {
        keeper.keep(&added(second));
    }
    holds(&path, 199).await;
    keeper.end().await;
    // Everything behind the first page, which has the tables.
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let (keeper, kept) = Keeper::start(path.clone(), recent(), metrics.clone()).await;
    assert_eq!(kept.news, News::default());
    keeper.keep(&added(1));
    holds(&path, 1).await;
    assert!(path.with_extension("db.set-aside").exists());
    assert!(metrics.history().0);
}

#[test]
fn ages_are_counted_from_now() {
    let (_directory, path) = place();
    let limits = Limits { age: Duration::from_secs(60), ..Limits::default() };
    let mut store = Store::open(&path, limits).unwrap();
    let mut news = News::default();
    store.append(&news.add(told(0, "shop")), at(0)).unwrap();
    let later = at(0) + SignedDuration::from_secs(61);
    store.append(&Added::default(), later).unwrap();
    assert_eq!(store.news().unwrap(), News::default());
}
