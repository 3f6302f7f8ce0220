//! What a person agreed to and what has come since.

use crate::reconciler::consent::Consent;
use crate::reconciler::step::{Step, Write};

use super::world::*;

/// How many steps write something that anybody runs.
fn written(steps: &[Step]) -> usize {
    steps.iter().filter(|step| !matches!(step.write, Write::Remember { .. })).count()
}

#[test]
fn what_was_not_in_the_plan_that_was_shown_is_not_done() {
    let mut world = World::declaring(vec![stack("shop", vec![service("shop", "web")])]);
    let consent = Consent::to(&world.plan().document);
    let (steps, unseen) = consent.sort(&world.plan());
    assert_eq!((written(&steps), unseen.len()), (2, 0));
    // Somebody adds a service meanwhile, and another one now rolls instead of being created.
    world.photograph();
    world.stack("shop").services.push(service("shop", "mail"));
    world.declared("shop", "web").spec.task_template.container_spec.as_mut().unwrap().env.clear();
    let (steps, unseen) = consent.sort(&world.plan());
    assert_eq!(written(&steps), 0);
    let unseen: Vec<String> = unseen.iter().map(ToString::to_string).collect();
    assert_eq!(unseen, ["service shop_web", "service shop_mail"]);
}

#[test]
fn a_secret_is_known_again_once_it_has_a_name() {
    let mut shop = stack("shop", vec![]);
    shop.secrets.push(secret("shop", "token", "hunter2"));
    let named = shop.secrets[0].spec.name.clone();
    "shop_token-<hash>".clone_into(&mut shop.secrets[0].spec.name);
    let mut world = World::declaring(vec![shop]);
    let consent = Consent::to(&world.plan().document);
    world.stack("shop").secrets[0].spec.name = named;
    let (steps, unseen) = consent.sort(&world.plan());
    assert_eq!((steps.len(), unseen.len()), (2, 0));
}
