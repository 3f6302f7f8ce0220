//! The one program inside the demo and test images: a web server with its own health check, and short-lived roles.
//!
//! ```text
//! web              serve until SIGTERM
//! web healthcheck  exit 0 if the server of this container is healthy, else 1
//! web job          print, wait $SECONDS (default 0), exit 0
//! web crash        complain, exit 3
//! web sleep        do nothing until SIGTERM
//! ```
//!
//! Environment: `PORT` (default 8080), `MESSAGE`, `GREETING_FILE` (a file whose text is shown, for configs and
//! secrets), `FAIL_HEALTH=1` (`/healthz` answers 503), `START_DELAY` (seconds before it listens).
//! Only the standard library, so that `scripts/images` can build it with `rustc` alone.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
        "serve" => serve(),
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
            eprintln!("web: unknown role {other:?}: serve, healthcheck, job, crash or sleep");
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

fn serve() -> io::Result<()> {
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
                if let Err(error) = answer(stream) {
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

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(DRAIN))?;
    let mut request = BufReader::new(&stream).take(16 * 1024);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (status, body) = match first.split(' ').nth(1) {
        Some("/healthz") if env::var("FAIL_HEALTH").as_deref() == Ok("1") => {
            ("503 Service Unavailable", "unhealthy\n".to_owned())
        }
        Some("/healthz") => ("200 OK", "ok\n".to_owned()),
        Some("/") => ("200 OK", front_page()),
        Some(_) => ("404 Not Found", "nothing here\n".to_owned()),
        None => ("400 Bad Request", "not HTTP\n".to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

/// `web 1 on 3f2a: hello`, then the text of `GREETING_FILE`.
fn front_page() -> String {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let greeting = env::var("GREETING_FILE").ok().map(|path| match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => format!("{path}: {error}\n"),
    });
    format!(
        "web {VERSION} on {}: {}\n{}",
        host.trim(),
        message().trim(),
        greeting.unwrap_or_default()
    )
}

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
