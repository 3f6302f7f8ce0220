//! Routes that more than one stack wants, and services that a route of another stack leads to.

use serde_json::json;

use super::routes::{answer, codes, config, live, proxied, route, see, shop, tasks, to};
use super::world::{World, change, outline, service, stack};
use crate::diff::document::{HoldClass, HoldCode};
use crate::model::nanos::Nanos;
use crate::model::route::RouteHost;
use crate::reconciler::policy::RemoveStack;

const ROUTE: &str = "route shop.example.com/*";

/// The words of the first hold on a route.
fn words(world: &World, of: &str) -> String {
    let plan = world.plan();
    let section = plan.document.stacks.iter().find(|section| section.name == of).unwrap();
    let change = section.changes.iter().find(|change| change.object.to_string() == ROUTE).unwrap();
    change.holds[0].reason.clone()
}

#[test]
fn of_two_stacks_with_one_route_that_keeps_it_which_has_it_also_once_caddy_has_lost_it() {
    let mut world = proxied(World::applied(vec![shop(), stack("able", Vec::new())]));
    world.converge();
    // One that comes first by name comes to want it.
    world.stack("able").routes.push(route("shop.example.com", answer(204)));
    assert_eq!(outline(&world.plan()), [format!("create {ROUTE} [route-taken]")]);
    assert_eq!(words(&world, "able"), "stack shop has this route");
    // Who has it can still change it.
    world.stack("shop").routes[0] = route("shop.example.com", to("shop_web", 81));
    let plan = world.plan();
    let changed = plan.document.stacks.iter().find(|section| section.name == "shop").unwrap();
    assert_eq!(changed.changes[0].holds, []);
    world.perform(&plan);
    let has = config(&world);
    see(&mut world, json!({ "admin": {} }));
    assert_eq!(words(&world, "able"), "stack shop has this route");
    world.perform(&world.plan());
    assert_eq!(config(&world)["apps"]["http"], has["apps"]["http"]);
    // Once it wants it no more, the other one gets it.
    world.stack("shop").routes.clear();
    world.perform(&world.plan());
    assert_eq!(live(&world), ["able shop.example.com/*"]);
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn of_two_new_stacks_with_one_route_the_first_by_name_has_it_and_the_other_says_so() {
    let mut able = stack("able", Vec::new());
    able.routes.push(route("shop.example.com", answer(204)));
    let mut world = proxied(World::applied(vec![shop(), able]));
    world.converge();
    assert_eq!(live(&world), ["able shop.example.com/*"]);
    assert_eq!(outline(&world.plan()), [format!("create {ROUTE} [route-taken]")]);
    assert_eq!(words(&world, "shop"), "stack able has this route");
}

#[test]
fn a_host_of_the_settings_that_is_named_as_well_is_held_with_the_reason() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.rules.as_mut().unwrap().policy.root_domain = Some("example.com".to_owned());
    let mut auto = route("unused.example.com", to("shop_web", 81));
    auto.host = RouteHost::BelowRoot("shop".to_owned());
    world.stack("shop").routes.insert(0, auto);
    world.converge();
    assert_eq!(live(&world), ["shop shop.example.com/*"]);
    let plan = world.plan();
    let held = "route shop.<root domain>/*";
    assert_eq!(outline(&plan), [format!("create {held} [route-taken]")]);
    let words = &change(&plan, held).holds[0].reason;
    assert_eq!(words, "another route of the stack is for shop.example.com/*, too");
}

#[test]
fn a_route_that_is_put_back_to_go_elsewhere_waits_as_a_new_one() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.converge();
    see(&mut world, json!({ "admin": {} }));
    tasks(&mut world, 1, Nanos(0));
    assert_eq!(codes(&world.plan(), ROUTE), [], "it goes where it went");
    world.stack("shop").routes[0] = route("shop.example.com", to("shop_web", 81));
    assert_eq!(codes(&world.plan(), ROUTE), [HoldCode::WaitsForHealth]);
    tasks(&mut world, 1, Nanos::seconds(60));
    assert_eq!(codes(&world.plan(), ROUTE), []);
}

#[test]
fn a_route_that_is_put_back_with_other_words_to_where_it_led_needs_no_more_than_a_task_that_runs() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.converge();
    see(&mut world, json!({ "admin": {} }));
    tasks(&mut world, 1, Nanos(0));
    world.stack("shop").routes[0].spec.max_body = Some(1024);
    assert_eq!(codes(&world.plan(), ROUTE), []);
    // Where a route led, older records do not tell.
    world.stack("shop").routes[0] = route("shop.example.com", to("shop_web", 81));
    assert_eq!(codes(&world.plan(), ROUTE), [HoldCode::WaitsForHealth]);
    let labels = world.observed.configs.iter_mut().map(|config| &mut config.spec.labels);
    for label in labels.filter_map(|labels| labels.get_mut("skep.routes.shop")) {
        let (brief, _) = label.split_once(':').unwrap();
        *label = format!("{brief} shop.example.com/*");
    }
    assert_eq!(codes(&world.plan(), ROUTE), []);
}

#[test]
fn a_service_that_a_route_leads_to_which_nothing_changes_stays_and_names_whose_it_is() {
    let mut signs = stack("signs", Vec::new());
    signs.networks.clear();
    signs.routes.push(route("www.example.com", to("shop_web", 80)));
    let both = vec![service("shop", "web"), service("shop", "api")];
    let mut world = proxied(World::applied(vec![stack("shop", both), signs]));
    world.policy.prune = true;
    world.converge();
    world.stack("shop").services.remove(0);
    let hold = |world: &World| {
        let plan = world.plan();
        let holds = &change(&plan, "service shop_web").holds;
        let hold = holds.iter().find(|hold| hold.code == HoldCode::WaitsForRoute).unwrap();
        (hold.class, hold.reason.clone())
    };
    let stays = "stays as long as route www.example.com/* of stack signs leads to it";
    assert_eq!(hold(&world), (HoldClass::Standing, stays.to_owned()));
    // Once the plan leads it elsewhere, that is waited for.
    world.stack("signs").routes[0] = route("www.example.com", to("shop_api", 80));
    let waits = "waits until route www.example.com/* no longer leads to it";
    assert_eq!(hold(&world), (HoldClass::Waiting, waits.to_owned()));
    world.stack("signs").policy.paused = true;
    assert_eq!(hold(&world).0, HoldClass::Standing);
    // The same where a person asks for the removal.
    world.stack("signs").policy.paused = false;
    world.stack("signs").routes[0] = route("www.example.com", to("shop_web", 80));
    world.desired.stacks.clear();
    world.scope.whole = false;
    world.policy.remove = Some(RemoveStack { stack: "shop".parse().unwrap(), declared_in: None });
    assert_eq!(hold(&world), (HoldClass::Standing, stays.to_owned()));
}
