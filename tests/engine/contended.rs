//! Somebody else writes at the same time: nothing is lost, nobody fights for ever, and the run says so.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;

use crate::engine::Engine;
use crate::proxy::{Call, Proxy};
use crate::stage::{Run, Stage, changes};

/// A service that no test has to wait for.
const WEB: &str = "services: { web: { image: 'skep-demo/web:1', environment: { SIDE: TEXT }, deploy: { replicas: 0 } } }";

fn is_update(call: &Call) -> bool {
    let endpoint = call.endpoint();
    call.method == Method::POST
        && endpoint.starts_with("/services/")
        && endpoint.ends_with("/update")
}

/// How often the service was to be updated; what skep notes in its record is left out.
fn updates(proxy: &Proxy) -> usize {
    proxy.calls().iter().filter(|call| is_update(call)).count()
}

fn lists_services(call: &Call) -> bool {
    call.method == Method::GET && call.endpoint() == "/services"
}

/// What makes `SIDE` of the service `theirs`, as a person or another program would, and is counted.
fn other_writer(engine: &Engine, stage: &Stage<'_>) -> impl Fn() + Send + use<> {
    let (engine, service) = (Engine::at(engine.url.clone()), stage.name("shop_web"));
    move || {
        engine.docker(&["service", "update", "--detach", "--env-add", "SIDE=theirs", &service]);
    }
}

fn side(stage: &Stage<'_>) -> String {
    stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"][0].to_string()
}

/// A stage whose service is live with `SIDE=first` and declared with `SIDE=ours`.
fn stage<'e>(engine: &'e Engine, proxy: &Proxy) -> Stage<'e> {
    let mut stage = Stage::on(engine);
    stage.through(proxy);
    stage.stack("shop", &WEB.replace("TEXT", "first"));
    stage.apply_well(&[]);
    stage.stack("shop", &WEB.replace("TEXT", "ours"));
    proxy.forget();
    stage
}

#[test]
fn a_write_between_reading_and_writing_is_seen_and_not_overwritten_blindly() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = stage(&engine, &proxy);
    let (write, times) = (other_writer(&engine, &stage), AtomicUsize::new(0));
    proxy.inject(move |call| {
        if is_update(call) && times.fetch_add(1, Ordering::SeqCst) == 0 {
            write();
        }
        None
    });
    let run = stage.apply(&[]);
    run.ends(0, &["deferred", "changed by someone else since it was observed", "1 updated"]);
    assert_eq!(side(&stage), "\"SIDE=ours\"");
    assert_eq!(updates(&proxy), 2, "{run}");
}

#[test]
fn a_person_who_changes_a_service_in_the_middle_is_corrected_once_and_the_run_says_so() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = stage(&engine, &proxy);
    let (write, updates) = (other_writer(&engine, &stage), AtomicUsize::new(0));
    proxy.inject(move |call| {
        if is_update(call) {
            updates.fetch_add(1, Ordering::SeqCst);
        }
        // The first look after the first write.
        if lists_services(call) && updates.load(Ordering::SeqCst) == 1 {
            updates.store(2, Ordering::SeqCst);
            write();
        }
        None
    });
    let run = stage.apply(&[]);
    run.ends(0, &["again: somebody else changed it after this run", "2 updated"]);
    assert_eq!(side(&stage), "\"SIDE=ours\"");
}

#[test]
fn a_writer_who_always_writes_back_ends_the_run_with_both_values() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = stage(&engine, &proxy);
    let write = other_writer(&engine, &stage);
    proxy.inject(move |call| {
        if lists_services(call) {
            write();
        }
        None
    });
    let run = stage.apply(&[]);
    let words = [
        "held",
        "this run wrote it 2 times, and each time somebody else changed it again",
        "environment.SIDE is theirs, declared is ours",
        "x-skep.ignore",
    ];
    run.ends(5, &words);
    assert_eq!(updates(&proxy), 2, "{run}");
    proxy.inject(|_| None);
    assert_eq!(side(&stage), "\"SIDE=theirs\"", "the last word is theirs: {run}");
    stage.apply_well(&[]);
}

#[test]
fn a_writer_who_is_always_first_ends_the_run() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = stage(&engine, &proxy);
    let write = other_writer(&engine, &stage);
    proxy.inject(move |call| {
        if is_update(call) {
            write();
        }
        None
    });
    let run = stage.apply(&[]);
    run.ends(5, &["held", "somebody else wrote it first 5 times in a row"]);
    assert_eq!(side(&stage), "\"SIDE=theirs\"", "{run}");
}

/// Applies two revisions at once, `left` and `right`, which `declare` writes; each has files of its own.
fn at_once(stage: &Stage<'_>, declare: impl Fn(&str)) -> [Run; 2] {
    let started = ["left", "right"].map(|side| {
        declare(side);
        fs::rename(stage.stacks(), stage.stacks().with_file_name(side)).unwrap();
        fs::create_dir(stage.stacks()).unwrap();
        let arguments = ["apply", side, "--yes", "--resolve-image", "never"];
        let mut command = stage.command(&arguments);
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        (arguments, process)
    });
    started.map(|(arguments, process)| Run::of(process.wait_with_output().unwrap(), &arguments))
}

#[test]
fn two_first_runs_of_a_fleet_make_everything_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    for _ in 0..3 {
        let stage = Stage::on(&engine);
        let runs = at_once(&stage, |_| {
            stage.exact_stack(
                "shop",
                "
services:
  web: { image: 'skep-demo/web:1', networks: [a, b], configs: [plain], secrets: [key], deploy: { replicas: 0 } }
  once: { image: 'skep-demo/web:1', command: [job], networks: [host], deploy: { mode: replicated-job } }
networks: { a: {}, b: {}, host: { external: true, name: host } }
configs: { plain: { content: plain } }
secrets: { key: { file: key.txt } }
",
            );
            stage.file("shop", "key.txt", "key\n");
        });
        let both = format!("{}{}", runs[0], runs[1]);
        assert!(runs.iter().all(|run| run.code == 0), "{both}");
        let kinds = ["service", "network", "config", "secret"];
        assert_eq!(kinds.map(|kind| stage.names(kind).len()), [2, 2, 1, 1], "{both}");
        assert_eq!(stage.tasks("shop_once").len(), 1, "{both}");
        let web = stage.service("shop_web");
        assert!(web["PreviousSpec"].is_null(), "nothing was written twice: {both}");
    }
}

#[test]
fn two_runs_with_different_revisions_end_with_one_of_them_whole() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    let stack = "
services:
  web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, environment: { SIDE: TEXT }, configs: [plain], deploy: { <<: *quick, labels: { side: TEXT } } }
configs: { plain: { content: TEXT } }
";
    stage.stack("shop", &stack.replace("TEXT", "first"));
    stage.apply_well(&[]);
    proxy.forget();
    let begun = Instant::now();
    let runs = at_once(&stage, |side| stage.stack("shop", &stack.replace("TEXT", side)));
    let both = format!("{}{}", runs[0], runs[1]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{both}");
    // Whoever does not get its way says so; nobody fails for another reason.
    for run in &runs {
        assert!(run.code == 0 || (run.code == 5 && run.text().contains("somebody else")), "{both}");
    }
    assert!(runs.iter().any(|run| run.code == 0), "{both}");
    let updates =
        proxy.writes().iter().filter(|call| call.endpoint().contains("/services/")).count();
    assert!(updates <= 6, "{updates} updates: {both}");
    // The end is one revision, not a mixture.
    let spec = &stage.service("shop_web")["Spec"];
    let label = spec["Labels"]["side"].as_str().unwrap().to_owned();
    assert_eq!(side(&stage), format!("\"SIDE={label}\""), "{both}");
    let arguments = ["plan", label.as_str(), "--resolve-image", "never", "--format", "json"];
    let plan = serde_json::from_str(&stage.skep(&arguments).stdout).unwrap();
    assert_eq!(changes(&plan).len(), 0, "{both}");
}
