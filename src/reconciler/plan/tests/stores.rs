//! Configs and secrets: rotation, adoption under the plain name, keys that changed.

use crate::diff::document::Content;
use crate::model::container::{ConfigReference, CredentialSpec, Privileges};
use crate::model::fleet::{Domain, FleetKey};
use crate::model::labels;
use crate::model::live::Workload;
use crate::model::secret::{EnvVar, MASK};
use crate::model::service::{ServiceMode, ServiceSpec};
use crate::model::store::Data;
use crate::reconciler::step::Write;

use super::world::*;

/// A stack whose service sees one config.
fn with_config(data: &str) -> crate::model::desired::DesiredStack {
    let mut shop = stack("shop", vec![service("shop", "web")]);
    shop.configs.push(config("shop", "app", data));
    let name = shop.configs[0].spec.name.clone();
    mount_config(&mut shop.services[0], &name);
    shop
}

fn with_secret(data: &str) -> crate::model::desired::DesiredStack {
    let mut shop = stack("shop", vec![service("shop", "web")]);
    shop.secrets.push(secret("shop", "token", data));
    let name = shop.secrets[0].spec.name.clone();
    mount_secret(&mut shop.services[0], &name);
    shop
}

fn declare(world: &mut World, stack: crate::model::desired::DesiredStack) {
    world.desired.stacks.insert(stack.name.clone(), stack);
}

#[test]
fn a_rotated_config_stays_while_a_rollback_could_need_it() {
    let mut world = World::applied(vec![with_config("one")]);
    let names: Vec<String> =
        ["one", "two", "three"].iter().map(|data| config("shop", "app", data).spec.name).collect();
    declare(&mut world, with_config("two"));
    let plan = world.plan();
    assert!(matches!(
        change(&plan, &format!("config {}", names[1])).content,
        Some(Content::Lines { added: 1, removed: 1, .. })
    ));
    assert_eq!(plan.document.summary.retained, 1);
    assert_eq!(world.converge().len(), 1);
    assert!(world.observed.configs.iter().any(|config| config.spec.name == names[0]));
    declare(&mut world, with_config("three"));
    let foreseen = outline(&world.plan());
    assert!(
        foreseen.iter().any(|line| line.starts_with(&format!("remove config {}", names[0]))),
        "{foreseen:?}"
    );
    let passes = world.converge();
    assert_eq!(passes.last().unwrap(), &[format!("config {}", names[0])]);
    assert!(world.observed.configs.iter().any(|config| config.spec.name == names[1]));
}

#[test]
fn a_config_under_dockers_plain_name_is_adopted_when_its_content_is_the_same() {
    let hashed = config("shop", "app", "one").spec.name;
    let mut shop = with_config("one");
    // The credential spec of a Windows service names a config, too.
    let container = shop.services[0].spec.task_template.container_spec.as_mut().unwrap();
    let credential_spec = CredentialSpec { config: hashed.clone(), ..CredentialSpec::default() };
    container.privileges =
        Some(Privileges { credential_spec: Some(credential_spec), ..Privileges::default() });
    let mut world = World::applied(vec![shop]);
    for config in &mut world.observed.configs {
        if config.spec.name == hashed {
            "shop_app".clone_into(&mut config.spec.name);
            config.spec.labels.retain(|label, _| !labels::is_own(label));
        }
    }
    let container = world.live("shop_web").spec.task_template.container_spec.as_mut().unwrap();
    "shop_app".clone_into(&mut container.configs[0].config_name);
    let privileges = container.privileges.as_mut().unwrap();
    "shop_app".clone_into(&mut privileges.credential_spec.as_mut().unwrap().config);
    let plan = world.plan();
    // The release is stamped anew with its next real change; nothing rolls now.
    assert_eq!(outline(&plan), ["adopt config shop_app"]);
    world.converge();
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn a_secret_that_cannot_be_judged_is_checked_by_swarm_itself() {
    let mut world = World::applied(vec![with_secret("hunter2")]);
    // The key is another one than that of the fingerprint: the record was lost and made anew.
    let other = FleetKey::new([9; 32]);
    let name = world.observed.secrets[0].spec.name.clone();
    world.observed.secrets[0]
        .spec
        .labels
        .insert(labels::FINGERPRINT.to_owned(), other.fingerprint(Domain::Secret, b"hunter2"));
    let plan = world.plan();
    assert_eq!(outline(&plan), [format!("update secret {name}")]);
    assert!(matches!(&plan.steps[0].write, Write::LabelSecret { proof: Some(_), .. }));
    let mut proven = World::applied(vec![with_secret("hunter2")]);
    proven.perform(&plan);
    assert!(outline(&proven.plan()).is_empty(), "and where it does not differ, all is well");
    // Swarm says that the data differs: a new generation is made, the old one waits for its users.
    world.learned.different_secrets.insert(world.observed.secrets[0].id.clone());
    "shop_token".clone_into(&mut world.observed.secrets[0].spec.name);
    world.observed.secrets[0].spec.labels.retain(|label, _| !labels::is_own(label));
    let plan = world.plan();
    assert_eq!(outline(&plan)[0], format!("create secret {name}"));
}

#[test]
fn an_explicit_name_with_other_content_is_a_hold_with_a_way_out() {
    let mut shop = with_config("one");
    "app-settings".clone_into(&mut shop.configs[0].spec.name);
    let mut world = World::applied(vec![shop]);
    world.stack("shop").configs[0].spec.data.0 = b"two".to_vec();
    let plan = world.plan();
    assert_eq!(outline(&plan)[0], "replace config app-settings [replace-not-allowed]");
    assert!(plan.steps.is_empty());
}

#[test]
fn a_file_of_an_observation_plans_no_change_for_what_it_does_not_show() {
    let mut shop = with_config("one");
    shop.secrets.push(secret("shop", "token", "hunter2"));
    let name = shop.secrets[0].spec.name.clone();
    mount_secret(&mut shop.services[0], &name);
    let variables = |service: &mut ServiceSpec, token: &str| {
        let container = service.task_template.container_spec.as_mut().unwrap();
        container.env.push(EnvVar::parse(&format!("API_TOKEN={token}")));
    };
    variables(&mut shop.services[0].spec, "abc");
    let mut world = World::applied(vec![shop.clone()]);
    world.observed.configs.iter_mut().for_each(|config| config.spec.data = Data::default());
    let live = &mut world.live("shop_web").spec;
    let env = &mut live.task_template.container_spec.as_mut().unwrap().env;
    env.retain(|variable| variable.name != "API_TOKEN");
    variables(live, MASK);
    // Without the key, neither fingerprints nor names of secrets can be made.
    for secret in &mut world.stack("shop").secrets {
        "shop_token-<hash>".clone_into(&mut secret.spec.name);
        secret.spec.labels.remove(labels::FINGERPRINT);
    }
    let container = world.declared("shop", "web").spec.task_template.container_spec.as_mut();
    "shop_token-<hash>".clone_into(&mut container.unwrap().secrets[0].secret_name);
    let plan = world.plan();
    assert_eq!(outline(&plan), <[&str; 0]>::default());
    assert_eq!(plan.document.findings[0].code, "not-comparable");
    assert!(plan.document.findings[0].message.starts_with("2 values are masked"));
    // What is shown is compared, and only a key could tell who changed it.
    world.stack("shop").services[0].spec.mode = ServiceMode::replicated(Some(5));
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update service shop_web"]);
    assert_eq!(change(&plan, "service shop_web").causes, []);
}

#[test]
fn a_generation_that_a_task_of_somebody_else_runs_with_is_kept_and_not_waited_for() {
    let mut world = World::applied(vec![with_config("one")]);
    declare(&mut world, with_config("two"));
    world.converge();
    declare(&mut world, with_config("three"));
    world.converge();
    let old = config("shop", "app", "one");
    let mut guest = live_service(&service("blog", "app").spec);
    let mut task = running(&guest, 1, now());
    let container = task.template.container_spec.as_mut().unwrap();
    container
        .configs
        .push(ConfigReference { config_name: old.spec.name.clone(), ..ConfigReference::default() });
    world.observed.configs.push(live(old.spec.clone(), "old"));
    guest.spec.labels.clear();
    guest.spec.name = "blog_app".to_owned();
    world.observed.services.push(guest);
    let mut tasks = vec![task];
    for slot in 1..=2 {
        tasks.push(running(world.live("shop_web"), slot, long_ago()));
    }
    world.observed.workload = Some(Workload { tasks, nodes: Vec::new() });
    let plan = world.plan();
    assert!(outline(&plan).is_empty() && !plan.is_waiting(), "{:?}", outline(&plan));
    let kept = &plan.document.stacks[0].retained;
    let reasons: Vec<&str> = kept.iter().map(|kept| kept.reason.as_str()).collect();
    assert!(reasons.contains(&"a task of service blog_app uses it"), "{reasons:?}");
}

fn long_ago() -> jiff::Timestamp {
    now() - jiff::SignedDuration::from_hours(1)
}
