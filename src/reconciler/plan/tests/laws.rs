//! The laws of DESIGN as properties of random worlds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::diff::document::Change;
use crate::model::desired::{Condition, Dependency, DesiredStack};
use crate::model::labels;
use crate::reconciler::policy::Policy;
use crate::reconciler::step::Write;

use super::world::*;

/// What a random stack is made of: its services (job or not, environment, whether it sees the config, on how many of
/// the earlier ones it depends) and the content of its config.
#[derive(Debug, Clone)]
struct Shape {
    services: Vec<(bool, u8, bool, usize)>,
    config: u8,
    /// An option of the network that all of them are on.
    internal: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let service = (any::<bool>(), 0..3u8, any::<bool>(), 0..3usize);
    (prop::collection::vec(service, 1..5), 0..4u8, any::<bool>())
        .prop_map(|(services, config, internal)| Shape { services, config, internal })
}

fn build(name: &str, shape: &Shape) -> DesiredStack {
    let mut built = stack(name, Vec::new());
    built.networks[0].spec.internal = shape.internal;
    built.configs.push(config(name, "app", &format!("value={}\n", shape.config)));
    let config = built.configs[0].spec.name.clone();
    for (index, (is_job, env, sees_config, depends)) in shape.services.iter().enumerate() {
        let key = format!("s{index}");
        let mut service = if *is_job { job(name, &key) } else { service(name, &key) };
        let container = service.spec.task_template.container_spec.as_mut().unwrap();
        container.env[0].value = Some(env.to_string());
        if *sees_config {
            mount_config(&mut service, &config);
        }
        service.depends_on = (0..index.min(*depends))
            .map(|other| Dependency {
                service: format!("{name}_s{other}"),
                condition: if shape.services[other].0 {
                    Condition::ServiceCompletedSuccessfully
                } else {
                    Condition::ServiceHealthy
                },
                place: place(),
            })
            .collect();
        built.services.push(service);
    }
    built
}

/// Every service, network and config of the Swarm by its name, without the fleet record.
fn held(world: &World) -> BTreeMap<String, String> {
    let services = world.observed.services.iter().map(|live| &live.spec);
    let services = services.map(|spec| (spec.name.clone(), serde_json::to_string(spec).unwrap()));
    let configs = world.observed.configs.iter().map(|live| &live.spec);
    let configs = configs.filter(|spec| !spec.labels.contains_key(labels::RECORD));
    let networks = world.observed.networks.iter().map(|live| &live.spec);
    let networks = networks.map(|spec| (spec.name.clone(), spec.internal.to_string()));
    services.chain(networks).chain(configs.map(|spec| (spec.name.clone(), String::new()))).collect()
}

fn pruning() -> Policy {
    let unblocked = ["guard-most-services".parse().unwrap()].into();
    Policy { prune: true, unblocked, ..Policy::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Law 3: right after a successful apply there is nothing to do; and applying always ends.
    #[test]
    fn whatever_was_there_before_the_second_run_is_empty(before in shape(), after in shape()) {
        let mut world = World::applied(vec![build("shop", &before)]);
        world.policy = pruning();
        world.desired.stacks.insert("shop".parse().unwrap(), build("shop", &after));
        world.converge();
        let plan = world.plan();
        // A service that changed from or to a job must be allowed to be replaced.
        let replaced = plan.document.changes().any(Change::is_standing);
        if !replaced {
            prop_assert_eq!(outline(&plan), Vec::<String>::new());
        }
        prop_assert!(plan.steps.is_empty());
    }

    /// Law 4: a service whose declaration did not change is never written.
    #[test]
    fn unchanged_services_are_untouched(before in shape(), after in shape()) {
        let mut world = World::applied(vec![build("shop", &before)]);
        world.policy = pruning();
        world.desired.stacks.insert("shop".parse().unwrap(), build("shop", &after));
        let same_config = before.config == after.config;
        for _ in 0..20 {
            let plan = world.plan();
            if plan.steps.is_empty() {
                break;
            }
            for step in &plan.steps {
                let index = step.object.name.strip_prefix("shop_s").and_then(|n| n.parse::<usize>().ok());
                let Some(index) = index else { continue };
                let (old, new) = (before.services.get(index), after.services.get(index));
                let unchanged = match (old, new) {
                    (Some(old), Some(new)) => {
                        (old.0, old.1, old.2) == (new.0, new.1, new.2) && (same_config || !new.2)
                    }
                    _ => false,
                };
                prop_assert!(!unchanged, "{} was written", step.object);
            }
            world.perform(&plan);
        }
    }

    /// Law 7: what carries no label of ours survives everything.
    #[test]
    fn foreign_objects_survive(before in shape(), after in shape()) {
        let mut world = World::applied(vec![build("shop", &before), build("other", &before)]);
        for service in &mut world.observed.services {
            if service.spec.name.starts_with("other_") {
                service.spec.labels.retain(|label, _| !labels::is_own(label));
            }
        }
        world.policy = Policy { prune_stacks: true, ..pruning() };
        world.desired.stacks.clear();
        world.desired.stacks.insert("shop".parse().unwrap(), build("shop", &after));
        let foreign = |world: &World| {
            let names = world.observed.services.iter().map(|service| service.spec.name.clone());
            names.filter(|name| name.starts_with("other_")).collect::<Vec<_>>()
        };
        let was = foreign(&world);
        world.converge();
        prop_assert_eq!(foreign(&world), was);
    }

    /// No step refers to what is neither live nor written before it; and equal inputs give equal plans.
    #[test]
    fn no_step_comes_before_what_it_needs(before in shape(), after in shape()) {
        let mut world = World::applied(vec![build("shop", &before)]);
        world.policy = pruning();
        world.desired.stacks.insert("shop".parse().unwrap(), build("shop", &after));
        let plan = world.plan();
        prop_assert_eq!(&plan.document, &world.plan().document);
        let live: Vec<String> = world.observed.configs.iter().map(|config| config.spec.name.clone()).collect();
        for step in &plan.steps {
            let (Write::CreateService(spec) | Write::UpdateService { spec, .. }) = &step.write
            else {
                continue;
            };
            for config in &spec.task_template.container_spec.as_ref().unwrap().configs {
                let written = step.needs.iter().any(|need| need.name == config.config_name);
                prop_assert!(written || live.contains(&config.config_name));
            }
        }
    }

    /// Law 8: pruning alone removes neither most services of a stack nor all that there is, but any few that are gone; and
    /// what is made meanwhile changes nothing about that.
    #[test]
    fn the_implausible_is_refused(
        declared in prop::collection::vec(any::<bool>(), 1..8),
        made in 0..6usize,
    ) {
        let all: Vec<_> = (0..declared.len()).map(|n| service("shop", &format!("s{n}"))).collect();
        let mut world = World::applied(vec![stack("shop", all)]);
        world.policy = Policy { prune: true, ..Policy::default() };
        let mut kept = declared.iter();
        world.stack("shop").services.retain(|_| *kept.next().unwrap());
        let kept = declared.iter().filter(|kept| **kept).count();
        let gone = declared.len() - kept;
        let new = (0..made).map(|n| service("shop", &format!("n{n}")));
        world.stack("shop").services.extend(new);
        world.converge();
        let is_implausible = gone >= 3 && gone > kept;
        let expected = made + if is_implausible { declared.len() } else { kept };
        prop_assert_eq!(world.observed.services.len(), expected);

        world.desired.stacks.clear();
        world.converge();
        prop_assert_eq!(world.observed.services.len(), expected, "nothing is declared at all");
    }

    /// Law 12: what a stack with errors runs stays as it is, and the plan of another stack is what it was.
    #[test]
    fn one_bad_stack_stops_no_other(before in shape(), after in shape(), bad in shape()) {
        let mut world = World::applied(vec![build("shop", &before), build("bad", &bad)]);
        world.policy = Policy { prune_stacks: true, ..pruning() };
        world.desired.stacks.insert("shop".parse().unwrap(), build("shop", &after));
        let of_shop = |world: &World| -> Vec<String> {
            let steps = world.plan().steps;
            let names = steps.iter().map(|step| step.object.to_string());
            names.filter(|name| name.contains(" shop_")).collect()
        };
        let (well, was) = (of_shop(&world), held(&world));
        let name = "bad".parse().unwrap();
        world.desired.stacks.remove(&name);
        world.scope.invalid.insert(name);
        prop_assert_eq!(of_shop(&world), well);
        world.converge();
        let of_bad = |held: BTreeMap<String, String>| -> Vec<_> {
            held.into_iter().filter(|(name, _)| name.starts_with("bad_")).collect()
        };
        prop_assert_eq!(of_bad(held(&world)), of_bad(was));
    }

    /// Law 13: passes that end after any of their steps, and know nothing of each other, end where whole ones do.
    #[test]
    fn passes_that_are_cut_off_converge(
        before in shape(),
        after in shape(),
        cuts in prop::collection::vec(0..4usize, 1..6),
    ) {
        let mut whole = World::applied(vec![build("shop", &before)]);
        let mut cut = World::applied(vec![build("shop", &before)]);
        for world in [&mut whole, &mut cut] {
            world.policy = Policy { allow_replace: true, ..pruning() };
            world.desired.stacks.insert("shop".parse().unwrap(), build("shop", &after));
        }
        for steps in cuts {
            let mut plan = cut.plan();
            plan.steps.truncate(steps);
            cut.perform(&plan);
        }
        whole.converge();
        cut.converge();
        prop_assert_eq!(held(&cut), held(&whole));
        prop_assert_eq!(outline(&cut.plan()), Vec::<String>::new());
    }
}
