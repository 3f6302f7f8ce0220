//! Certificates of hosts that more than one stack has to do with: one pass settles them, and none is lost on the way.

use serde_json::json;

use super::routes::{answer, config, proxied, route, see};
use super::world::{World, outline, stack};
use crate::model::desired::DesiredStack;
use crate::model::route::{Certificate, DesiredRoute, PathPattern, Tls};
use crate::proxy::Acme;
use crate::reconciler::consent::Consent;

/// A stack that has only routes.
fn routed(name: &str, routes: Vec<DesiredRoute>) -> DesiredStack {
    let mut stack = stack(name, Vec::new());
    stack.networks.clear();
    stack.routes = routes;
    stack
}

fn of(host: &str, path: &str, tls: Option<Tls>) -> DesiredRoute {
    let mut route = route(host, answer(204));
    route.path = PathPattern::prefix(path).unwrap();
    route.spec.tls = tls;
    route
}

/// A world whose Caddy has the routes of these stacks.
fn settled(stacks: Vec<DesiredStack>) -> World {
    let mut world = proxied(World::declaring(stacks));
    world.rules.as_mut().unwrap().policy.raw = true;
    world.converge();
    world
}

fn files() -> Tls {
    let [certificate, key] = ["/any.pem", "/any.key"].map(str::to_owned);
    Tls::Files(Certificate { certificate, key })
}

#[test]
fn a_stack_that_comes_to_a_host_of_another_one_is_a_new_route_and_nothing_else() {
    for (tls, acme) in [(None, Some(Acme::default())), (Some(Tls::Internal), None)] {
        let mut world = proxied(World::declaring(vec![routed(
            "shop",
            vec![of("shop.example.com", "/", tls.clone())],
        )]));
        world.rules.as_mut().unwrap().policy.acme = acme;
        world.converge();
        let able = routed("able", vec![of("shop.example.com", "/api", tls)]);
        world.desired.stacks.insert(able.name.clone(), able);
        let plan = world.plan();
        assert_eq!(outline(&plan), ["create route shop.example.com/api/*"]);
        world.perform(&plan);
        assert_eq!(outline(&world.plan()), Vec::<String>::new());
    }
}

#[test]
fn what_a_stack_says_of_a_route_that_another_one_has_does_not_count() {
    let route = |tls| vec![of("shop.example.com", "/", Some(tls))];
    let mut world = settled(vec![routed("shop", route(Tls::Internal))]);
    let had = config(&world);
    let able = routed("able", route(files()));
    world.desired.stacks.insert(able.name.clone(), able);
    let held = "create route shop.example.com/* [route-taken]";
    assert_eq!(outline(&world.plan()), [held]);
    see(&mut world, json!({ "admin": {} }));
    world.perform(&world.plan());
    assert_eq!(config(&world)["apps"], had["apps"]);
    assert_eq!(outline(&world.plan()), [held]);
}

#[test]
fn a_wildcard_that_leaves_the_file_takes_no_certificate_along_while_it_stays_and_when_it_goes() {
    let other = || of("dev.example.org", "/", None);
    let dev = routed("dev", vec![other(), of("*.example.com", "/", Some(Tls::Internal))]);
    let shop = routed("shop", vec![of("b.example.com", "/", None)]);
    let mut world = settled(vec![dev, shop]);
    world.stack("dev").routes = vec![other()];
    let gone = "remove route *.example.com/*";
    assert_eq!(outline(&world.plan()), [format!("{gone} [prune-not-asked]")]);
    world.policy.prune = true;
    let plan = world.plan();
    assert_eq!(outline(&plan), [gone]);
    world.perform(&plan);
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn who_agrees_to_another_certificate_of_a_wildcard_agrees_to_what_hosts_below_it_make_of_it() {
    let dev = routed("dev", vec![of("*.example.com", "/", Some(Tls::Internal))]);
    let shop = routed("shop", vec![of("b.example.com", "/", None)]);
    let mut world = settled(vec![dev, shop]);
    world.stack("dev").routes[0].spec.tls = Some(files());
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update proxy caddy"]);
    let mut consent = Consent::to(&plan, &world.observed);
    consent.sort(&plan, &world.observed);
    world.perform(&plan);
    // What Caddy has now will do for the host, which could not be known before.
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update proxy caddy"]);
    let (_, stale) = consent.sort(&plan, &world.observed);
    assert!(stale.is_empty(), "not agreed to: {}", stale.len());
    world.perform(&plan);
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
    assert!(!config(&world).to_string().contains("automatic:b.example.com"));
}
