//! Caddy as a part of the Swarm, as `examples/stacks/caddy` has it: services are reached through it, and cannot reach what
//! programs it.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::stage::{Run, Stage, changes};

/// Ports that nothing else in the tests publishes.
const HTTP: &str = "18480";
const HTTPS: &str = "18443";

/// A service that can ask others, with a route of its own.
const NEIGHBOUR: &str = "
services:
  web:
    image: skep-demo/caddy:2.11
    command: [caddy, respond, --listen, ':8080', hello from next door]
    networks: [proxy]
    deploy: *quick
    x-skep:
      routes: [{ host: next.localhost, port: 8080, lb: tasks, tls: internal }]
networks: { proxy: { external: true, name: %caddy_public } }
x-skep: { depends_on: [%caddy] }
";

/// The example stacks `caddy` and `site` on an engine, and a neighbour of the site.
struct Site<'e> {
    engine: &'e Engine,
    stage: Stage<'e>,
    options: Vec<String>,
    address: String,
}

impl<'e> Site<'e> {
    fn on(engine: &'e Engine) -> Self {
        let stage = Stage::on(engine);
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stacks");
        for (stack, file) in
            [("caddy", "stack.yaml"), ("caddy", "base.json"), ("site", "stack.yaml")]
        {
            stage.file(stack, file, fs::read(examples.join(stack).join(file)).unwrap());
        }
        stage.stack("next", NEIGHBOUR);
        let root = engine.docker(&["info", "--format", "{{.DockerRootDir}}"]);
        let volume = stage.name("caddy_admin");
        let caddy = format!("unix://{}/volumes/{volume}/_data/admin.sock", root.trim());
        let stack = format!("CADDY_STACK={}", stage.name("caddy"));
        let [http, https] = [("HTTP_PORT", HTTP), ("HTTPS_PORT", HTTPS)]
            .map(|(name, port)| format!("{name}={port}"));
        let options = ["--caddy", &caddy, "--var", &stack, "--var", &http, "--var", &https];
        let options = options.map(str::to_owned).to_vec();
        let address = env::var("SKEP_TEST_ADDRESS").unwrap();
        Self { engine, stage, options, address }
    }

    fn options(&self) -> Vec<&str> {
        self.options.iter().map(String::as_str).collect()
    }

    /// What a client gets who asks Caddy for a host and path.
    fn get(&self, host: &str, path: &str) -> Option<String> {
        let resolve = format!("{host}:{HTTPS}:{}", self.address);
        let url = format!("https://{host}:{HTTPS}{path}");
        let options = ["--silent", "--insecure", "--max-time", "5", "--resolve", &resolve];
        let mut curl = Command::new("curl");
        curl.args(options).args(["--write-out", " %{http_code}", &url]);
        let answer = curl.output().unwrap();
        answer.status.success().then(|| String::from_utf8(answer.stdout).unwrap())
    }

    /// What `skep routes` says, by host and path.
    fn routes(&self) -> Vec<Value> {
        let entry = format!("{}:{HTTPS}", self.address);
        let options = [
            &["routes", "--path", "stacks", "--format", "json", "--entry", &entry][..],
            &self.options(),
        ];
        let run = self.stage.skep(&options.concat());
        let routes: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        routes["routes"].as_array().unwrap().clone()
    }

    /// The container of a service's only task.
    fn container(&self, service: &str) -> String {
        let label = format!("label=com.docker.swarm.service.name={}", self.stage.name(service));
        eventually(30, "a container runs", || {
            let listed = self.engine.docker(&["ps", "--quiet", "--filter", &label]);
            listed.lines().next().map(str::to_owned)
        })
    }

    /// What becomes of a request from inside a container.
    fn ask_from(&self, container: &str, url: &str) -> Run {
        let arguments = ["exec", container, "wget", "--quiet", url];
        Run::of(self.engine.command(&arguments).output().unwrap(), &arguments)
    }
}

#[test]
fn services_are_reached_through_a_caddy_of_the_swarm_and_cannot_reach_what_programs_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let site = Site::on(&engine);
    site.stage.apply_well(&site.options());
    assert_eq!(changes(&site.stage.plan(&site.options())).len(), 0);

    let hello = site.get("site.localhost", "/").unwrap();
    assert!(hello.contains("hello from behind Caddy") && hello.ends_with(" 200"), "{hello}");
    let next = site.get("next.localhost", "/").unwrap();
    assert_eq!(next, "hello from next door 200");
    assert!(site.get("www.site.localhost", "/a").unwrap().ends_with(" 308"));
    // What is the admin API's elsewhere is the service's here, or nobody's.
    let config = site.get("site.localhost", "/config/").unwrap();
    assert!(!config.contains("apps"), "{config}");

    for route in site.routes() {
        assert_eq!(route["state"], "live", "{route:#}");
        let issuer = route["certificate"]["issuer"].as_str().unwrap();
        assert!(issuer.starts_with("Caddy Local Authority"), "{route:#}");
        assert!(route.get("service").is_none() || route["health"] == "Healthy", "{route:#}");
    }
    assert_eq!(site.routes().len(), 4);

    // The network is there, Caddy answers on it, and nothing but its entry points does.
    let neighbour = site.container("next_web");
    let caddy = format!("tasks.{}", site.stage.name("caddy_caddy"));
    site.ask_from(&neighbour, &format!("http://{caddy}:80/")).ends(1, &["answers 404"]);
    for port in [2019, 2020] {
        let asked = site.ask_from(&neighbour, &format!("http://{caddy}:{port}/config/"));
        asked.ends(1, &["refused"]);
    }
    let mounts = engine.docker(&["inspect", "--format", "{{json .Mounts}}", &neighbour]);
    assert_eq!(mounts.trim(), "[]");

    // A Caddy that dies comes up again with its routes; nobody had to write them.
    let before = site.container("caddy_caddy");
    engine.docker(&["kill", "--signal", "KILL", &before]);
    eventually(60, "Caddy answers again", || {
        site.get("next.localhost", "/").filter(|answer| answer.ends_with(" 200"))
    });
    assert_ne!(site.container("caddy_caddy"), before);
    assert_eq!(changes(&site.stage.plan(&site.options())).len(), 0);
}
