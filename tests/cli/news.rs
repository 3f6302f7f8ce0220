//! What happened, as people and programs are shown it, and whether messages arrive.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use jiff::Timestamp;
use serde_json::{Value, json};
use skep::history::{Limits, Store};
use skep::reconciler::journal::{Entry, Event, News, Told};

use crate::program::{Ran, World};
use crate::published::assert_published;

/// Tells of times long gone.
const LIMITS: Limits =
    Limits { events: 100, releases: 10, age: Duration::from_secs(100 * 365 * 24 * 3600) };

fn event(second: u32, kind: &str, severity: &str, stack: Option<&str>, message: &str) -> Event {
    serde_json::from_value(json!({
        "at": format!("2026-11-21T18:00:{second:02}Z"), "severity": severity, "kind": kind,
        "recovered": message.contains("again"), "key": kind, "stack": stack, "message": message,
    }))
    .unwrap()
}

fn entry(second: u32, outcome: &str, tried: u64, reason: Option<&str>) -> Entry {
    serde_json::from_value(json!({
        "stack": "shop", "source": "main", "revision": format!("sha1:{second:02}2c9e1a0b7d3c5e"),
        "causes": ["git"], "outcome": outcome, "reason": reason, "began": "2026-11-21T17:00:00Z",
        "ended": format!("2026-11-21T18:00:{second:02}Z"), "milliseconds": 42_137, "tried": tried,
    }))
    .unwrap()
}

/// A machine on which a controller has noted something.
fn noted() -> (World, Store, News) {
    let world = World::new();
    let path = world.path("state/history-default.db");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (mut store, mut news) = (Store::open(&path, LIMITS).unwrap(), News::default());
    let told = Told {
        events: vec![
            event(
                1,
                "controller-started",
                "info",
                None,
                "skep 0.1.0 began to look after fleet default",
            ),
            event(
                2,
                "release-rolled-back",
                "error",
                Some("shop"),
                "service shop_web rolled back: \u{1b}[2J",
            ),
            event(9, "release-rolled-back", "info", Some("shop"), "service shop_web is well again"),
        ],
        entries: vec![
            entry(1, "healthy", 1, None),
            entry(2, "rolled-back", 120, Some("web: rolled back, 1/1 tasks healthy")),
        ],
    };
    let added = news.add(told);
    store.append(&added, Timestamp::UNIX_EPOCH).unwrap();
    (world, store, news)
}

fn run(world: &World, arguments: &[&str]) -> Ran {
    world.finish(world.command(arguments).env("TZ", "UTC"))
}

#[test]
fn events_and_history_are_shown_to_people_and_programs() {
    let (world, _store, _news) = noted();
    assert_snapshot!("events", run(&world, &["events"]));
    assert_snapshot!("history", run(&world, &["history", "shop"]));
    let errors = run(&world, &["events", "shop", "--severity", "error"]);
    assert_eq!(errors.stdout.lines().count(), 1, "{errors}");
    for name in ["events", "history"] {
        let ran = run(&world, &[name, "--format", "json"]);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_published(name, &document);
        assert_eq!(document["fleet"], "default");
    }
    let elsewhere = run(&world, &["events", "--fleet", "other"]);
    assert_eq!(elsewhere.code, Some(1), "{elsewhere}");
    assert!(
        elsewhere.stderr.contains("there is no history at $HERE/state/history-other.db"),
        "{elsewhere}"
    );
}

#[test]
fn what_happens_is_followed_line_by_line_also_when_the_file_is_deleted() {
    let (world, mut store, mut news) = noted();
    let mut command = world.command(&["events", "-f", "--format", "json", "-n", "1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = stdout.read(&mut bytes) {
            let _ = tell.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    });
    let mut seen = String::new();
    let mut until = |words: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !seen.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            seen.push_str(&told.recv_timeout(left).unwrap_or_else(|_| panic!("{words}: {seen}")));
        }
    };
    until("is well again");
    let mut happens = |store: &mut Store, message: &str| {
        let event = event(30, "drift-found", "warning", Some("shop"), message);
        let added = news.add(Told { events: vec![event], entries: Vec::new() });
        store.append(&added, Timestamp::UNIX_EPOCH).unwrap();
    };
    happens(&mut store, "the first");
    until("the first");
    let path = world.path("state/history-default.db");
    fs::remove_file(&path).unwrap();
    drop(store);
    let mut store = Store::open(&path, LIMITS).unwrap();
    happens(&mut store, "the second");
    until("the second");
    child.kill().unwrap();
    child.wait().unwrap();
    for line in seen.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// A mail server that takes one mail, and knows nobody called `gone`. Returns its port.
fn post_office() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 here\r\n").unwrap();
        let mut is_mail = false;
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            is_mail = is_mail && line != ".";
            let answer = match line.split(' ').next() {
                _ if is_mail => continue,
                Some("RCPT") if line.contains("gone") => "550 5.1.1 unknown\r\n",
                Some("DATA") => {
                    is_mail = true;
                    "354 go on\r\n"
                }
                _ => "250 yes\r\n",
            };
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    port
}

#[test]
fn targets_are_tried_and_each_says_what_became_of_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    });
    let settings = format!(
        "notifications:
  targets:
    - {{ name: hook, webhook: {{ url: 'http://{address}/hook' }} }}
    - {{ name: chat, slack: {{ url_file: nowhere }} }}
    - name: mail
      email: {{ host: 127.0.0.1, port: {port}, tls: none, from: skep@here.example, to: [ops@here.example, gone@here.example] }}
",
        port = post_office()
    );
    let world = World::new().file("skep.yaml", settings);
    // Whoever wrote the stacks beside it may have written this.
    let unnamed = world.run(&["notify", "test"]);
    assert_eq!(unnamed.code, Some(1), "{unnamed}");
    assert!(unnamed.stderr.contains("counts only in a file that is named"), "{unnamed}");
    let unknown = world.run(&["notify", "test", "hok", "-c", "skep.yaml"]);
    assert!(unknown.stderr.contains("hint: targets are hook, chat, mail"), "{unknown}");
    let ran = world.run(&["notify", "test", "-c", "skep.yaml"]);
    let expected = "hook took it\n\
        chat failed: read nowhere: No such file or directory (os error 2)\n\
        mail took it, but not for gone@here.example (permanent error (550): 5.1.1 unknown)\n";
    assert_eq!((ran.stdout.as_str(), ran.code), (expected, Some(1)), "{ran}");
    assert!(server.join().unwrap().starts_with("POST /hook HTTP/1.1\r\n"));
}
