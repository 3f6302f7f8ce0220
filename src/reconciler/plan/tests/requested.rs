//! The removal of a stack on request.

use crate::diff::document::{Cause, HoldCode};
use crate::model::labels;
use crate::model::live::{Task, TaskState, Workload};
use crate::model::mount::Mount;
use crate::model::task::NetworkAttachment;
use crate::reconciler::outcome::{Verdict, verdict};
use crate::reconciler::policy::{Policy, RemoveStack};

use super::world::*;

/// A shop, whose web needs its database, and another stack; nothing is declared, and the shop is to go.
fn world() -> World {
    let mut web = service("shop", "web");
    let condition = crate::model::desired::Condition::ServiceHealthy;
    web.depends_on = vec![crate::model::desired::Dependency {
        service: "shop_db".to_owned(),
        condition,
        place: place(),
    }];
    let mut shop = stack("shop", vec![service("shop", "db"), web]);
    shop.configs.push(config("shop", "app", "text"));
    let blog = stack("blog", vec![service("blog", "app")]);
    let mut world = World::declaring(vec![shop, blog]);
    world.converge();
    world.desired.stacks.clear();
    world.scope.whole = false;
    world.policy = Policy {
        remove: Some(RemoveStack { stack: "shop".parse().unwrap(), declared_in: None }),
        ..Policy::default()
    };
    world
}

fn lift(world: &mut World, code: HoldCode) {
    world.policy.unblocked.insert(format!("{code}:shop").parse().unwrap());
}

#[test]
fn a_stack_goes_in_reverse_order_and_others_stay() {
    let mut world = world();
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        [
            "remove service shop_web",
            "remove service shop_db [waits-for-tasks-gone]",
            "remove config shop_app-982d9e3e",
            "remove network shop_default [waits-for-tasks-gone]",
        ]
    );
    assert_eq!(change(&plan, "service shop_web").causes, [Cause::Manual]);
    assert_eq!(
        world.converge(),
        [
            vec!["service shop_web", "config shop_app-982d9e3e"],
            vec!["service shop_db"],
            vec!["network shop_default"]
        ]
    );
    assert_eq!(verdict(&world.plan()), Verdict::Done);
    assert_eq!(world.observed.services.len(), 1);
    let record = &world.observed.configs[0].spec.labels;
    assert!(!record.keys().any(|label| label.contains("shop")), "{record:?}");
}

#[test]
fn a_service_waits_until_the_tasks_of_those_that_need_it_are_gone() {
    let mut world = world();
    let web = world.live("shop_web").clone();
    let mut task = running(&web, 1, now());
    task.desired = TaskState::Remove;
    task.node_id = Some("n1".to_owned());
    let container = task.template.container_spec.as_mut().unwrap();
    container.labels.insert(labels::NAMESPACE.to_owned(), "shop".to_owned());
    let mut node = node();
    world.observed.services.retain(|live| live.spec.name != "shop_web");
    let workload = |task: &Task, node: &crate::model::live::Node| {
        Some(Workload { tasks: vec![task.clone()], nodes: vec![node.clone()] })
    };
    world.observed.workload = workload(&task, &node);
    let lines = outline(&world.plan());
    assert!(
        lines.contains(&"remove service shop_db [waits-for-tasks-gone]".to_owned()),
        "{lines:?}"
    );
    // Nobody reports from a node that is down.
    node.state = "down".to_owned();
    world.observed.workload = workload(&task, &node);
    let lines = outline(&world.plan());
    assert!(lines.contains(&"remove service shop_db".to_owned()), "{lines:?}");

    // Nothing else is left, and the stack is gone when that task is; whether Swarm has told it to stop or will.
    node.state = "ready".to_owned();
    world.observed.services.retain(|live| !live.spec.name.starts_with("shop_"));
    world.observed.networks.clear();
    world.observed.configs.retain(|config| !config.spec.name.starts_with("shop_"));
    world.observed.secrets.clear();
    for desired in [TaskState::Running, TaskState::Remove] {
        task.desired = desired;
        world.observed.workload = workload(&task, &node);
        let plan = world.plan();
        assert_eq!(outline(&plan), [""; 0]);
        assert_eq!(stack_holds(&plan), [HoldCode::WaitsForTasksGone]);
        assert!(plan.is_waiting());
    }
    task.state = TaskState::Shutdown;
    world.observed.workload = workload(&task, &node);
    assert!(stack_holds(&world.plan()).is_empty() && !world.plan().is_waiting());
}

#[test]
fn labels_that_need_each_other_in_a_circle_stop_nothing() {
    let mut world = world();
    let label = labels::DEPENDS_ON.to_owned();
    world.live("shop_db").spec.labels.insert(label, "shop_web".to_owned());
    assert_eq!(
        world.converge()[0],
        ["service shop_db", "service shop_web", "config shop_app-982d9e3e"]
    );
}

#[test]
fn a_stack_of_another_source_goes_although_its_tasks_use_what_it_has() {
    let mut world = world();
    world.scope.source = "elsewhere".parse().unwrap();
    let tasks = world.observed.services.iter().map(|live| running(live, 1, now())).collect();
    world.observed.workload = Some(Workload { tasks, nodes: vec![node()] });
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), []);
    assert!(plan.steps.iter().any(|step| step.object.name == "shop_web"));
}

#[test]
fn a_stack_that_is_still_declared_stays() {
    let mut world = world();
    let asked = world.policy.remove.as_mut().unwrap();
    asked.declared_in = Some("stacks/shop/stack.yaml".to_owned());
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardStillDeclared]);
    assert!(plan.steps.is_empty() && verdict(&plan) == Verdict::Blocked);
    lift(&mut world, HoldCode::GuardStillDeclared);
    assert_eq!(world.converge().len(), 3);
}

#[test]
fn a_stack_of_which_others_use_something_stays_and_lifted_only_that_does() {
    let mut world = world();
    world.live("blog_app").spec.task_template.networks.push(NetworkAttachment {
        target: "shop_default".to_owned(),
        ..NetworkAttachment::default()
    });
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardInUse]);
    assert!(plan.steps.is_empty());
    lift(&mut world, HoldCode::GuardInUse);
    assert_eq!(world.converge().len(), 2);
    assert_eq!(world.observed.networks.len(), 2);
}

#[test]
fn a_stack_that_another_one_needs_stays_until_that_is_said_again() {
    let mut world = world();
    let label = labels::DEPENDS_ON.to_owned();
    world.live("blog_app").spec.labels.insert(label, "stack shop".to_owned());
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardInUse]);
    assert!(plan.steps.is_empty());
    lift(&mut world, HoldCode::GuardInUse);
    assert_eq!(world.converge().len(), 3);
}

#[test]
fn what_is_protected_or_skep_itself_holds_the_whole_stack() {
    for (label, value, code) in [
        (labels::PROTECT, "true", HoldCode::Protected),
        (labels::ROLE, "controller", HoldCode::SelfProtection),
    ] {
        let mut world = world();
        world.live("shop_web").spec.labels.insert(label.to_owned(), value.to_owned());
        let plan = world.plan();
        assert_eq!(stack_holds(&plan), [code]);
        assert!(plan.steps.is_empty());
    }
}

#[test]
fn a_stack_of_docker_or_of_another_fleet_is_refused_and_single_strangers_stay() {
    let mut world = world();
    for live in &mut world.observed.services {
        live.spec.labels.retain(|label, _| label == labels::NAMESPACE);
    }
    world.observed.configs.truncate(1);
    world.observed.networks.clear();
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::NotAdopted]);
    assert_eq!(verdict(&plan), Verdict::Blocked);
    for live in &mut world.observed.services {
        live.spec.labels.insert(labels::FLEET.to_owned(), "blue".to_owned());
    }
    assert_eq!(stack_holds(&world.plan()), [HoldCode::ForeignObject]);

    let mut world = self::world();
    world.live("shop_db").spec.labels.remove(labels::FLEET);
    lift(&mut world, HoldCode::GuardInUse);
    assert_eq!(world.plan().document.findings.len(), 1);
    world.converge();
    let left: Vec<&str> =
        world.observed.services.iter().map(|live| live.spec.name.as_str()).collect();
    assert_eq!(left, ["blog_app", "shop_db"]);
}

#[test]
fn volumes_stay_and_are_named_with_their_nodes_unless_others_use_them() {
    let mut world = world();
    let mount = |source: &str| Mount {
        r#type: "volume".to_owned(),
        source: source.to_owned(),
        target: "/data".to_owned(),
        ..Mount::default()
    };
    for (service, sources) in [("shop_db", ["shop_data", "common"]), ("blog_app", ["x", "common"])]
    {
        let container = &mut world.live(service).spec.task_template.container_spec;
        container.as_mut().unwrap().mounts = sources.map(mount).to_vec();
    }
    let mut task = running(world.live("shop_db"), 1, now());
    task.node_id = Some("n1".to_owned());
    world.observed.workload = Some(Workload { tasks: vec![task], nodes: vec![node()] });
    let plan = world.plan();
    assert_eq!(change(&plan, "service shop_db").notes, ["volume shop_data stays on swarm-1"]);
}
