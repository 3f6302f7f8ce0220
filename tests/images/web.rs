//! The one program inside the demo and test images: a web server with its own health check, and short-lived roles.
//!
//! ```text
//! web              serve until SIGTERM
//! web healthcheck  exit 0 if the server of this container is healthy, else 1
//! web job          print, wait $SECONDS (default 0), exit 0
//! web crash        complain, exit 3
//! web sleep        do nothing until SIGTERM
//! web database     serve GET, PUT and POST (add one) of /NAME, kept in files of $DATA_DIR (default /data)
//! web load         ask $TARGET (`host:port`) $RATE (default 50) times a second, each time at an address resolved afresh;
//!                  serve what became of it at / (`sent 500, failed 0`, then a line for each failure)
//! web migrate      bring the schema in $DATABASE up to $SCHEMA, exit 0; no patience: without a database, exit 1
//! ```
//!
//! Environment: `PORT` (default 8080), `MESSAGE`, `GREETING_FILE` (a file whose text is shown, for configs and
//! secrets), `FAIL_HEALTH=1` (`/healthz` answers 503), `START_DELAY` (seconds before it listens), `TOKEN_FILE` (a file
//! with the token that `/admin` and a database ask for as `Authorization: Bearer …`, and that clients of a database
//! show), `DATABASE` (`host:port`; the page counts visits there, and `/healthz` answers 503 while its schema is older
//! than `SCHEMA`).
//! Only the standard library, so that `scripts/images` can build it with `rustc` alone.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Set at build time, so that two tags of the image differ.
const VERSION: &str = match option_env!("WEB_VERSION") {
    Some(version) => version,
    None => "0",
};

/// How long a request that runs at SIGTERM may still take.
const DRAIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let role = env::args().nth(1).unwrap_or_else(|| "serve".to_owned());
    let done = match role.as_str() {
        "serve" => serve(answer),
        "database" => serve(answer_from_files),
        "migrate" => migrate(),
        "load" => load(),
        "healthcheck" => return healthcheck(),
        "job" => {
            println!("web {VERSION}: job {}starts", message());
            thread::sleep(seconds("SECONDS"));
            println!("web {VERSION}: job done");
            Ok(())
        }
        "crash" => {
            eprintln!("web {VERSION}: crashed because it was told to");
            return ExitCode::from(3);
        }
        "sleep" => {
            println!("web {VERSION}: asleep");
            let stop = stop_on_sigterm();
            wait_for(&stop);
            Ok(())
        }
        other => {
            eprintln!("web: unknown role {other:?}: see tests/images/web.rs");
            return ExitCode::from(64);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web {VERSION}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn port() -> u16 {
    env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080)
}

fn seconds(variable: &str) -> Duration {
    Duration::from_secs(env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// `MESSAGE` with a space behind it, or nothing.
fn message() -> String {
    env::var("MESSAGE").map(|text| format!("{text} ")).unwrap_or_default()
}

/// What is read of a request.
struct Request {
    method: String,
    path: String,
    token: Option<String>,
    body: String,
}

/// Status line without the protocol, and body.
type Reply = (&'static str, String);

fn serve(answer: fn(&Request) -> Reply) -> io::Result<()> {
    let stop = stop_on_sigterm();
    thread::sleep(seconds("START_DELAY"));
    let listener = TcpListener::bind(("0.0.0.0", port()))?;
    println!("web {VERSION}: listening on port {}", port());

    let open = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&open);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            counter.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                if let Err(error) = converse(stream, answer) {
                    eprintln!("web {VERSION}: {error}");
                }
                counter.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });

    wait_for(&stop);
    let deadline = Instant::now() + DRAIN;
    while open.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    println!("web {VERSION}: drained");
    Ok(())
}

fn converse(mut stream: TcpStream, answer: fn(&Request) -> Reply) -> io::Result<()> {
    stream.set_read_timeout(Some(DRAIN))?;
    let (status, body) = match read_request(&stream)? {
        Some(request) if request.path == "/healthz" => health(),
        Some(request) if request.path == "/socket" => return echo(stream),
        Some(request) => answer(&request),
        None => ("400 Bad Request", "not HTTP\n".to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

/// Speaks a protocol of its own from now on, as after the handshake of a WebSocket: its host, then whatever it is sent,
/// until it is to stop.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    write!(stream, "{head}{}\n", host.trim())?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut bytes = [0; 1024];
    while !STOP.load(Ordering::SeqCst) {
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => stream.write_all(&bytes[..count])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn read_request(stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream).take(16 * 1024);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut token, mut length) = (None, 0);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
        line.clear();
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    let mut words = first.split(' ').map(str::to_owned);
    Ok(words.next().zip(words.next()).map(|(method, path)| Request { method, path, token, body }))
}

fn health() -> Reply {
    if env::var("FAIL_HEALTH").as_deref() == Ok("1") {
        return ("503 Service Unavailable", "unhealthy\n".to_owned());
    }
    let Ok(database) = env::var("DATABASE") else { return ("200 OK", "ok\n".to_owned()) };
    match schema(&database) {
        Ok(schema) if schema >= wanted_schema() => ("200 OK", "ok\n".to_owned()),
        Ok(schema) => {
            ("503 Service Unavailable", format!("schema {schema}, wanted {}\n", wanted_schema()))
        }
        Err(error) => ("503 Service Unavailable", format!("{database}: {error}\n")),
    }
}

fn answer(request: &Request) -> Reply {
    match request.path.as_str() {
        "/" => front_page(),
        "/admin" if token().is_none() => ("404 Not Found", "nothing here\n".to_owned()),
        "/admin" if request.token == token() => ("200 OK", "welcome\n".to_owned()),
        "/admin" => ("401 Unauthorized", "wrong token\n".to_owned()),
        _ => ("404 Not Found", "nothing here\n".to_owned()),
    }
}

/// `web 1 on 3f2a: hello`, then the text of `GREETING_FILE` and what `DATABASE` says.
fn front_page() -> Reply {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let mut page = format!("web {VERSION} on {}: {}\n", host.trim(), message().trim());
    if let Ok(path) = env::var("GREETING_FILE") {
        page += &fs::read_to_string(&path).unwrap_or_else(|error| format!("{path}: {error}\n"));
    }
    if let Ok(database) = env::var("DATABASE") {
        let seen = schema(&database)
            .and_then(|schema| Ok((schema, ask(&database, "POST", "/visits", "")?)));
        match seen {
            Ok((schema, visits)) => page += &format!("visit {visits}, schema {schema}\n"),
            Err(error) => return ("503 Service Unavailable", format!("{database}: {error}\n")),
        }
    }
    ("200 OK", page)
}

/// The text of `TOKEN_FILE`, read at every use.
fn token() -> Option<String> {
    let path = env::var("TOKEN_FILE").ok()?;
    // An unreadable file leaves a token that nobody has.
    Some(fs::read_to_string(path).map_or_else(|_| "\0".to_owned(), |text| text.trim().to_owned()))
}

// ---------------------------------------------------------------- database

/// Keeps one value at a time from being written twice.
static WRITING: Mutex<()> = Mutex::new(());

fn answer_from_files(request: &Request) -> Reply {
    if token().is_some() && request.token != token() {
        return ("401 Unauthorized", "wrong token\n".to_owned());
    }
    let name = request.path.trim_start_matches('/');
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return ("400 Bad Request", "a name is letters and digits\n".to_owned());
    }
    let folder = PathBuf::from(env::var("DATA_DIR").unwrap_or_else(|_| "/data".to_owned()));
    let file = folder.join(name);
    let _writing = WRITING.lock();
    let value = match request.method.as_str() {
        "GET" => fs::read_to_string(&file),
        "PUT" => store(&file, &request.body),
        "POST" => {
            let before = fs::read_to_string(&file).ok().and_then(|text| text.parse::<u64>().ok());
            store(&file, &(before.unwrap_or(0) + 1).to_string())
        }
        _ => return ("405 Method Not Allowed", "GET, PUT or POST\n".to_owned()),
    };
    match value {
        Ok(value) => ("200 OK", value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ("404 Not Found", "no such value\n".to_owned())
        }
        Err(error) => ("500 Internal Server Error", format!("{error}\n")),
    }
}

/// Writes `value` so that a crash leaves the old one or the new one, and gives it back.
fn store(file: &Path, value: &str) -> io::Result<String> {
    let part = file.with_extension("part");
    let mut open = fs::File::create(&part)?;
    open.write_all(value.as_bytes())?;
    open.sync_all()?;
    fs::rename(&part, file)?;
    Ok(value.to_owned())
}

fn migrate() -> io::Result<()> {
    let database = env::var("DATABASE").map_err(|_| io::Error::other("DATABASE is not set"))?;
    let wanted = wanted_schema();
    let mut schema = schema(&database)?;
    println!("web {VERSION}: schema {schema}, wanted {wanted}");
    while schema < wanted {
        thread::sleep(seconds("SECONDS"));
        schema += 1;
        ask(&database, "PUT", "/schema", &schema.to_string())?;
        println!("web {VERSION}: migrated to schema {schema}");
    }
    Ok(())
}

fn wanted_schema() -> u64 {
    env::var("SCHEMA").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The schema of a database; a new one has schema 0.
fn schema(database: &str) -> io::Result<u64> {
    match ask(database, "GET", "/schema", "") {
        Ok(text) => text.trim().parse().map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// The body of a database's answer.
fn ask(database: &str, method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(database)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let token = token().unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {database}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        Some("404") => Err(io::Error::new(io::ErrorKind::NotFound, body.trim())),
        _ => Err(io::Error::other(format!("{method} {path}: {status}"))),
    }
}

// ---------------------------------------------------------------- load

/// What became of the requests so far.
static OUTCOME: Mutex<(u64, Vec<String>)> = Mutex::new((0, Vec::new()));

/// How long a request of a load may take; a server drains for longer.
const PATIENCE: Duration = Duration::from_secs(3);

fn load() -> io::Result<()> {
    let target = env::var("TARGET").map_err(|_| io::Error::other("TARGET is not set"))?;
    let rate = env::var("RATE").ok().and_then(|rate| rate.parse().ok()).unwrap_or(50);
    let begun = Instant::now();
    thread::spawn(move || {
        for number in 0_u32.. {
            // By the clock, so that slow answers do not make it a lesser load.
            let due = begun + Duration::from_secs(1) * number / rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let target = target.clone();
            thread::spawn(move || {
                let at = begun.elapsed();
                let failure = request(&target, number).err();
                let mut outcome = OUTCOME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                outcome.0 += 1;
                outcome.1.extend(failure.map(|error| format!("after {at:?}: {error}")));
            });
        }
    });
    serve(|_| {
        let (sent, failures) = &*OUTCOME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let lines: String = failures.iter().map(|failure| format!("{failure}\n")).collect();
        ("200 OK", format!("sent {sent}, failed {}\n{lines}", failures.len()))
    })
}

/// One request on a connection of its own, at one of the addresses that the name has now.
fn request(target: &str, number: u32) -> io::Result<()> {
    let addresses: Vec<_> = target.to_socket_addrs()?.collect();
    let index = usize::try_from(number).unwrap_or(0) % addresses.len().max(1);
    let address = addresses.get(index).ok_or_else(|| io::Error::other("no address"))?;
    let failed = |error: io::Error| io::Error::other(format!("{address}: {error}"));
    let mut stream = TcpStream::connect_timeout(address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {target}\r\n\r\n").map_err(failed)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).map_err(failed)?;
    if reply.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(failed(io::Error::other(reply))) }
}

// ---------------------------------------------------------------- health and signals

fn healthcheck() -> ExitCode {
    let asked = || -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port()))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply.lines().next().unwrap_or_default().to_owned())
    };
    match asked() {
        Ok(status) if status.contains(" 200 ") => ExitCode::SUCCESS,
        Ok(status) => {
            println!("unhealthy: {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("unhealthy: {error}");
            ExitCode::FAILURE
        }
    }
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Arranges that SIGTERM (and ctrl-c) raise the flag that [`wait_for`] waits for.
fn stop_on_sigterm() -> &'static AtomicBool {
    extern "C" fn raise(_signal: i32) {
        STOP.store(true, Ordering::SeqCst);
    }
    // The standard library has no signals, and process 1 of a container ignores those it does not handle.
    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    }
    for number in [2, 15] {
        // SAFETY: `raise` only stores to an atomic, which a signal handler may do.
        unsafe { signal(number, raise) };
    }
    &STOP
}

fn wait_for(stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
}
