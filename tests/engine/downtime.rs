//! No request is lost while a service is updated, be the new release good or bad.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::cluster::Cluster;
use crate::eventually::eventually;
use crate::stage::Stage;

/// What `docs/zero-downtime.md` asks for: three tasks, the new one first, a health check, and time to drain.
const WEB: &str = "
services:
  web:
    image: skep-demo/web:VERSION
    entrypoint: [/web]
    command: [COMMAND]
    networks: [front]
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms, timeout: 2s, retries: 3, start_period: 5s }
    stop_grace_period: 10s
    deploy:
      replicas: 3
      endpoint_mode: dnsrr
      update_config: { order: start-first, parallelism: 1, monitor: 2s, failure_action: rollback }
      rollback_config: { order: start-first, monitor: 1s }
      restart_policy: { delay: 500ms }
  load:
    image: skep-demo/web:1
    command: [load]
    environment: { TARGET: 'tasks.%shop_web:8080', RATE: '50' }
    networks: [front]
    ports: [{ target: 8080, published: 18080, mode: host }]
    depends_on: { web: { condition: service_healthy } }
    deploy: { <<: *quick, placement: { constraints: [node.hostname == test-one] } }
networks: { front: {} }
";

/// How many requests were sent, and what the load says of those that failed.
fn outcome(address: &str) -> Option<(u64, String)> {
    let mut stream = TcpStream::connect((address, 18080)).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, text) = answer.split_once("sent ")?;
    let (sent, failures) = text.split_once(", failed ")?;
    Some((sent.parse().ok()?, failures.to_owned()))
}

#[test]
fn no_request_fails_during_a_good_and_a_bad_update() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    let stack = |version: &str, command: &str| {
        stage.stack("shop", &WEB.replace("VERSION", version).replace("COMMAND", command));
    };
    stack("1", "serve");
    stage.apply_well(&[]);
    let address = cluster.address();
    let more = |than: u64| {
        eventually(30, "the load goes on", || {
            outcome(&address).filter(|(sent, _)| *sent >= than + 100)
        })
    };
    let (begun, failures) = more(0);
    assert_eq!(failures, "0\n", "before anything changed");

    stack("2", "serve");
    stage.apply_well(&[]);
    let (updated, failures) = more(outcome(&address).unwrap().0);
    assert!(updated - begun > 200, "{} requests", updated - begun);
    assert_eq!(failures, "0\n", "of {} during a good update", updated - begun);

    stack("3", "crash");
    stage.apply(&[]).ends(4, &["rolled back", "non-zero exit (3)"]);
    let (rolled_back, failures) = more(outcome(&address).unwrap().0);
    assert!(rolled_back - updated > 200, "{} requests", rolled_back - updated);
    assert_eq!(failures, "0\n", "of {} during a bad update", rolled_back - updated);
}
