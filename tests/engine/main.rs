//! Tests against a real Docker engine, which `scripts/test` brings up.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]
#![expect(
    clippy::similar_names,
    reason = "an observer and what it observed are called so everywhere"
)]

mod actuate;
mod alike;
mod api;
mod bad_input;
mod before_caddy;
mod behind_caddy;
mod between;
mod both_ways;
mod bystanders;
#[path = "../caddy/caddy.rs"]
#[expect(dead_code, reason = "the tests of Caddy alone need more of it")]
mod caddy;
mod canaries;
mod cluster;
mod collection;
mod contended;
mod controller;
mod controller_bench;
mod controller_canaries;
mod controller_cuts;
mod controller_directory;
mod controller_git;
mod controller_moves;
mod controller_news;
mod controller_page;
mod controller_people;
mod controller_signals;
mod controller_soak;
mod crash;
mod demo;
mod downtime;
mod drift;
#[path = "../page/driver.rs"]
#[expect(dead_code, reason = "the tests of the page need more of it")]
mod driver;
mod endpoints;
mod engine;
mod eventually;
mod examples;
mod facts;
mod failures;
mod faults;
mod floors;
mod front;
#[path = "../generated/mod.rs"]
mod generated;
mod generated_like_docker;
#[path = "../sources/http_servers.rs"]
#[expect(dead_code, reason = "the tests of sources need more of it")]
mod http_servers;
mod idempotence;
#[path = "../caddy/identity.rs"]
#[expect(dead_code, reason = "the tests of Caddy alone need more of it")]
mod identity;
mod interactive;
mod issuers;
mod killed;
mod like_docker;
mod managers;
mod nodes;
mod normal;
mod observe;
mod order;
#[path = "../sources/origin.rs"]
#[expect(dead_code, reason = "the tests of sources need more of it")]
mod origin;
mod over_ssh;
mod over_tls;
mod own;
mod ownership;
mod picked_like_docker;
mod proxy;
mod pruning;
#[path = "../published/mod.rs"]
mod published;
mod raw;
#[path = "../library/receiver.rs"]
#[expect(dead_code, reason = "the tests of messages need more of it")]
mod receiver;
mod recreation;
mod refused_by_the_engine;
mod refused_like_docker;
mod registries;
mod registry;
mod remove;
mod restarts;
mod rotation;
mod routed_traffic;
mod routes;
mod running;
mod saved_plans;
mod scratch;
#[path = "../sources/server.rs"]
#[expect(dead_code, reason = "the tests of sources need more of it")]
mod server;
mod settings;
#[path = "../sources/ssh_servers.rs"]
#[expect(dead_code, reason = "the tests of sources need more of it")]
mod ssh_servers;
mod stage;
mod still;
mod supersede;
mod terminal;
mod transport;
mod victim;
mod world;

use engine::Engine;

#[test]
fn the_engine_is_a_swarm_manager_and_has_the_demo_images() {
    let Some(engine) = Engine::of_this_run() else { return };
    assert_eq!(engine.docker(&["info", "--format", "{{.Swarm.ControlAvailable}}"]), "true\n");
    for tag in ["1", "2", "3"] {
        let image = format!("skep-demo/web:{tag}");
        assert_eq!(
            engine.docker(&["image", "inspect", "--format", "{{.Config.Entrypoint}}", &image]),
            "[/web]\n"
        );
    }
}
