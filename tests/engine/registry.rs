//! Debian's docker-registry beside an engine, with a password; and what answers in its place when it is in trouble.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};

use tempfile::TempDir;

use crate::engine::Engine;
use crate::eventually::eventually;

/// The user of every registry here.
pub(crate) const USER: &str = "robot";
/// Its passwords, with what htpasswd makes of them.
pub(crate) const FIRST: (&str, &str) =
    ("first", "$2y$05$abcdefghijklmnopqrstuu3rQZA.e/048YzLTJ55aycWHfqo0a49W");
pub(crate) const SECOND: (&str, &str) =
    ("second", "$2y$05$abcdefghijklmnopqrstuuKbPhTOR7Pvo59BRa0eQ090CMHpax.C6");

/// Answers every request with 429 in the words of a registry, or takes it and says nothing.
const TROUBLE: &str = r#"
use IO::Socket::INET;
my ($port, $kind) = @ARGV;
my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Listen => 50, ReuseAddr => 1) or die $!;
$SIG{CHLD} = "IGNORE";
my $body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}';
while (1) {
  my $client = $listener->accept or next;
  if (fork) { close $client; next }
  close $listener;
  while (<$client>) { last if /^\r?$/ }
  if ($kind eq "silent") { 1 while <$client> } else {
    print $client "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n",
      "Content-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
  }
  exit;
}
"#;

/// How a registry is in trouble.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    TooManyRequests,
    Silent,
}

/// A registry that only this test has, on a loopback port of the engine's network namespace.
pub(crate) struct Registry<'e> {
    engine: &'e Engine,
    name: String,
    folder: TempDir,
    port: u32,
    child: Option<Child>,
    others: Vec<Child>,
}

impl<'e> Registry<'e> {
    /// Starts one beside `engine` that lets in [`USER`] with the first password.
    pub(crate) fn beside(engine: &'e Engine) -> Self {
        let name = name(engine);
        let folder = tempfile::tempdir().unwrap();
        let port = 20_000 + process::id() % 10_000;
        let mut registry = Self { engine, name, folder, port, child: None, others: Vec::new() };
        registry.let_in(FIRST);
        registry.revive();
        registry
    }

    /// Makes it answer under the same name beside another engine, too, as one registry that two nodes reach.
    pub(crate) fn also_beside(&mut self, engine: &Engine) {
        let config = self.folder.path().join("config.yml");
        let arguments = ["registry", &name(engine), config.to_str().unwrap()];
        let mut command = Command::new(script());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        self.others.push(command.spawn().unwrap());
        self.wait_for_login(engine);
    }

    /// Its name in images.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on only this password is right.
    pub(crate) fn let_in(&self, password: (&str, &str)) {
        let line = format!("{USER}:{}\n", password.1);
        fs::write(self.folder.path().join("htpasswd"), line).unwrap();
    }

    /// Stops it; what it holds stays.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again.
    pub(crate) fn revive(&mut self) {
        self.stop();
        let (folder, host) = (self.folder.path().display(), self.host());
        let config = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage:\n  filesystem: {{ rootdirectory: {folder}/data }}\n\
             http: {{ addr: '{host}' }}\nauth:\n  htpasswd: {{ realm: skep, path: {folder}/htpasswd }}\n"
        );
        let path = self.folder.path().join("config.yml");
        fs::write(&path, config).unwrap();
        self.child = Some(self.run("registry", &[path.to_str().unwrap()]));
        self.wait_for_login(self.engine);
    }

    /// Waits until `engine` gets an answer from it.
    fn wait_for_login(&self, engine: &Engine) {
        let host = self.host();
        let login = ["login", "--username", USER, "--password", FIRST.0, &host];
        let client = self.folder.path().join("client");
        let login: Vec<&str> =
            ["--config", client.to_str().unwrap()].into_iter().chain(login).collect();
        eventually(120, "the registry answers", || {
            // A wrong password is an answer, too.
            let output = engine.command(&login).output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.success() || words.contains("unauthorized")).then_some(())
        });
    }

    /// Puts something else in its place.
    pub(crate) fn trouble(&mut self, kind: Trouble) {
        self.stop();
        let path = self.folder.path().join("trouble.pl");
        fs::write(&path, TROUBLE).unwrap();
        let kind = match kind {
            Trouble::TooManyRequests => "429",
            Trouble::Silent => "silent",
        };
        let port = self.port.to_string();
        self.child = Some(self.run("exec", &["perl", path.to_str().unwrap(), &port, kind]));
        let look = format!("</dev/tcp/127.0.0.1/{port}");
        eventually(30, "something listens in the registry's place", || {
            let arguments = ["exec", &self.name, "bash", "-c", &look];
            let done = Command::new(script()).args(arguments).stderr(Stdio::null()).status();
            done.unwrap().success().then_some(())
        });
    }

    /// Docker's configuration folder after a login with the first password.
    pub(crate) fn docker_config(&self) -> String {
        self.folder.path().join("client").to_str().unwrap().to_owned()
    }

    /// Gives it a demo image under `path`, such as `team/web:1`, and returns the full name. The engine forgets it.
    pub(crate) fn push(&self, demo: &str, path: &str) -> String {
        let name = format!("{}/{path}", self.host());
        self.engine.docker(&["tag", demo, &name]);
        self.engine.docker(&["--config", &self.docker_config(), "push", "--quiet", &name]);
        self.forget(&name);
        name
    }

    /// Takes an image from the engine, so that the next task has to pull it.
    pub(crate) fn forget(&self, name: &str) {
        forget(self.engine, name);
    }

    /// Runs `scripts/engine` until it is stopped: something that listens on the registry's port.
    fn run(&self, verb: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new(script());
        command.args([verb, &self.name]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }
}

impl Drop for Registry<'_> {
    fn drop(&mut self) {
        self.stop();
        for mut other in self.others.drain(..) {
            drop(other.kill().and_then(|()| other.wait()));
        }
    }
}

/// Takes an image from `engine`, so that its next task has to pull it.
pub(crate) fn forget(engine: &Engine, name: &str) {
    let repository = name.rsplit_once(':').unwrap().0;
    let listed = engine.docker(&[
        "image",
        "ls",
        "--all",
        "--digests",
        "--filter",
        &format!("reference={repository}"),
        "--format",
        "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}",
    ]);
    for reference in listed.split_whitespace().filter(|name| !name.contains("<none>")) {
        engine.try_docker(&["image", "rm", "--force", reference]);
    }
}

/// The name of an engine of `scripts/engine`.
fn name(engine: &Engine) -> String {
    let socket = Path::new(engine.url.strip_prefix("unix://").unwrap());
    socket.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/engine")
}
