//! What changes do to tasks: how many stop, start, roll, and how many keep serving.

use crate::diff::document::Effect;
use crate::model::container::Healthcheck;
use crate::model::live::{LiveService, TaskCounts};
use crate::model::service::{Global, ReplicatedJob, ServiceMode, ServiceSpec, UpdateConfig};
use crate::reconciler::plan::Shortfall::{
    self, AllAtOnce, NoHealthCheck, OnlyTask, RollbackStopsFirst,
};
use crate::reconciler::plan::effect::{in_place, of_move, of_roll};

use super::world::{World, change, live_service, service, stack};

#[expect(clippy::unnecessary_wraps, reason = "that is how a spec has it")]
fn policy(order: &str, parallelism: u64) -> Option<UpdateConfig> {
    Some(UpdateConfig { order: order.to_owned(), parallelism, ..UpdateConfig::default() })
}

fn of(mode: ServiceMode, update_config: Option<UpdateConfig>) -> ServiceSpec {
    let spec = service("shop", "web").spec;
    ServiceSpec { mode, update_config, ..spec }
}

fn live(mode: ServiceMode, running: u64, desired: u64) -> LiveService {
    let counts = TaskCounts { running, desired, completed: 0 };
    LiveService { counts, ..live_service(&of(mode, None)) }
}

fn replicated(replicas: u64) -> ServiceMode {
    ServiceMode::replicated(Some(replicas))
}

fn global() -> ServiceMode {
    ServiceMode { global: Some(Global {}), ..ServiceMode::default() }
}

/// How many tasks roll and how many keep serving, of a roll.
fn told(effect: &Effect) -> (u64, u64) {
    let Effect::Rolls { tasks, keep_serving, .. } = effect else { panic!("{effect:?}") };
    (*tasks, *keep_serving)
}

#[test]
fn a_plan_says_how_many_keep_serving_in_each_case() {
    let stop = |parallelism| policy("stop-first", parallelism);
    let start = |parallelism| policy("start-first", parallelism);
    // Live and declared replicas, how many of them run, the policy, and (tasks that roll, tasks that keep serving).
    let cases = [
        (3, 3, 3, None, (3, 2)),
        (1, 1, 1, None, (1, 0)),
        (3, 3, 3, stop(1), (3, 2)),
        (3, 3, 3, stop(2), (3, 1)),
        (3, 3, 3, stop(3), (3, 0)),
        (3, 3, 3, stop(9), (3, 0)),
        (3, 3, 3, stop(0), (3, 0)),
        (3, 3, 3, start(1), (3, 3)),
        (3, 3, 3, start(0), (3, 3)),
        (1, 1, 1, start(1), (1, 1)),
        // Tasks that come or go are no part of the roll.
        (3, 5, 3, stop(1), (3, 2)),
        (5, 2, 5, stop(1), (2, 1)),
        // Tasks that do not run serve nobody.
        (3, 3, 1, stop(1), (3, 0)),
        (3, 3, 2, start(1), (3, 2)),
        (3, 3, 0, start(1), (3, 0)),
        // Those of an earlier roll that start beside the wanted ones do not count twice.
        (3, 3, 4, stop(1), (3, 2)),
    ];
    for (before, after, running, update_config, expected) in cases {
        let live = live(replicated(before), running, before);
        let spec = of(replicated(after), update_config.clone());
        let effect = of_roll(&spec, &live, None);
        assert_eq!(told(&effect), expected, "{before} {after} {running} {update_config:?}");
    }
    for (nodes, running, order, expected) in
        [(4, 4, "stop-first", (4, 3)), (4, 3, "start-first", (4, 3))]
    {
        let effect =
            of_roll(&of(global(), policy(order, 1)), &live(global(), running, nodes), None);
        assert_eq!(told(&effect), expected, "{nodes} {running} {order}");
    }
}

#[test]
fn where_nothing_runs_nothing_rolls() {
    let spec = of(replicated(3), None);
    let effect = of_roll(&spec, &live(replicated(0), 0, 0), None);
    assert_eq!(effect, Effect::Starts { tasks: Some(3) });
    let effect = of_roll(&of(replicated(0), None), &live(replicated(3), 3, 3), None);
    assert_eq!(effect, Effect::InPlace { starts: 0, stops: 3 });
    let effect = of_roll(&of(global(), None), &live(global(), 0, 0), Some(2));
    assert_eq!(effect, Effect::Starts { tasks: Some(2) });
}

#[test]
fn a_new_placement_replaces_only_the_tasks_that_do_not_satisfy_it() {
    let live = live(replicated(3), 3, 3);
    for (order, moved, expected) in
        [("stop-first", 1, (1, 2)), ("stop-first", 3, (3, 2)), ("start-first", 2, (2, 3))]
    {
        let effect = of_move(&of(replicated(3), policy(order, 1)), &live, moved);
        assert_eq!(told(&effect), expected, "{order} {moved}");
    }
    let at_once = of_move(&of(replicated(3), policy("stop-first", 0)), &live, 2);
    assert_eq!(told(&at_once), (2, 1));
}

#[test]
fn any_write_to_a_job_runs_it_again() {
    let job = || ServiceMode {
        replicated_job: Some(ReplicatedJob { max_concurrent: Some(2), total_completions: Some(5) }),
        ..ServiceMode::default()
    };
    let (spec, live) = (of(job(), None), live(job(), 0, 2));
    let again = Effect::RunsJob { again: true, completions: Some(5) };
    for effect in [of_roll(&spec, &live, None), in_place(&spec, &live), of_move(&spec, &live, 1)] {
        assert_eq!(effect, again);
    }
}

#[test]
fn a_plan_says_why_requests_may_fail_and_is_silent_where_none_need_to() {
    let check =
        |test: &str| Some(Healthcheck { test: vec![test.to_owned()], ..Healthcheck::default() });
    let probed = || check("CMD-SHELL");
    let rolls_back = |order: &str, rollback: Option<&str>| {
        let action = "rollback".to_owned();
        let update =
            policy(order, 1).map(|config| UpdateConfig { failure_action: action, ..config });
        (update, rollback.and_then(|order| policy(order, 1)))
    };
    // Replicas, update and rollback policy, health check, and what is said.
    let cases: [(u64, (_, _), _, &[Shortfall]); 11] = [
        (1, (None, None), probed(), &[OnlyTask]),
        (2, (None, None), probed(), &[]),
        (2, (None, None), None, &[NoHealthCheck]),
        (2, (None, None), check("NONE"), &[NoHealthCheck]),
        (2, (None, None), Some(Healthcheck { retries: 5, ..Healthcheck::default() }), &[]),
        (3, (policy("stop-first", 0), None), None, &[AllAtOnce]),
        (3, (policy("stop-first", 3), None), probed(), &[AllAtOnce]),
        (1, (policy("start-first", 1), None), probed(), &[]),
        (1, (policy("start-first", 0), None), None, &[NoHealthCheck]),
        (3, rolls_back("start-first", None), probed(), &[RollbackStopsFirst]),
        (3, rolls_back("start-first", Some("start-first")), probed(), &[]),
    ];
    for (replicas, (update_config, rollback_config), healthcheck, expected) in cases {
        let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
        world.live("shop_web").spec.mode = replicated(replicas);
        world.live("shop_web").counts.running = replicas;
        let spec = &mut world.declared("shop", "web").spec;
        (spec.mode, spec.update_config, spec.rollback_config) =
            (replicated(replicas), update_config, rollback_config);
        let container = spec.task_template.container_spec.as_mut().unwrap();
        container.healthcheck = healthcheck;
        "acme/web:2".clone_into(&mut container.image);
        let plan = world.plan();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(change(&plan, "service shop_web").notes, expected, "{replicas} tasks");
    }
}
