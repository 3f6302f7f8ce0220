//! The status page of a controller while it rolls a release out on a real Swarm, as a browser and a program see it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::caddy::Caddy;
use crate::driver::{Browser, Driver, Theme};
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::routes::{settings, shop};
use crate::running::Running;
use crate::stage::Stage;

/// Three tasks, of which one after the other is replaced, with time between to see it.
fn web(stage: &Stage<'_>, version: u32) {
    let text = format!(
        "
services:
  web:
    image: skep-demo/web:1
    command: [sleep]
    environment: {{ VERSION: '{version}' }}
    stop_grace_period: 1s
    deploy:
      replicas: 3
      update_config: {{ parallelism: 1, delay: 5s, monitor: 1s, order: stop-first }}
      restart_policy: {{ delay: 500ms }}
"
    );
    stage.stack("shop", &text);
}

/// A controller with a status page and these settings, and where the page is.
fn started<'s, 'e>(stage: &'s Stage<'e>, settings: &str) -> (Running<'s, 'e>, String) {
    let settings = format!(
        "sources: [{{name: main, path: stacks}}]\nintervals: {{poll: 1s, retry: 2s}}\n\
         resolve_image: never\nstatus: {{ listen: '127.0.0.1:0' }}\n{settings}\n"
    );
    fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
    let command = stage.command(&["run", "-vv", "-c", "skep.yaml"]);
    let controller = Running::spawn(stage, command);
    let address = eventually(20, "it serves its page", || {
        let log = controller.log();
        let (_, rest) = log.split_once("metrics on ")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    (controller, address)
}

fn get(address: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// Listens to the news: whatever happens after this is told.
fn news(address: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut news = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(news.read_line(&mut line).unwrap() > 0, "there are no news");
    }
    news
}

/// The next thing of this kind that is told.
fn told(news: &mut BufReader<TcpStream>, kind: &str) -> Value {
    let mut line = String::new();
    let mut is_next = false;
    loop {
        line.clear();
        assert!(news.read_line(&mut line).unwrap() > 0, "the news ended");
        match line.strip_prefix("data: ") {
            Some(data) if is_next => return serde_json::from_str(data).unwrap(),
            _ => is_next |= line.trim_end() == format!("event: {kind}"),
        }
    }
}

/// How the tasks are that are to run, as the API has it.
fn states(address: &str, service: &str) -> Vec<String> {
    let view = get(address, &format!("/api/v1/services/{service}"));
    let tasks = view["tasks"].as_array().unwrap().iter();
    let wanted = tasks.filter(|task| task["desired"] == "running" || task["desired"] == "ready");
    wanted.map(|task| task["state"].as_str().unwrap().to_owned()).collect()
}

/// Notes every state of a task that is ever shown, without the page being loaded again.
const WATCH: &str = "
    window.seen = new Set();
    const note = () => {
      for (const one of document.querySelectorAll('.places li')) window.seen.add(one.title);
    };
    new MutationObserver(note).observe(document.getElementById('main'),
      { subtree: true, childList: true, attributes: true, characterData: true });
    note();";

async fn browser(driver: Option<&Driver>) -> Option<Browser> {
    Some(driver?.browser(Theme::Light, (1280, 900)).await)
}

async fn look(browser: &Browser, address: &str, path: &str) {
    browser.0.goto(&format!("http://{address}{path}")).await.unwrap();
    browser.until("document.getElementById('live').textContent === 'Live'").await;
    browser.run(WATCH).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_is_seen_while_it_goes_on_also_by_who_comes_in_the_middle() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    web(&stage, 1);
    let (mut controller, address) = started(&stage, "");
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    let (stack, service) = (stage.name("shop"), stage.name("shop_web"));
    assert_eq!(states(&address, &service), ["running"; 3]);

    let driver = Driver::start();
    let path = format!("/stacks/{stack}");
    // A browser takes its time to start, in which a rollout may be over.
    let (first, second) = (browser(driver.as_ref()).await, browser(driver.as_ref()).await);
    if let Some(first) = &first {
        look(first, &address, &path).await;
    }
    let mut listening = news(&address);
    web(&stage, 2);
    let mut conditions = Vec::new();
    let begun = Instant::now();
    let mut in_between = Vec::new();
    let mut was_rolling = false;
    while conditions.last() != Some(&json!("Ready")) {
        assert!(begun.elapsed() < Duration::from_secs(120), "{conditions:?}");
        let change = told(&mut listening, "change");
        conditions.extend(change["conditions"].get(&stack).cloned());
        in_between.extend(states(&address, &service));
        let view = get(&address, &format!("/api/v1/stacks/{stack}"));
        let state = view["services"][0]["state"].as_str().unwrap();
        if !was_rolling && state.starts_with("rolling (") {
            was_rolling = true;
            // Whoever loads the page now begins in the middle.
            if let Some(second) = &second {
                look(second, &address, &path).await;
            }
        }
    }
    assert_eq!(conditions, ["Progressing", "Ready"]);
    assert!(was_rolling, "it was never rolling");
    assert!(in_between.iter().any(|state| state != "running"), "{in_between:?}");
    assert_eq!(states(&address, &service), ["running"; 3]);
    for browser in [first, second].into_iter().flatten() {
        browser.until("document.querySelector('.lead .chips').textContent.includes('Ready')").await;
        browser
            .until(
                "document.querySelectorAll('.places li').length === 3 && \
                 [...document.querySelectorAll('.places li')].every((one) => one.title === 'running')",
            )
            .await;
        let seen = browser.run("return [...window.seen]").await;
        let seen = seen.as_array().unwrap();
        assert!(seen.len() > 1 && seen.contains(&json!("running")), "{seen:?}");
        assert_eq!(browser.console().await, Vec::<String>::new());
        browser.0.close().await.unwrap();
    }
    // What has happened is there for who comes later.
    let history = get(&address, "/api/v1/history");
    let kinds = history["events"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.filter(|of| of["stack"] == *stack).map(|of| &of["kind"]).collect();
    assert_eq!(kinds, ["release-healthy", "release-started", "release-healthy", "release-started"]);
    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_is_shown_with_the_health_of_its_service_and_the_certificate_of_its_host() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, ""));
    let (mut controller, address) = started(&stage, &settings(&caddy));
    let route = eventually(90, "the certificate was seen", || {
        let route = get(&address, "/api/v1/routes")["routes"][0].clone();
        route["certificate"]["expires"].is_string().then_some(route)
    });
    assert_eq!((&route["host"], &route["state"]), (&json!("shop.example.com"), &json!("live")));
    let service = stage.name("shop_web");
    assert_eq!((&route["service"], &route["health"]), (&json!(service), &json!("Healthy")));
    let issuer = route["certificate"]["issuer"].as_str().unwrap();
    assert!(issuer.starts_with("Caddy Local Authority"), "{route:#}");
    assert!(route["certificate"]["problem"].is_null(), "{route:#}");
    let stack = get(&address, &format!("/api/v1/stacks/{}", stage.name("shop")));
    assert_eq!(stack["routes"], json!([route]));
    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
}

#[test]
fn a_service_is_traced_to_its_line_and_the_status_is_shown_again_and_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    web(&stage, 1);
    let (mut controller, _) = started(&stage, "");
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    let (stack, service) = (stage.name("shop"), stage.name("shop_web"));
    let text = fs::read_to_string(stage.path("shop", "stack.yaml")).unwrap();
    let line = |words: &str| 1 + text.lines().position(|line| line.contains(words)).unwrap();
    let place = |words: &str| format!("stack.yaml:{}:", line(words));
    let run = controller.ask(&["trace", &service]);
    run.ends(
        0,
        &[
            &format!("service {service}  Synced  Healthy"),
            &place("  web:"),
            &place("image:"),
            &place("replicas:"),
            "runs       skep-demo/web:1",
            "source     main",
            &format!("stack      {stack} Ready for"),
        ],
    );
    let run = controller.ask(&["trace", &format!("{stack}/web"), "--format", "json"]);
    let traced: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    assert_eq!(traced["place"]["line"], line("  web:"));
    assert!(traced["fields"].as_array().unwrap().len() > 5, "{run}");
    controller.ask(&["trace", "nobody"]).ends(1, &["there is no service \"nobody\""]);

    // It goes on until nobody reads any more.
    let mut command = stage.command(&["status", "--watch"]);
    command.env("XDG_RUNTIME_DIR", stage.folder()).stdout(Stdio::piped());
    let mut watching = command.spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = |words: &str| lines.find(|line| line.as_ref().unwrap().contains(words)).unwrap();
    next("1 stack").unwrap();
    next(&service).unwrap();
    web(&stage, 2);
    next("rolling").unwrap();
    next("3/3").unwrap();
    drop(lines);
    let code = eventually(20, "it ends when nobody reads", || watching.try_wait().unwrap());
    assert_eq!(code.code(), Some(0));

    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
    controller.ask(&["trace", &service]).ends(1, &["no controller listens at"]);
}

#[test]
fn logs_are_followed_also_those_of_a_terminal() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "talk",
        "
services:
  plain:
    image: skep-demo/web:1
    command: [sleep]
    deploy: *quick
  terminal:
    image: skep-demo/web:1
    command: [sleep]
    tty: true
    deploy: *quick
",
    );
    stage.skep(&["apply", "stacks", "--yes", "--resolve-image", "never"]).ends(0, &[]);
    for service in ["plain", "terminal"] {
        let target = format!("{}/{service}", stage.name("talk"));
        let mut command: Command = stage.command(&["logs", &target, "-f"]);
        let mut following = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
        let mut next = || {
            let line = lines.next().unwrap().unwrap();
            let (who, said) = line.split_once(" | ").unwrap();
            assert!(who.starts_with(service), "{line}");
            assert_eq!(said, "web 1: asleep", "{service}");
        };
        next();
        // Each task writes it once: this is of another one, which began meanwhile.
        let name = format!("{}_{service}", stage.name("talk"));
        engine.docker(&["service", "update", "--detach", "--no-resolve-image", "--force", &name]);
        next();
        drop(lines);
        following.kill().unwrap();
        following.wait().unwrap();
    }
}

#[test]
fn a_secret_shows_neither_half_where_docker_cuts_a_line() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    // `web 1: job ` and this are 16 KiB and half of the secret.
    let long = "x".repeat(16 * 1024 - 20);
    let text = "
x-job: &job
  image: skep-demo/web:1
  command: [job]
  environment: { DB_PASSWORD: hunter-of-two-lions, MESSAGE: LONGhunter-of-two-lions }
  deploy: { mode: replicated-job, restart_policy: { condition: none } }
services:
  plain: *job
  terminal: { <<: *job, tty: true }
";
    stage.stack("talk", &text.replace("LONG", &long));
    stage.apply_well(&[]);
    let name = stage.name("talk");
    for service in ["plain", "terminal"] {
        let target = format!("{name}/{service}");
        let said = eventually(20, "it has said everything", || {
            let run = stage.skep(&["logs", &target]);
            run.ends(0, &[]);
            run.text().contains("job done").then(|| run.text())
        });
        let masked = format!(" | web 1: job {long}(sensitive) starts\n");
        assert!(said.contains(&masked), "{service}: {}", said.replace(&long, "…"));
    }
}
