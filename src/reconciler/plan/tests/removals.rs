//! Pruning, its three yeses, its guards, and its order.

use crate::diff::document::HoldCode;
use crate::model::labels;
use crate::model::live::{Task, TaskState, UpdateState, UpdateStatus, Workload};
use crate::model::task::TaskTemplate;
use crate::reconciler::outcome::{Verdict, verdict};
use crate::reconciler::policy::{Elsewhere, Policy};

use super::world::*;

fn shop(keys: &[&str]) -> crate::model::desired::DesiredStack {
    stack("shop", keys.iter().map(|key| service("shop", key)).collect())
}

fn pruning() -> Policy {
    Policy { prune: true, ..Policy::default() }
}

#[test]
fn removal_must_be_asked_for() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.stack("shop").services.pop();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["remove service shop_old [prune-not-asked]"]);
    assert!(plan.steps.is_empty());
    world.policy = pruning();
    assert_eq!(world.converge(), [["service shop_old"]]);
}

#[test]
fn a_stack_that_another_source_declares_or_may_declare_stays() {
    let blog = stack("blog", vec![service("blog", "app")]);
    let mut world = World::applied(vec![shop(&["web"]), blog]);
    world.policy = Policy { prune_stacks: true, ..pruning() };
    world.desired.stacks.remove(&"shop".parse().unwrap());
    world.scope.elsewhere.unread = "other".parse().into_iter().collect();
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::SourceUnread]);
    assert!(plan.steps.is_empty() && !plan.is_waiting());
    let stacks = "shop".parse().into_iter().collect();
    world.scope.elsewhere = Elsewhere { stacks, ..Elsewhere::default() };
    assert!(outline(&world.plan()).is_empty());
    // The same for a source from which everything has moved.
    world.scope.elsewhere.stacks.insert("blog".parse().unwrap());
    world.desired.stacks.clear();
    assert_eq!(world.plan().document.holds, []);
    assert!(outline(&world.plan()).is_empty());
    world.scope.elsewhere = Elsewhere::default();
    assert!(!outline(&world.plan()).is_empty());
}

#[test]
fn removals_come_last() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.policy = pruning();
    world.stack("shop").services.pop();
    world.stack("shop").services.push(service("shop", "new"));
    assert_eq!(
        outline(&world.plan()),
        ["create service shop_new", "remove service shop_old [waits-for-health]"]
    );
    assert_eq!(world.converge(), [["service shop_new"], ["service shop_old"]]);
}

#[test]
fn who_needs_another_one_goes_before_it_in_every_removal() {
    let (mut web, mut api) = (service("shop", "web"), service("shop", "api"));
    let needs = |name: &str| crate::model::desired::Dependency {
        service: format!("shop_{name}"),
        condition: crate::model::desired::Condition::ServiceStarted,
        place: place(),
    };
    web.depends_on = vec![needs("api")];
    api.depends_on = vec![needs("db")];
    let all = || stack("shop", vec![service("shop", "db"), api.clone(), web.clone()]);
    let order = [["service shop_web"], ["service shop_api"], ["service shop_db"]];
    // Some services of a stack,
    let mut shop = all();
    shop.services.extend(["a", "b", "c", "d"].map(|key| service("shop", key)));
    let mut world = World::declaring(vec![shop]);
    world.converge();
    world.policy = pruning();
    world.stack("shop").services.drain(..3);
    assert_eq!(world.converge(), order);
    // and a whole one.
    let mut world = World::declaring(vec![all(), stack("blog", vec![service("blog", "app")])]);
    world.converge();
    world.policy = Policy { prune_stacks: true, ..pruning() };
    world.desired.stacks.remove(&"shop".parse().unwrap());
    assert_eq!(world.converge()[..3], order);
    // What protects the first keeps the others.
    let mut world = World::declaring(vec![all(), stack("blog", vec![service("blog", "app")])]);
    world.converge();
    world.policy = Policy { prune_stacks: true, ..pruning() };
    world.desired.stacks.remove(&"shop".parse().unwrap());
    world.live("shop_web").spec.labels.insert(labels::PROTECT.to_owned(), "true".to_owned());
    let plan = world.plan();
    assert!(change(&plan, "service shop_db").is_standing() && plan.steps.is_empty());
}

#[test]
fn a_rollback_to_what_is_declared_is_in_nobodys_way() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.policy = pruning();
    world.live("shop_web").update = Some(UpdateStatus {
        state: UpdateState::RollbackCompleted,
        started: None,
        completed: None,
        message: "rollback completed".to_owned(),
    });
    world.stack("shop").services.pop();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["remove service shop_old"]);
    assert_eq!(verdict(&plan), Verdict::Done);
}

#[test]
fn what_is_not_labelled_as_ours_is_never_removed() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.policy = pruning();
    world.stack("shop").services.pop();
    for label in [labels::FLEET, labels::STACK, labels::OBJECT] {
        let kept = world.live("shop_old").spec.labels.remove(label).unwrap();
        assert!(outline(&world.plan()).is_empty(), "{label}");
        world.live("shop_old").spec.labels.insert(label.to_owned(), kept);
    }
    assert_eq!(world.plan().steps.len(), 1);
}

#[test]
fn most_of_a_stack_is_not_removed_by_mistake() {
    let mut world = World::applied(vec![shop(&["a", "b", "c", "d", "e"])]);
    world.policy = pruning();
    world.stack("shop").services.truncate(2);
    let plan = world.plan();
    assert!(plan.steps.is_empty());
    let hold = &change(&plan, "service shop_c").holds[0];
    assert_eq!(hold.code, HoldCode::GuardMostServices);
    let command = hold.unblock.as_deref().unwrap();
    let lifted = command.rsplit(' ').next().unwrap();
    world.policy.unblocked.insert(lifted.parse().unwrap());
    assert_eq!(world.plan().steps.len(), 3);
}

#[test]
fn a_whole_stack_needs_its_own_consent() {
    let mut world =
        World::applied(vec![shop(&["web"]), stack("blog", vec![service("blog", "app")])]);
    world.policy = pruning();
    world.desired.stacks.remove(&"shop".parse().unwrap());
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardWholeStack]);
    assert!(plan.steps.is_empty());
    world.policy.prune_stacks = true;
    let passes = world.converge();
    assert_eq!(passes, [["service shop_web"], ["network shop_default"]]);
    world.scope.whole = false;
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn an_empty_source_removes_nothing() {
    let mut world = World::applied(vec![shop(&["web"])]);
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    world.desired.stacks.clear();
    let plan = world.plan();
    assert_eq!(plan.document.holds[0].code, HoldCode::GuardNoStacks);
    assert!(plan.steps.is_empty() && !plan.is_waiting());
}

#[test]
fn a_stack_that_could_not_be_loaded_loses_nothing() {
    let mut world =
        World::applied(vec![shop(&["web"]), stack("blog", vec![service("blog", "app")])]);
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    let name = "shop".parse().unwrap();
    world.desired.stacks.remove(&name);
    world.scope.invalid.insert(name);
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::InvalidStack]);
    assert!(plan.steps.is_empty());
}

#[test]
fn a_stack_that_looks_renamed_is_not_removed_unless_the_file_says_so() {
    let mut world =
        World::applied(vec![shop(&["web"]), stack("blog", vec![service("blog", "app")])]);
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    world.desired.stacks.remove(&"shop".parse().unwrap());
    world
        .desired
        .stacks
        .insert("store".parse().unwrap(), stack("store", vec![service("store", "web")]));
    assert_eq!(stack_holds(&world.plan()), [HoldCode::GuardRenamed]);
    world.stack("store").policy.previous_name = Some("shop".parse().unwrap());
    world.policy.allow_replace = true;
    let passes = world.converge();
    assert_eq!(passes[0], ["network store_default", "service store_web"]);
    assert_eq!(passes[1], ["service shop_web"]);
}

#[test]
fn skep_does_not_remove_itself_or_what_is_protected() {
    let mut world = World::applied(vec![shop(&["web", "skep", "db"])]);
    world.policy = pruning();
    world.live("shop_skep").spec.labels.insert(labels::ROLE.to_owned(), "controller".to_owned());
    world.live("shop_db").spec.labels.insert(labels::PROTECT.to_owned(), "true".to_owned());
    world.stack("shop").services.truncate(1);
    assert_eq!(
        outline(&world.plan()),
        ["remove service shop_db [protected]", "remove service shop_skep [self-protection]"]
    );
}

#[test]
fn a_network_that_a_service_can_roll_back_to_stays_and_nothing_waits_for_it() {
    let mut world = World::applied(vec![shop(&["web"])]);
    world.policy = pruning();
    let networks = &mut world.declared("shop", "web").spec.task_template.networks;
    networks.clear();
    world.stack("shop").networks.clear();
    assert_eq!(world.converge(), [["service shop_web"]]);
    let plan = world.plan();
    assert!(outline(&plan).is_empty() && !plan.is_waiting());
    let retained = &plan.document.stacks[0].retained[0];
    assert_eq!(retained.reason, "service shop_web can roll back to it");
    // The next release leaves it for good.
    world.declared("shop", "web").spec.labels.insert("a".to_owned(), "b".to_owned());
    assert_eq!(world.converge(), [["service shop_web"], ["network shop_default"]]);
}

#[test]
fn while_a_task_runs_of_a_service_that_is_not_listed_only_services_go() {
    let mut world = World::applied(vec![shop(&["web"]), stack("blog", Vec::new())]);
    world.policy = Policy { prune_stacks: true, ..pruning() };
    world.desired.stacks.remove(&"blog".parse().unwrap());
    let stray = |service: &str, desired| Task {
        id: "t1".to_owned(),
        service_id: service.to_owned(),
        slot: 1,
        node_id: None,
        created: now(),
        state: TaskState::Running,
        desired,
        since: now(),
        message: String::new(),
        error: None,
        exit_code: None,
        job_iteration: None,
        template: TaskTemplate::default(),
    };
    for (service, desired, holds) in [
        ("unlisted", TaskState::Running, "[waits-for-tasks-gone]"),
        ("unlisted", TaskState::Remove, ""),
        // As Docker 20.10 leaves tasks of a job.
        ("unlisted", TaskState::Complete, ""),
        ("id-shop_web", TaskState::Running, ""),
        ("", TaskState::Running, ""),
    ] {
        let tasks = vec![stray(service, desired)];
        world.observed.workload = Some(Workload { tasks, nodes: Vec::new() });
        let line = format!("remove network blog_default {holds}");
        assert_eq!(outline(&world.plan()), [line.trim()], "{service} {desired:?}");
    }
}

#[test]
fn nothing_of_a_protected_stack_is_removed() {
    let mut all = shop(&["web", "old"]);
    all.configs.push(config("shop", "greeting", "hello"));
    all.secrets.push(secret("shop", "token", "t0ken"));
    all.policy.protect = true;
    let mut world = World::applied(vec![all]);
    world.policy = pruning();
    let shop = world.stack("shop");
    shop.configs.clear();
    shop.secrets.clear();
    let plan = world.plan();
    assert!(plan.steps.is_empty());
    let held = outline(&plan);
    assert_eq!(held.len(), 2, "{held:?}");
    assert!(held.iter().all(|line| line.contains("[protected]")), "{held:?}");
}

#[test]
fn a_service_that_goes_gives_its_port_to_one_that_comes() {
    use super::recreation::publish;
    let mut web = service("shop", "web");
    publish(&mut web, 80);
    let mut world = World::applied(vec![stack("shop", vec![web, service("shop", "other")])]);
    let mut site = service("shop", "site");
    publish(&mut site, 80);
    world.stack("shop").services[0] = site;
    let create = |world: &World| outline(&world.plan())[0].clone();
    assert_eq!(create(&world), "create service shop_site [port-taken]");
    world.policy = pruning();
    assert_eq!(create(&world), "create service shop_site [replace-not-allowed]");
    world.policy.allow_replace = true;
    assert_eq!(create(&world), "create service shop_site [waits-for-object]");
    // Nothing goes for one that cannot come.
    mount_config(world.declared("shop", "site"), "not-there");
    assert!(world.plan().steps.is_empty(), "{:?}", outline(&world.plan()));
    let site = world.declared("shop", "site");
    site.spec.task_template.container_spec.as_mut().unwrap().configs.clear();
    assert_eq!(world.converge(), [["service shop_web"], ["service shop_site"]]);
}

#[test]
fn what_was_protected_when_it_left_its_stack_goes_without_its_label() {
    let mut all = shop(&["web", "old"]);
    let protect = |labels: &mut std::collections::BTreeMap<String, String>| {
        labels.insert(labels::PROTECT.to_owned(), "true".to_owned());
    };
    all.services.iter_mut().for_each(|service| protect(&mut service.spec.labels));
    let mut world = World::applied(vec![all]);
    world.policy = pruning();
    world.stack("shop").services.pop();
    world.declared("shop", "web").spec.labels.remove(labels::PROTECT);
    world.converge();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["remove service shop_old [protected]"]);
    let hold = &change(&plan, "service shop_old").holds[0];
    let command = "docker service update --label-rm skep.protect shop_old";
    assert_eq!(hold.unblock.as_deref(), Some(command));
    world.live("shop_old").spec.labels.remove(labels::PROTECT);
    assert_eq!(world.converge(), [["service shop_old"]]);
}
