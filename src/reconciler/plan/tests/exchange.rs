//! Tests of services that take each other's published ports.

use crate::diff::document::{Effect, RolloutOrder};
use crate::model::desired::{Condition, Dependency, DesiredService, FieldPath};
use crate::model::live::{UpdateState, UpdateStatus};

use super::recreation::{publish, replacing};
use super::world::*;

fn publishing(stack: &str, key: &str, port: u32) -> DesiredService {
    let mut service = service(stack, key);
    publish(&mut service, port);
    service
}

/// Services of one stack that publish ports from 81 on, and are declared with the `next` ones.
fn shop(names: &[&str], next: &[u32]) -> World {
    let live = names.iter().zip(81..).map(|(name, port)| publishing("shop", name, port));
    let mut world = World::applied(vec![stack("shop", live.collect())]);
    let next = names.iter().zip(next).map(|(name, port)| publishing("shop", name, *port));
    world.stack("shop").services = next.collect();
    world
}

fn after(world: &mut World, dependent: &str, service: &str) {
    world.declared("shop", dependent).depends_on = vec![Dependency {
        service: service.to_owned(),
        condition: Condition::ServiceHealthy,
        place: place(),
    }];
}

fn ports(world: &mut World, service: &str) -> Vec<u32> {
    let endpoint = world.live(service).spec.endpoint_spec.as_ref().unwrap();
    endpoint.ports.iter().map(|port| port.published_port).collect()
}

#[test]
fn of_two_services_that_swap_their_ports_one_begins_once_that_is_allowed() {
    let mut world = shop(&["a", "b"], &[82, 81]);
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        [
            "update service shop_a [replace-not-allowed]",
            "update service shop_b [replace-not-allowed]"
        ]
    );
    assert!(plan.steps.is_empty() && !plan.is_waiting());
    let hold = &change(&plan, "service shop_a").holds[0];
    assert_eq!(
        hold.reason,
        "port 82/tcp is published by service shop_b, which waits for service shop_a in turn: one of \
         them would publish nothing for a moment"
    );
    assert_eq!(hold.unblock.as_deref(), Some("skep apply stacks --allow-replace"));

    world.policy = replacing();
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        ["update service shop_a [waits-for-object]", "update service shop_b"]
    );
    let first = change(&plan, "service shop_b");
    let order = RolloutOrder::StopFirst;
    let rolls = Effect::Rolls { tasks: 2, parallelism: 1, order, keep_serving: 1 };
    assert_eq!(first.effect, rolls, "its tasks go on, one after the other");
    let words = "gives up port 82/tcp first, publishes nothing instead until others moved, and rolls again then";
    assert!(first.notes.iter().any(|note| note == words), "{:?}", first.notes);
    world.perform(&plan);
    assert!(ports(&mut world, "shop_b").is_empty());
    assert_eq!(world.converge(), [["service shop_a"], ["service shop_b"]]);
    assert_eq!((ports(&mut world, "shop_a"), ports(&mut world, "shop_b")), (vec![82], vec![81]));
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn a_rollout_that_swarm_paused_is_not_resumed_to_give_up_a_port() {
    let mut world = shop(&["a", "b"], &[82, 81]);
    world.policy = replacing();
    let message = "update paused due to failure".to_owned();
    let state = UpdateState::Paused;
    world.live("shop_b").update =
        Some(UpdateStatus { state, started: None, completed: None, message });
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        [
            "update service shop_a [port-taken]",
            "update service shop_b [port-taken, rollout-paused]"
        ]
    );
    // Whatever cures it would come after the ports, so it has to come without them.
    let cure = change(&plan, "service shop_b").holds[1].unblock.as_deref();
    assert!(
        cure.is_some_and(|cure| cure.starts_with("release what cures it first, without the change")),
        "{cure:?}"
    );
    assert!(plan.steps.is_empty() && !plan.is_waiting());
}

#[test]
fn what_begins_goes_on_as_it_is_and_gets_its_release_later() {
    let mut world = shop(&["a", "b"], &[82, 81]);
    world.policy = replacing();
    let image = |world: &mut World, image: &str| {
        let web = world.declared("shop", "b");
        web.image = image.to_owned();
        let container = web.spec.task_template.container_spec.as_mut().unwrap();
        container.image = image.to_owned();
    };
    image(&mut world, "acme/web:2");
    world.perform(&world.plan());
    let runs = |world: &mut World| {
        let container = world.live("shop_b").spec.task_template.container_spec.clone();
        container.unwrap().image
    };
    assert_eq!(runs(&mut world), "acme/web:1");
    world.converge();
    assert_eq!(runs(&mut world), "acme/web:2");
}

#[test]
fn in_a_circle_of_three_and_between_stacks_one_is_enough() {
    let mut world = shop(&["a", "b", "c"], &[82, 83, 81]);
    world.policy = replacing();
    assert_eq!(
        world.converge(),
        [["service shop_c"], ["service shop_b"], ["service shop_a"], ["service shop_c"]]
    );

    let with = |shop: u32, blog: u32| {
        let one = |name, port| stack(name, vec![publishing(name, "web", port)]);
        vec![one("shop", shop), one("blog", blog)]
    };
    let mut world = World::applied(with(81, 82));
    for stack in with(82, 81) {
        world.desired.stacks.insert(stack.name.clone(), stack);
    }
    assert!(world.plan().steps.is_empty() && !world.plan().is_waiting());
    world.policy = replacing();
    assert_eq!(
        world.converge(),
        [["service shop_web"], ["service blog_web"], ["service shop_web"]]
    );
}

#[test]
fn who_waits_for_a_release_gives_it_the_port_that_it_takes() {
    // No exchange: the port moves from the dependent to what it depends on.
    let mut world = shop(&["web", "db"], &[83, 81]);
    after(&mut world, "web", "shop_db");
    assert!(world.plan().steps.is_empty() && !world.plan().is_waiting());
    world.policy = replacing();
    assert_eq!(world.converge(), [["service shop_web"], ["service shop_db"], ["service shop_web"]]);

    let mut world = shop(&["a", "b", "c"], &[82, 83, 81]);
    after(&mut world, "b", "shop_a");
    after(&mut world, "c", "shop_b");
    world.policy = replacing();
    let passes = world.converge();
    assert_eq!(passes[0], ["service shop_b", "service shop_c"]);
    assert_eq!(passes[1..], [["service shop_a"], ["service shop_b"], ["service shop_c"]]);
}

#[test]
fn nobody_begins_while_one_of_them_is_held() {
    let mut world = shop(&["a", "b"], &[82, 81]);
    world.policy = replacing();
    let object = change(&world.plan(), "service shop_a").object.clone();
    world.learned.refused_writes.insert(object, "no".to_owned());
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        ["update service shop_a [port-taken, write-refused]", "update service shop_b [port-taken]"]
    );
    let hold = &change(&plan, "service shop_b").holds[0];
    assert_eq!(hold.unblock.as_deref(), Some("end what holds service shop_a"));
    assert!(plan.steps.is_empty() && !plan.is_waiting());

    // Somebody else owns the ports of one, which then keeps them.
    let mut world = shop(&["a", "b"], &[82, 81]);
    world.policy = replacing();
    world.declared("shop", "a").ignore = vec![FieldPath("ports".to_owned())];
    assert_eq!(outline(&world.plan()), ["update service shop_b [port-taken]"]);
}
