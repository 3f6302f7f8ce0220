//! What a person agreed to and what has come since.

use serde_json::json;

use crate::model::nanos::Nanos;
use crate::model::service::ServiceSpec;
use crate::reconciler::caddy::Sight;
use crate::reconciler::consent::Consent;
use crate::reconciler::listed::{check, list};
use crate::reconciler::seal::Seal;
use crate::reconciler::step::{Step, Write};

use super::routes::{self, answer, proxied, route, see, tasks};
use super::world::*;

/// How many steps write something that anybody runs.
fn written(steps: &[Step]) -> usize {
    steps.iter().filter(|step| !matches!(step.write, Write::Remember { .. })).count()
}

#[test]
fn what_was_not_in_the_plan_that_was_shown_is_not_done() {
    let mut world = World::declaring(vec![stack("shop", vec![service("shop", "web")])]);
    let mut consent = Consent::to(&world.plan(), &world.observed);
    let (steps, unseen) = consent.sort(&world.plan(), &world.observed);
    assert_eq!((written(&steps), unseen.len()), (2, 0));
    // Somebody adds a service meanwhile, and another one now rolls instead of being created.
    world.photograph();
    world.stack("shop").services.push(service("shop", "mail"));
    world.declared("shop", "web").spec.task_template.container_spec.as_mut().unwrap().env.clear();
    let (steps, unseen) = consent.sort(&world.plan(), &world.observed);
    assert_eq!(written(&steps), 0);
    let unseen: Vec<String> = unseen.iter().map(ToString::to_string).collect();
    assert_eq!(
        unseen,
        [
            "service shop_web would change now (environment.MODE), and was not in the plan that you agreed to",
            "service shop_mail would change now, and was not in the plan that you agreed to",
        ]
    );
}

#[test]
fn who_agrees_while_the_proxy_is_away_agrees_to_routes_that_it_lacks_and_to_no_other_change() {
    let mut shop = routes::shop();
    shop.routes.push(route("old.example.com", answer(410)));
    let mut world = proxied(World::applied(vec![shop]));
    tasks(&mut world, 2, Nanos::seconds(60));
    let empty = world.sight.clone();
    world.converge();
    let full = routes::config(&world);
    world.sight = Sight::Lost("cannot read the configuration".to_owned());
    let agreed = Consent::to(&world.plan(), &world.observed);
    let come_of = |world: &World| {
        let (steps, stale) = agreed.clone().sort(&world.plan(), &world.observed);
        (written(&steps), stale.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    // It answers, and has nothing.
    world.sight = empty.clone();
    assert_eq!(come_of(&world), (2, Vec::new()));
    // It answers, and somebody has edited one of them.
    let mut edited = full.clone();
    *edited.pointer_mut("/apps/http/servers/skep-https/routes/0/handle").unwrap() = json!([]);
    see(&mut world, edited);
    let (steps, stale) = come_of(&world);
    assert_eq!((steps, stale.len()), (0, 1), "{stale:?}");
    assert!(stale[0].contains("would change now"), "{stale:?}");
    see(&mut world, full);
    world.stack("shop").routes.pop();
    world.policy.prune = true;
    let (steps, stale) = come_of(&world);
    assert_eq!((steps, stale.len()), (0, 1), "a removal was not agreed to: {stale:?}");
    // Who saw the proxy agreed to what was shown alone.
    world.sight = empty;
    let mut seen = Consent::to(&world.plan(), &world.observed);
    world.stack("shop").routes.push(route("new.example.com", answer(410)));
    let (steps, stale) = seen.sort(&world.plan(), &world.observed);
    assert_eq!((written(&steps), stale.len()), (1, 1), "{stale:?}");
}

#[test]
fn a_secret_is_known_again_once_it_has_a_name() {
    let mut shop = stack("shop", vec![]);
    shop.secrets.push(secret("shop", "token", "hunter2"));
    let named = shop.secrets[0].spec.name.clone();
    "shop_token-<hash>".clone_into(&mut shop.secrets[0].spec.name);
    let mut world = World::declaring(vec![shop]);
    let mut consent = Consent::to(&world.plan(), &world.observed);
    world.stack("shop").secrets[0].spec.name = named;
    let (steps, unseen) = consent.sort(&world.plan(), &world.observed);
    assert_eq!((steps.len(), unseen.len()), (2, 0));
}

#[test]
fn an_object_that_somebody_else_changed_since_is_left_and_the_field_named() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let container = |spec: &mut ServiceSpec| spec.task_template.container_spec.take();
    let mut container = container(&mut world.declared("shop", "web").spec).unwrap();
    container.image = "web:2".to_owned();
    world.declared("shop", "web").spec.task_template.container_spec = Some(container);
    let before = world.plan();
    let agreed = Consent::to(&before, &world.observed);
    // Swarm counts versions for reasons of its own.
    world.live("shop_web").version += 7;
    let (steps, stale) = agreed.clone().sort(&world.plan(), &world.observed);
    assert_eq!((written(&steps), stale.len()), (1, 0), "{stale:?}");
    world.live("shop_web").spec.labels.insert("by-hand".into(), "1".into());
    let mut consent = agreed;
    let (steps, stale) = consent.sort(&world.plan(), &world.observed);
    assert_eq!(written(&steps), 0);
    let stale: Vec<String> = stale.iter().map(ToString::to_string).collect();
    assert_eq!(
        stale,
        ["service shop_web has changed since the plan was made: deploy.labels.by-hand"]
    );
}

#[test]
fn a_saved_list_allows_what_it_names_and_the_rest_of_it_after_its_own_writes() {
    let seal = Seal::new(Some(key()), [1; 16]);
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    world.stack("shop").services.push(service("shop", "mail"));
    let labels = &mut world.declared("shop", "web").spec.labels;
    labels.insert("a".into(), "1".into());
    let plan = world.plan();
    let listed = list(&plan, &world.observed, &seal).unwrap();
    assert!(listed.iter().all(|listed| listed.to.is_some()), "{listed:?}");
    let check = |world: &World| {
        let stale = check(&listed, &world.plan(), &world.observed, &seal).unwrap();
        stale.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(check(&world), [""; 0]);
    world.declared("shop", "mail").spec.labels.insert("b".into(), "1".into());
    assert_eq!(check(&world), ["service shop_mail would become something else than planned"]);
    world.declared("shop", "mail").spec.labels.remove("b");
    world.perform(&plan);
    assert_eq!(check(&world), [""; 0], "done is not stale");
    world.live("shop_web").spec.labels.insert("c".into(), "1".into());
    assert_eq!(
        check(&world),
        ["service shop_web has changed since the plan was made: deploy.labels.a, deploy.labels.c"]
    );
}
