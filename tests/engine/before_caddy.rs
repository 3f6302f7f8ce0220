//! Ways to a real Caddy from a real engine: what is asked on them, who else is on them, and with which certificates.

use std::fs;
use std::time::{Duration, Instant};

use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::caddy::{Caddy, Setup, free_port};
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::identity::Identity;
use crate::proxy::Proxy;
use crate::routes::{routes, settings, shop};
use crate::running::Running;
use crate::stage::Stage;

/// A stack of nothing but a route.
fn signs(host: &str) -> String {
    format!(
        "services: {{}}\nx-skep: {{ routes: [{{ host: {host}, http_only: true, respond: sign }}] }}\n"
    )
}

fn hosts(caddy: &Caddy, runtime: &tokio::runtime::Runtime) -> Vec<String> {
    let live = runtime.block_on(caddy.live());
    let mut hosts: Vec<String> = live.routes().map(|(id, _)| id.key.host.to_string()).collect();
    hosts.sort();
    hosts
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

#[test]
fn a_pass_without_change_asks_caddy_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    let runtime = runtime();
    let Some(caddy) = runtime.block_on(Caddy::start(json!({}))) else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, ""));
    let proxy = Proxy::before(&format!("unix://{}/admin.sock", caddy.folder().display()));
    let direct = format!("unix://{}/admin.sock", caddy.folder().display());
    let settings = settings(&caddy).replace(&direct, &proxy.url);
    fs::write(stage.folder().join("skep.yaml"), &settings).unwrap();
    stage.apply_well(&["-c", "skep.yaml"]);
    let asked = || -> Vec<(Method, String)> {
        proxy.calls().into_iter().map(|call| (call.method, call.path)).collect()
    };
    let writes = asked().iter().filter(|(method, _)| *method != Method::GET).count();
    assert_eq!(writes, 1, "{:?}", asked());
    let one = [(Method::GET, "/config/".to_owned())];
    for arguments in [
        &["plan", "stacks", "-c", "skep.yaml", "--resolve-image", "never"][..],
        &["apply", "stacks", "-c", "skep.yaml", "--resolve-image", "never", "--yes"],
    ] {
        proxy.forget();
        stage.skep(arguments).ends(0, &["No changes."]);
        assert_eq!(asked(), one, "{arguments:?}");
    }
    let text =
        format!("sources: [{{name: cli, path: stacks}}]\nresolve_image: never\n{settings}\n");
    fs::write(stage.folder().join("skep.yaml"), text).unwrap();
    proxy.forget();
    let begun = Instant::now();
    let mut controller = Running::spawn(&stage, stage.command(&["run", "-vv", "-c", "skep.yaml"]));
    controller.says(&format!("stack {} is Ready", stage.name("shop")));
    let passes = || controller.report()["passes"].as_u64().unwrap();
    for _ in 0..8 {
        let before = passes();
        controller.signal(Signal::HUP);
        // Whatever else happens on the engine may be a reason of the same pass.
        eventually(20, "a pass is over", || (passes() > before).then_some(()));
    }
    eventually(10, "each pass has asked once", || {
        let (passes, asked) = (passes(), asked());
        assert!(passes >= 8 && asked.iter().all(|call| *call == one[0]), "{passes}: {asked:?}");
        // Beside passes, Caddy is asked each ten seconds whether it is still the same.
        let looks = u64::try_from(asked.len()).unwrap().checked_sub(passes);
        let most = 1 + begun.elapsed().as_secs() / 10;
        looks.is_some_and(|looks| (1..=most).contains(&looks)).then_some(())
    });
}

#[test]
fn two_sources_have_their_routes_in_one_caddy_and_one_that_drops_its_stack_leaves_the_other() {
    let Some(engine) = Engine::of_this_run() else { return };
    let runtime = runtime();
    let Some(caddy) = runtime.block_on(Caddy::start(json!({}))) else { return };
    let stage = Stage::on(&engine);
    for (source, host) in [("one", "one.example.com"), ("two", "two.example.com")] {
        let folder = stage.folder().join(source).join(stage.name(source));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("stack.yaml"), signs(host)).unwrap();
        let kept = stage.folder().join(source).join(stage.name(&format!("{source}kept")));
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("stack.yaml"), signs(&format!("kept.{host}"))).unwrap();
    }
    let text = format!(
        "sources: [{{name: one, path: one}}, {{name: two, path: two}}]\nprune: true\nprune_stacks: true\nresolve_image: never\n{}\n",
        settings(&caddy)
    );
    fs::write(stage.folder().join("skep.yaml"), text).unwrap();
    let _controller = Running::spawn(&stage, stage.command(&["run", "-vv", "-c", "skep.yaml"]));
    let all =
        ["kept.one.example.com", "kept.two.example.com", "one.example.com", "two.example.com"];
    eventually(60, "all routes are there", || (hosts(&caddy, &runtime) == all).then_some(()));
    fs::remove_dir_all(stage.folder().join("one").join(stage.name("one"))).unwrap();
    let left = [all[0], all[1], all[3]];
    eventually(60, "the route of the vanished stack is gone", || {
        (hosts(&caddy, &runtime) == left).then_some(())
    });
}

#[test]
fn a_port_that_is_taken_for_a_while_is_tried_again_by_itself() {
    let Some(engine) = Engine::of_this_run() else { return };
    let runtime = runtime();
    let Some((caddy, taken)) = runtime.block_on(Caddy::without_its_port()) else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("signs", &signs("sign.example.com"));
    let text = format!(
        "sources: [{{name: cli, path: stacks}}]\nresolve_image: never\n{}\n",
        settings(&caddy)
    );
    fs::write(stage.folder().join("skep.yaml"), text).unwrap();
    let mut controller = Running::spawn(&stage, stage.command(&["run", "-vv", "-c", "skep.yaml"]));
    controller.says("address already in use");
    controller.forget();
    controller.says("address already in use");
    drop(taken);
    eventually(60, "the route is there", || {
        (hosts(&caddy, &runtime) == ["sign.example.com"]).then_some(())
    });
}

#[test]
fn routes_are_shown_from_a_caddy_that_wants_a_certificate() {
    let Some(engine) = Engine::of_this_run() else { return };
    let runtime = runtime();
    let port = free_port();
    let own = Identity::new();
    let admin = own.lets_in(port);
    let Some(caddy) = runtime.block_on(Caddy::with(Setup { admin, ..Setup::default() })) else {
        return;
    };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, ""));
    let folder = stage.folder();
    let root = caddy.folder().join("data/caddy/pki/authorities/local/root.crt");
    let root = eventually(20, "Caddy has its authority", || fs::read(&root).ok());
    fs::write(folder.join("ca.pem"), root).unwrap();
    fs::write(folder.join("skep.pem"), own.certificate).unwrap();
    fs::write(folder.join("skep-key.pem"), own.key).unwrap();
    let tls = "tls: {ca_file: ca.pem, cert_file: skep.pem, key_file: skep-key.pem}";
    let direct = format!("unix://{}/admin.sock", caddy.folder().display());
    let remote = settings(&caddy).replace(&direct, &format!("https://localhost:{port}"));
    let with = remote.replacen("proxy: {", &format!("proxy: {{{tls}, "), 1);
    fs::write(folder.join("skep.yaml"), with).unwrap();
    let entry = format!("127.0.0.1:{}", caddy.https);
    let shown =
        ["routes", "--path", "stacks", "-c", "skep.yaml", "--format", "json", "--entry", &entry];
    // The certificate of the admin API comes once Caddy is up.
    eventually(20, "Caddy answers with a certificate", || {
        (!stage.skep(&shown).stdout.contains("problem")).then_some(())
    });
    stage.apply_well(&["-c", "skep.yaml"]);
    let live = runtime.block_on(caddy.live());
    assert_eq!(routes(&live).len(), 1);
    // And so does that of the route.
    eventually(20, "the certificate of the route is shown", || {
        let run = stage.skep(&shown);
        let found: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        assert_eq!(found["routes"][0]["state"], "live", "{run}");
        let issuer = found["routes"][0]["certificate"]["issuer"].as_str()?;
        assert!(issuer.starts_with("Caddy Local Authority"), "{run}");
        Some(())
    });

    // Without the certificate nobody is let in, and says so.
    fs::write(folder.join("skep.yaml"), remote).unwrap();
    let run = stage.skep(&[&shown[..], &["--exit-code"]].concat());
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("cannot read the configuration of Caddy"), "{run}");
}

#[test]
fn an_entry_point_that_is_not_there_is_told_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    let runtime = runtime();
    let Some(caddy) = runtime.block_on(Caddy::start(json!({}))) else { return };
    let stage = Stage::on(&engine);
    let more = "x-skep: { routes: [{ host: a.example.com, respond: a }, { host: b.example.com, respond: b }] }\n";
    stage.exact_stack("signs", &format!("services: {{}}\n{more}"));
    fs::write(stage.folder().join("skep.yaml"), settings(&caddy)).unwrap();
    stage.apply_well(&["-c", "skep.yaml"]);
    let dead = format!("127.0.0.1:{}", free_port());
    let arguments =
        ["routes", "-c", "skep.yaml", "--path", "stacks", "--entry", &dead, "--exit-code"];
    let begun = Instant::now();
    let run = stage.skep(&arguments);
    run.ends(4, &["2 routes: 2 live", "No certificate was looked at", "--entry says where"]);
    assert_eq!(run.stdout.matches(&dead).count(), 1, "{run}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
