//! What waits for what.

use crate::model::desired::{Condition, Dependency};

use super::world::*;

fn needs(service: &str, condition: Condition) -> Dependency {
    Dependency { service: service.to_owned(), condition, place: place() }
}

#[test]
fn a_service_waits_for_the_job_that_it_needs() {
    let mut web = service("shop", "web");
    web.depends_on = vec![needs("shop_migrate", Condition::ServiceCompletedSuccessfully)];
    let mut world = World::declaring(vec![stack("shop", vec![web, job("shop", "migrate")])]);
    let passes = world.converge();
    assert_eq!(
        passes,
        [vec!["network shop_default", "service shop_migrate"], vec!["service shop_web"]]
    );
}

#[test]
fn a_dependency_that_fails_for_good_holds_its_dependents_only() {
    let mut web = service("shop", "web");
    web.depends_on = vec![needs("shop_db", Condition::ServiceHealthy)];
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "db")])]);
    world.stack("shop").services.extend([web, service("shop", "mail")]);
    world.live("shop_db").counts.running = 0;
    let waiting = world.plan();
    assert_eq!(
        outline(&waiting),
        ["create service shop_web [waits-for-health]", "create service shop_mail"]
    );
    assert!(waiting.is_waiting());
    world.live("shop_db").update = Some(crate::model::live::UpdateStatus {
        state: crate::model::live::UpdateState::Paused,
        started: None,
        completed: None,
        message: "update paused".to_owned(),
    });
    world.observed.workload = Some(crate::model::live::Workload::default());
    let held = world.plan();
    assert!(change(&held, "service shop_web").is_standing());
}

#[test]
fn an_unchanged_service_is_not_held_by_what_it_needs() {
    let mut web = service("shop", "web");
    web.depends_on = vec![needs("shop_db", Condition::ServiceHealthy)];
    let mut world = World::applied(vec![stack("shop", vec![web, service("shop", "db")])]);
    world.live("shop_db").counts.running = 0;
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn a_paused_stack_is_planned_and_not_written() {
    let mut world = World::declaring(vec![stack("shop", vec![service("shop", "web")])]);
    world.stack("shop").policy.paused = true;
    let plan = world.plan();
    assert_eq!(outline(&plan).len(), 2);
    assert!(plan.steps.is_empty() && !plan.is_waiting());
}

#[test]
fn a_port_of_another_service_is_found_before_swarm_refuses_it() {
    use crate::model::service::{EndpointSpec, PortConfig};
    let endpoint = || {
        Some(EndpointSpec {
            mode: "vip".to_owned(),
            ports: vec![PortConfig {
                protocol: "tcp".to_owned(),
                target_port: 80,
                published_port: 8080,
                publish_mode: "ingress".to_owned(),
                name: String::new(),
            }],
        })
    };
    let mut world = World::applied(vec![stack("blog", vec![service("blog", "web")])]);
    world.live("blog_web").spec.endpoint_spec = endpoint();
    world.declared("blog", "web").spec.endpoint_spec = endpoint();
    let mut web = service("shop", "web");
    web.spec.endpoint_spec = endpoint();
    // As the long form without a protocol has it.
    let ports = web.spec.endpoint_spec.iter_mut().flat_map(|endpoint| &mut endpoint.ports);
    ports.for_each(|port| port.protocol.clear());
    world.desired.stacks.insert("shop".parse().unwrap(), stack("shop", vec![web]));
    let plan = world.plan();
    assert!(outline(&plan).contains(&"create service shop_web [port-taken]".to_owned()));
}
