//! Engines that are not there, or that cannot be used.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use insta::assert_snapshot;

use crate::program::World;

const WEB: &str = "services:\n  web:\n    image: nginx:1.27\n";

#[test]
fn an_engine_that_is_not_there_is_named_with_who_named_it() {
    let world = World::new().file("shop/stack.yaml", WEB);
    assert_snapshot!(world.run(&["plan", "shop"]));
    let flag = ["plan", "shop", "--host", "unix:///elsewhere.sock"];
    assert_snapshot!("by_flag", world.run(&flag));
    for arguments in [
        &["apply", "shop", "--yes"] as &[&str],
        &["status"],
        &["observe"],
        &["retry", "shop"],
        &["plan", "shop", "--host", "tcp://127.0.0.1:1"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran}");
        assert!(ran.stderr.contains("no engine listens at"), "{arguments:?}: {ran}");
    }
}

#[test]
fn addresses_that_make_no_sense_are_explained() {
    let world = World::new().file("shop/stack.yaml", WEB);
    assert_snapshot!("address_scheme", world.run(&["plan", "shop", "--host", "ftp://x"]));
    assert_snapshot!("address_ssh", world.run(&["plan", "shop", "--host", "ssh://root:hunter2@x"]));
    let mut command = world.command(&["plan", "shop"]);
    let command = command.env_remove("DOCKER_HOST").env("DOCKER_CONTEXT", "moon");
    let ran = world.finish(command);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("docker has no context \"moon\""), "{ran}");
}

/// Answers as an engine does that takes no part in a swarm.
fn answer(mut stream: UnixStream) {
    let mut request = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut request) {
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        let (status, body) = if request.contains("/_ping") {
            ("200 OK", "OK")
        } else if request.contains("/version") {
            ("200 OK", r#"{"Version":"28.5.2","ApiVersion":"1.51"}"#)
        } else {
            let words = r#"{"message":"This node is not a swarm manager. Use docker swarm init"}"#;
            ("503 Service Unavailable", words)
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nApi-Version: 1.51\r\nServer: Docker/28.5.2 (linux)\r\n\
             Date: Sat, 21 Nov 2026 06:00:00 GMT\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn an_engine_that_is_no_manager_says_what_to_do() {
    let world = World::new().file("shop/stack.yaml", WEB);
    let listener = UnixListener::bind(world.path("docker.sock")).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    let host = format!("unix://{}", world.path("docker.sock").display());
    let ran = world.run(&["plan", "shop", "--host", &host]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("not a swarm manager"), "{ran}");
    assert!(ran.stderr.contains("hint: ask a manager of the swarm"), "{ran}");
}

#[test]
fn a_recording_that_is_none_is_refused() {
    let world = World::new().file("shop/stack.yaml", WEB).file("swarm.json", "{\"a\": 1}");
    let ran = world.run(&["plan", "shop", "--live", "swarm.json"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.starts_with("error: cannot read swarm.json"), "{ran}");
    let world = world.file("swarm.json", "{\"format_version\": 99}");
    let ran = world.run(&["plan", "shop", "--live", "swarm.json"]);
    assert!(ran.stderr.contains("format 99"), "{ran}");
}
