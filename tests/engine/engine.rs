//! The engine under test, and the docker client as the second opinion on it.

use std::env;
use std::process::{Command, Output};

use skep::swarm::{Connection, Endpoint, Surroundings};

/// Where `scripts/test` says an engine is.
pub(crate) struct Engine {
    /// URL such as `unix:///…/docker.sock`.
    pub(crate) url: String,
    client: String,
}

impl Engine {
    /// The engine in `SKEP_TEST_ENGINE`; without one, says that the test is skipped.
    pub(crate) fn of_this_run() -> Option<Self> {
        let Ok(url) = env::var("SKEP_TEST_ENGINE") else {
            eprintln!("skipped: SKEP_TEST_ENGINE names no engine; scripts/test brings one up");
            return None;
        };
        Some(Self::at(url))
    }

    /// The engine at `url`, a unix socket.
    pub(crate) fn at(url: String) -> Self {
        let client = env::var("SKEP_DOCKER").unwrap_or_else(|_| "docker".to_owned());
        Self { url, client }
    }

    /// The docker client.
    pub(crate) fn client(&self) -> &str {
        &self.client
    }

    /// Standard output of the docker client, which must succeed.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "docker {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The service `name`, which somebody creates with docker. `options` end with the image and what it is to do.
    pub(crate) fn docker_service(&self, name: &str, options: &[&str]) {
        let create = ["service", "create", "--detach", "--no-resolve-image", "--name", name];
        self.docker(&[&create, options].concat());
    }

    /// Standard output of the docker client if it succeeds.
    pub(crate) fn try_docker(&self, arguments: &[&str]) -> Option<String> {
        let output = self.run(arguments);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> Connection {
        connect(&self.url).await
    }

    /// The docker client, about to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        command.args(["--host", &self.url]).args(arguments).env_remove("DOCKER_CONTEXT");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output();
        output.unwrap_or_else(|error| panic!("cannot run {}: {error}", self.client))
    }
}

/// A connection to the engine at `url`.
pub(crate) async fn connect(url: &str) -> Connection {
    let endpoint = Endpoint::resolve(Some(url), &Surroundings::default()).unwrap();
    Connection::open(endpoint).await.unwrap()
}
