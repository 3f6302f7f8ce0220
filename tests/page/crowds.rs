//! Many stacks, many services, many who watch.

use std::time::{Duration, Instant};

use skep::reconciler::controller::condition::Condition;
use skep::reconciler::controller::report::Report;
use skep::reconciler::journal::{News, Numbered};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::server::{LONG, Server};
use crate::world;

/// How many watch at most.
const WATCHERS: usize = 500;

async fn watch(server: &Server) -> (TcpStream, String) {
    let mut stream = server.connect().await;
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = String::new();
    read_until(&mut stream, &mut said, "\n\n").await;
    (stream, said)
}

/// As many watchers as there may be.
pub(crate) async fn crowd(server: &Server) -> Vec<(TcpStream, String)> {
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        watchers.push(watch(server).await);
    }
    watchers
}

/// Reads until `said` has `wanted` in it; `false` if the server ends first.
async fn read_until(stream: &mut TcpStream, said: &mut String, wanted: &str) -> bool {
    let mut buffer = [0; 4096];
    while !said.contains(wanted) {
        let read = timeout(LONG, stream.read(&mut buffer)).await.expect("news in time");
        match read {
            Ok(0) | Err(_) => return false,
            Ok(read) => said.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    true
}

fn tell(server: &Server, line: u64) {
    server.reports.send_modify(|report| {
        let mut other = Report::clone(report);
        other.passes = line;
        other.stacks.remove("blog");
        *report = other.into();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_who_watch_are_told_at_once_and_one_more_is_turned_away() {
    let server = Server::of(world::report()).await;
    let mut watchers = crowd(&server).await;
    let (_, refused) = watch_refused(&server).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    // They take no room from those who read.
    assert_eq!(server.get("/healthz").await.status, 200);
    let begun = Instant::now();
    tell(&server, 777);
    for (stream, said) in &mut watchers {
        assert!(read_until(stream, said, "\"passes\":777").await, "{said}");
        assert!(
            said.contains("event: change\ndata: {") && said.contains("\"blog\":null"),
            "{said}"
        );
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "telling {WATCHERS} took {took:?}");
    // Whoever leaves makes room.
    watchers.clear();
    let deadline = Instant::now() + LONG;
    while !watch(&server).await.1.contains("text/event-stream") {
        assert!(Instant::now() < deadline, "there is room again");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn watch_refused(server: &Server) -> (TcpStream, String) {
    let mut stream = server.connect().await;
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = String::new();
    read_until(&mut stream, &mut said, "}").await;
    (stream, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_the_news_is_left_behind_and_holds_nobody_up() {
    let server = Server::of(world::report()).await;
    let (slow, _) = watch(&server).await;
    let (mut quick, mut said) = watch(&server).await;
    // Far more than the sockets between us hold.
    let long = "x".repeat(64 * 1024);
    for number in 0..400 {
        server.reports.send_modify(|report| {
            let mut other = Report::clone(report);
            other.passes = number;
            let name = format!("{long}{number}");
            other.stacks.clear();
            other.stacks.insert(name, world::told("main", Condition::Ready, None, 1));
            *report = other.into();
        });
        said.clear();
        if !read_until(&mut quick, &mut said, &format!("\"passes\":{number}")).await {
            (quick, said) = watch(&server).await;
        }
    }
    drop(slow);
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn what_happens_is_told_with_its_number() {
    let server = Server::of(world::report()).await;
    let (mut stream, mut said) = watch(&server).await;
    server.happening.send_modify(|news| {
        let more = news.events().map(|event| Numbered::clone(event));
        let mut more: Vec<_> = more.collect();
        let mut newest = more.last().unwrap().clone();
        newest.id = 4711;
        more.push(newest);
        *news = News::of(more, Vec::new()).into();
    });
    assert!(
        read_until(&mut stream, &mut said, "event: event\nid: 4711\ndata: {\"id\":4711,").await
    );
}

/// On one thread nobody reads while it is told: as in the controller.
#[tokio::test]
async fn who_reads_misses_nothing_of_a_pass_that_finds_much() {
    let server = Server::of(world::report()).await;
    let (mut stream, mut said) = watch(&server).await;
    server.happening.send_modify(|news| {
        let known: Vec<_> = news.events().map(|event| Numbered::clone(event)).collect();
        let newest = known.last().unwrap().clone();
        let more = (5001..=5200).map(|id| Numbered { id, ..newest.clone() });
        *news = News::of(known.into_iter().chain(more), Vec::new()).into();
    });
    assert!(read_until(&mut stream, &mut said, "\nid: 5200\n").await, "it is left behind");
    assert_eq!(said.matches("event: event\n").count(), 200);
}

#[tokio::test]
async fn the_events_end_with_the_controller() {
    let server = Server::of(world::report()).await;
    let (mut stream, _) = watch(&server).await;
    let address = server.address.clone();
    drop(server);
    let mut rest = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("an end");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_thousand_services_and_a_stack_of_three_hundred_can_be_read() {
    let server = Server::of(world::large(1000, 1)).await;
    let first = server.get("/").await;
    assert!(first.body.len() < 100_000, "{} bytes", first.body.len());
    assert!(first.body.contains("stack-0099") && !first.body.contains("stack-0100"));
    assert!(server.get("/?page=10").await.body.contains("stack-0999"));
    let found = server.get("/?q=STACK-0512").await.body;
    assert!(found.contains("stack-0512") && !found.contains("stack-0001"));
    let server = Server::of(world::large(1, 300)).await;
    let stack = server.get("/stacks/stack-0000").await.body;
    assert!(stack.contains("service-299") && stack.len() < 300_000, "{} bytes", stack.len());
}
