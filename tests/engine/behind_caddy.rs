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

/// Ports that nothing else in the tests publishes, for HTTP and HTTPS.
const PORTS: [&str; 2] = ["18480", "18443"];
const OTHER_PORTS: [&str; 2] = ["18481", "18444"];

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
    /// Where the admin API of its Caddy is.
    caddy: String,
    options: Vec<String>,
    address: String,
    https: &'static str,
}

impl<'e> Site<'e> {
    fn on(engine: &'e Engine, [http, https]: [&'static str; 2]) -> Self {
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
        let [http, with_tls] = [("HTTP_PORT", http), ("HTTPS_PORT", https)]
            .map(|(name, port)| format!("{name}={port}"));
        let options = ["--caddy", &caddy, "--var", &stack, "--var", &http, "--var", &with_tls];
        let options = options.map(str::to_owned).to_vec();
        let address = env::var("SKEP_TEST_ADDRESS").unwrap();
        Self { engine, stage, caddy, options, address, https }
    }

    fn options(&self) -> Vec<&str> {
        self.options.iter().map(String::as_str).collect()
    }

    /// What a client gets who asks Caddy for a host and path.
    fn get(&self, host: &str, path: &str) -> Option<String> {
        let https = self.https;
        let resolve = format!("{host}:{https}:{}", self.address);
        let url = format!("https://{host}:{https}{path}");
        let options = ["--silent", "--insecure", "--max-time", "5", "--resolve", &resolve];
        let mut curl = Command::new("curl");
        curl.args(options).args(["--write-out", " %{http_code}", &url]);
        let answer = curl.output().unwrap();
        answer.status.success().then(|| String::from_utf8(answer.stdout).unwrap())
    }

    /// What `skep routes` says, by host and path.
    fn routes(&self) -> Vec<Value> {
        let entry = format!("{}:{}", self.address, self.https);
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
    let site = Site::on(&engine, PORTS);
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

#[test]
fn a_service_that_caddy_cannot_find_is_told_and_put_on_the_network_of_the_settings() {
    let Some(engine) = Engine::of_this_run() else { return };
    let site = Site::on(&engine, OTHER_PORTS);
    let lonely = NEIGHBOUR.replace("networks: [proxy]", "networks: [default]").replace(
        "networks: { proxy: { external: true, name: %caddy_public } }",
        "networks: { default: {} }",
    );
    site.stage.stack("next", &lonely);
    fs::remove_dir_all(site.stage.path("site", "")).unwrap();
    let run = site.stage.apply_well(&site.options());
    let caddy = site.stage.name("caddy_caddy");
    let told = format!("shares no network with {caddy}, the proxy, which will not find it");
    run.ends(0, &[&told]);
    let found = "hello from next door 200";
    assert_ne!(site.get("next.localhost", "/").as_deref(), Some(found));

    let network = site.stage.name("caddy_public");
    let settings = format!("proxy: {{admin: 'unix:///nowhere', network: {network}}}\n");
    fs::write(site.stage.folder().join("skep.yaml"), &settings).unwrap();
    let options = [&["-c", "skep.yaml"][..], &site.options()].concat();
    let plan = site.stage.plan(&options);
    let name = site.stage.name("next_web");
    let change = &changes(&plan)[&format!("service {name}")];
    assert_eq!(change["effect"]["kind"], "rolls", "{change:#}");
    assert!(!plan["findings"].to_string().contains("no-shared-network"), "{plan:#}");
    site.stage.apply_well(&options);
    eventually(30, "the service is found", || {
        site.get("next.localhost", "/").filter(|answer| answer == found)
    });
    assert_eq!(changes(&site.stage.plan(&options)).len(), 0);

    // The example says which service the proxy is: who shares a network with that one needs no other.
    site.stage.stack("next", NEIGHBOUR);
    site.stage.apply_well(&site.options());
    let elsewhere = settings.replace(&network, "elsewhere");
    fs::write(site.stage.folder().join("skep.yaml"), elsewhere).unwrap();
    assert_eq!(changes(&site.stage.plan(&options)).len(), 0);
    // And with its stack everything else would go, which nobody wants half.
    fs::remove_dir_all(site.stage.path("next", "")).unwrap();
    fs::remove_dir_all(site.stage.path("caddy", "")).unwrap();
    site.stage.clear("next");
    let before = site.stage.objects();
    let remove = ["remove", &site.stage.name("caddy"), "--yes", "--path", "stacks"];
    let run = site.stage.skep(&[&remove[..], &["--caddy", &site.caddy]].concat());
    run.ends(5, &["is skep's own proxy", "[self-protection]"]);
    assert_eq!(site.stage.objects(), before);
}
