//! Nothing that a controller says to anybody holds a secret, however much is logged, and whatever goes wrong.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::Value;

use crate::canaries::Canary;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::http_servers::{HttpServer, Manners};
use crate::origin::Origin;
use crate::published::assert_published;
use crate::receiver::HttpReceiver;
use crate::running::Running;
use crate::stage::Stage;

const STACK: &str = "
services:
  web:
    image: skep-demo/web:TAG
    command: [COMMAND]
    environment: { DB_PASSWORD: 'VALUE' }
    secrets: [key]
    configs: [settings]
    stop_grace_period: 1s
    deploy: { <<: *quick, update_config: { monitor: 2s, failure_action: rollback, order: stop-first } }
secrets: { key: { file: key.txt } }
configs: { settings: { file: settings.ini } }
";

/// Everything secret of one revision.
struct Secrets {
    key: Canary,
    settings: Canary,
    password: Canary,
}

impl Secrets {
    fn new() -> Self {
        Self {
            key: Canary::new("the data of a secret"),
            settings: Canary::new("the data of a config"),
            password: Canary::new("the value of a variable"),
        }
    }

    fn all(self) -> [Canary; 3] {
        let Self { key, settings, password } = self;
        [key, settings, password]
    }

    fn push(&self, origin: &Origin, stage: &Stage<'_>, tag: &str, command: &str) {
        let folder = format!("stacks/{}", stage.name("shop"));
        let password = self.password.data.replace('\'', "''");
        let stack = STACK.replace("TAG", tag).replace("COMMAND", command);
        let stack = stage.quick(&stack.replace("VALUE", &password));
        origin.write(&format!("{folder}/stack.yaml"), stack);
        origin.write(&format!("{folder}/key.txt"), &self.key.data);
        origin.write(&format!("{folder}/settings.ini"), format!("word = {}", self.settings.data));
        origin.commit(tag);
    }
}

/// What is served at `path`.
fn served(stage: &Stage<'_>, path: &str) -> String {
    let mut stream = UnixStream::connect(stage.folder().join("http.sock")).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Every byte of the file of the history.
fn kept(stage: &Stage<'_>) -> String {
    let files =
        fs::read_dir(stage.folder().join("state")).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().contains("history"));
    let kept: Vec<u8> = files.flat_map(|path| fs::read(path).unwrap()).collect();
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(kept.contains("release-rolled-back"), "nothing is kept");
    kept
}

async fn nothing_gives_a_secret_away(form: &str) {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let origin = Origin::empty();
    let (first, second, third) = (Secrets::new(), Secrets::new(), Secrets::new());
    let (token, wrong) = (Canary::plain("the token"), Canary::plain("a wrong token"));
    let header = format!("Bearer {}", token.data);
    let manners = Manners { authorization: Some(header), ..Manners::default() };
    let hook = HttpReceiver::start().await;
    let server = HttpServer::tls(&origin, manners).await;
    fs::write(stage.folder().join("token"), &token.data).unwrap();
    first.push(&origin, &stage, "1", "sleep");
    let settings = format!(
        "sources:
  - name: main
    git: {{ url: '{}', path: stacks, bearer_token_file: token, ca_file: '{}' }}
status: {{ listen: 'unix://{}' }}
intervals: {{ poll: 10m, retry: 2s }}
notifications:
  group: 1s
  targets: [{{ name: hook, webhook: {{ url: '{}', key_file: token }} }}]
  routes: [{{ severity: info, to: [hook] }}]",
        server.url("stacks.git"),
        server.authority().unwrap().display(),
        stage.folder().join("http.sock").display(),
        hook.address,
    );
    let mut controller = Running::logging(&stage, &settings, form);
    let mut said = String::new();
    let mut sync = |words: &str| {
        let run = controller.ask(&["sync", "--wait", "--timeout", "60s"]);
        assert!(run.text().contains(words), "{run}\n{}", controller.log());
        said.push_str(&run.text());
        let report = controller.report();
        assert_published("report", &report);
        said.push_str(&report.to_string());
        for path in ["/healthz", "/readyz", "/metrics"] {
            said.push_str(&served(&stage, path));
        }
    };
    sync("controller runs for");
    // Everything rotates.
    second.push(&origin, &stage, "2", "sleep");
    sync("controller runs for");
    // A release that fails, and that Swarm rolls back.
    third.push(&origin, &stage, "3", "crash");
    sync("rolled");
    // With the mistake that follows the stack has no plan, and what is over before it is told is not told.
    eventually(20, "the rollback is told", || {
        format!("{:?}", hook.all()).contains("release-rolled-back").then_some(())
    });
    // A mistake beside a secret.
    let folder = format!("stacks/{}", stage.name("shop"));
    let broken = format!(
        "services: {{ web: {{ imgae: a, environment: {{ DB_PASSWORD: '{}', B: [x] }} }} }}",
        third.password.data.replace('\'', "''")
    );
    origin.write(&format!("{folder}/stack.yaml"), broken);
    origin.commit("broken");
    sync("imgae");
    // A login that is refused.
    fs::write(stage.folder().join("token"), &wrong.data).unwrap();
    sync("cannot be read");
    for what in ["events", "history"] {
        said.push_str(&controller.ask(&[what, "--format", "json"]).text());
    }
    let logs = controller.ask(&["logs", &stage.name("shop"), "--path", "stacks", "--tail", "50"]);
    said.push_str(&logs.text());
    // What was to be sent is sent at the end.
    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
    let sent = format!("{:?}", hook.all());
    assert!(sent.contains("release-rolled-back"), "{sent}");
    said.push_str(&sent);
    said.push_str(&kept(&stage));
    said.push_str(&controller.log());
    assert!(said.contains("engine call"), "the log is not as full as it can be");

    for canary in
        first.all().into_iter().chain(second.all()).chain(third.all()).chain([token, wrong])
    {
        canary.is_not_in(&said, "what a controller says");
        let basic = STANDARD.encode(format!(":{}", canary.data));
        assert!(!said.contains(&basic), "{basic}");
    }
    if form == "json" {
        told_of_where_it_happened(&controller.log(), &stage);
    }
}

/// Each line is JSON, and the one of a write says in which pass, for which source, at which revision, and with what.
fn told_of_where_it_happened(log: &str, stage: &Stage<'_>) {
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let object = format!("service {}", stage.name("shop_web"));
    let message = format!("updated {object}");
    let line = lines.iter().find(|line| line["fields"]["message"] == message.as_str()).unwrap();
    assert_eq!(line["level"], "INFO", "{line}");
    assert_eq!(line["fields"]["stack"], stage.name("shop"), "{line}");
    assert_eq!(line["fields"]["object"], object, "{line}");
    assert_eq!(line["fields"]["cause"], "git", "{line}");
    let spans = line["spans"].as_array().unwrap();
    let of = |name: &str| spans.iter().find(|span| span["name"] == name).unwrap();
    assert!(of("pass")["why"].as_str().unwrap().contains("revision"), "{line}");
    let source = spans.iter().find(|span| span["revision"].is_string()).unwrap();
    assert_eq!(source["revision"], line["fields"]["revision"], "{line}");
    // What the engine was asked for it is told with it, too.
    let is_call = |line: &&Value| {
        let spans = line["spans"].as_array().into_iter().flatten();
        let mut objects = spans.filter(|span| span["object"] == object.as_str());
        line["fields"]["message"] == "engine call" && objects.next().is_some()
    };
    assert!(lines.iter().any(|line| is_call(&line)), "no call tells of its object");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_said_in_lines_for_people() {
    nothing_gives_a_secret_away("text").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_said_in_lines_for_programs() {
    nothing_gives_a_secret_away("json").await;
}
