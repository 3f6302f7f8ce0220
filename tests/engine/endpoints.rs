//! Services of both endpoint modes behind a Caddy of the Swarm: where it dials them.

use std::path::Path;
use std::process::Command;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::front::Front;
use crate::stage::{Run, Stage};

const PORT: u16 = 18491;

const SHOP: &str = "
services:
  virtual:
    image: skep-demo/web:1
    networks: [public]
    deploy: { <<: *quick, endpoint_mode: vip }
    x-skep: { routes: [{ host: virtual.example.com, http_only: true, port: 8080 }] }
  turns:
    image: skep-demo/web:1
    networks: [public]
    deploy: { <<: *quick, endpoint_mode: dnsrr }
    x-skep: { routes: [{ host: turns.example.com, http_only: true, port: 8080 }] }
networks: { public: { external: true, name: '%front_public' } }
";

/// The status of an answer through Caddy.
fn status(host: &str) -> String {
    let address = std::env::var("SKEP_TEST_ADDRESS").unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    curl.args(["--max-time", "20", "--header", &format!("Host: {host}")]);
    let answer = curl.arg(format!("http://{address}:{PORT}/")).output().unwrap();
    String::from_utf8(answer.stdout).unwrap()
}

#[test]
fn a_virtual_address_is_dialled_where_a_service_has_one_and_its_tasks_where_it_has_none() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    Front::apply(&stage, PORT);
    stage.stack("shop", SHOP);
    stage.apply_well(&["-c", "skep.yaml"]);
    stage.apply_well(&["-c", "skep.yaml"]).ends(0, &["No changes."]);

    // A task that runs may listen a moment later.
    eventually(20, "a task answers", || (status("turns.example.com") == "200").then_some(()));
    let (service, network) = (stage.name("shop_virtual"), stage.name("front_public"));
    let id = engine.docker(&["network", "inspect", "--format", "{{.Id}}", &network]);
    let format = format!(
        "{{{{range .Endpoint.VirtualIPs}}}}{{{{if eq .NetworkID \"{}\"}}}}{{{{.Addr}}}}{{{{end}}}}{{{{end}}}}",
        id.trim()
    );
    let address = engine.docker(&["service", "inspect", "--format", &format, &service]);
    let (address, _) = address.split_once('/').unwrap();
    if Path::new("/proc/net/ip_vs").exists() {
        eventually(20, "it answers", || (status("virtual.example.com") == "200").then_some(()));
    } else {
        // A kernel without IPVS sends nothing on from there.
        assert_eq!(status("virtual.example.com"), "502");
        let log = ["service", "logs", &stage.name("front_caddy")];
        eventually(20, "Caddy says whom it has dialled", || {
            let log = Run::of(engine.command(&log).output().unwrap(), &log);
            log.text().contains(&format!("dial tcp {address}:8080: ")).then_some(())
        });
    }
}
