//! Requests and open connections through a Caddy of the Swarm, while what is behind it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::front::Front;
use crate::stage::Stage;

const PORT: u16 = 18490;

const SHOP: &str = "
services:
  web:
    image: skep-demo/web:VERSION
    networks: [public]
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms, timeout: 2s, retries: 3, start_period: 5s }
    stop_grace_period: 10s
    deploy:
      replicas: REPLICAS
      update_config: { order: start-first, parallelism: 1, monitor: 1s }
    x-skep: { routes: [{ host: shop.example.com, http_only: true, port: 8080, lb: tasks }] }
networks: { public: { external: true, name: '%front_public' } }
";

const ELSEWHERE: &str = "
x-skep: { routes: [{ host: else.example.com, http_only: true, respond: elsewhere }] }
services:
  idle: { image: 'skep-demo/web:1', deploy: { replicas: 0 } }
";

const SOCKETS: usize = 200;

/// Opens a connection to Caddy and asks for a path of the shop.
fn ask(path: &str, headers: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((env::var("SKEP_TEST_ADDRESS").unwrap(), PORT))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: shop.example.com\r\n{headers}\r\n\r\n")?;
    Ok(stream)
}

/// One request; an empty answer is one that Caddy did not begin.
fn request() -> io::Result<String> {
    let mut answer = String::new();
    ask("/", "Connection: close")?.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Fifty requests a second.
struct Load {
    is_enough: Arc<AtomicBool>,
    sending: JoinHandle<Vec<io::Result<String>>>,
}

impl Load {
    fn start() -> Self {
        let is_enough = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_enough);
        let sending = thread::spawn(move || {
            let begun = Instant::now();
            let mut under_way = Vec::new();
            for number in 0_u32.. {
                let due = begun + Duration::from_millis(20) * number;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                under_way.push(thread::spawn(request));
            }
            under_way.into_iter().map(|request| request.join().unwrap()).collect()
        });
        Self { is_enough, sending }
    }

    /// Ends it; every request got its answer.
    fn lost_nothing(self) -> usize {
        self.is_enough.store(true, Ordering::Relaxed);
        let answers = self.sending.join().unwrap();
        let is_well = |answer: &&io::Result<String>| {
            answer.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
        };
        let lost: Vec<_> = answers.iter().filter(|answer| !is_well(answer)).collect();
        assert!(lost.is_empty(), "{} of {}: {:?}", lost.len(), answers.len(), lost.first());
        answers.len()
    }
}

/// A connection that stays open, as a `WebSocket` does, and the task at its end.
struct Socket {
    stream: TcpStream,
    task: String,
}

impl Socket {
    fn open() -> Self {
        let mut stream = ask("/socket", "Connection: Upgrade\r\nUpgrade: echo").unwrap();
        let head = until(&mut stream, b"\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let task = until(&mut stream, b"\n").unwrap();
        Self { stream, task }
    }

    fn is_open(&mut self) -> bool {
        let sent = self.stream.write_all(b"hello\n");
        sent.is_ok() && until(&mut self.stream, b"\n").is_ok_and(|line| line == "hello\n")
    }
}

/// What comes until these bytes.
fn until(stream: &mut TcpStream, end: &[u8]) -> io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        bytes.extend(byte);
    }
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// How many of these connections are open, by task.
fn open(sockets: &mut [Socket]) -> BTreeMap<String, (usize, usize)> {
    let mut tasks: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for socket in sockets {
        let (open, all) = tasks.entry(socket.task.clone()).or_default();
        *open += usize::from(socket.is_open());
        *all += 1;
    }
    tasks
}

#[test]
fn an_update_loses_no_request_and_a_task_that_stops_takes_only_its_own_connections() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let front = Front::apply(&stage, PORT);
    let etag = || front.live().map(|live| live.etag);
    let shop = |version: &str, replicas: &str| {
        stage.stack("shop", &SHOP.replace("VERSION", version).replace("REPLICAS", replicas));
        stage.apply_well(&["-c", "skep.yaml"]);
    };
    shop("1", "3");
    let configured = etag();

    let load = Load::start();
    shop("2", "3");
    let sent = load.lost_nothing();
    assert!(sent > 100, "{sent}");
    assert_eq!(etag(), configured, "an update of the service is none of Caddy's");

    // The last one of the old tasks may still be about to stop.
    let mut sockets = eventually(60, "three tasks take all connections", || {
        let sockets: Vec<Socket> = (0..SOCKETS).map(|_| Socket::open()).collect();
        let tasks: BTreeSet<&str> = sockets.iter().map(|socket| socket.task.as_str()).collect();
        (tasks.len() == 3).then_some(sockets)
    });
    let load = Load::start();
    shop("2", "2");
    load.lost_nothing();
    let after = eventually(30, "one task is gone", || {
        let open = open(&mut sockets);
        open.values().any(|(open, _)| *open == 0).then_some(open)
    });
    let whole = after.values().filter(|(open, all)| open == all).count();
    assert_eq!(whole, 2, "{after:?}");

    stage.stack("else", ELSEWHERE);
    stage.apply_well(&["-c", "skep.yaml"]);
    assert_ne!(etag(), configured);
    assert_eq!(open(&mut sockets), after);
}
