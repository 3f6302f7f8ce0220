//! Docker's client: a second opinion on stack files that needs no engine.

#![expect(
    clippy::expect_used,
    reason = "a client that is there and does not work has failed the test"
)]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Deserializer, Value};

/// The newest of docker's schemas, which the client has inside.
const SCHEMA: &str = "\"id\": \"config_schema_v3.13.json\"";

/// The client that `SKEP_DOCKER` names, else the one in `PATH`; without one, says that the test is skipped.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn client() -> Option<PathBuf> {
    let named = env::var_os("SKEP_DOCKER").map(PathBuf::from);
    let found = || {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).map(|folder| folder.join("docker")).find(|file| file.is_file())
    };
    let client = named.or_else(found);
    if client.is_none() {
        eprintln!("skipped: no docker client; SKEP_DOCKER names one");
    }
    client
}

/// `docker stack config --compose-file`, about to be given a file; `None` without a client.
pub(crate) fn stack_config() -> Option<Command> {
    let mut command = Command::new(client()?);
    command.args(["stack", "config", "--compose-file"]).stdin(Stdio::null());
    Some(command)
}

/// The schema that the client checks stack files with; `None` without a client.
pub(crate) fn schema() -> Option<Value> {
    let program = fs::read(client()?).expect("docker's client");
    let text = String::from_utf8_lossy(&program);
    let id = text.find(SCHEMA).expect("docker's client has its schemas inside");
    let start = text[..id].rfind('{').expect("it begins before its id");
    let schema = Deserializer::from_str(&text[start..]).into_iter().next();
    Some(schema.expect("a schema").expect("JSON"))
}
