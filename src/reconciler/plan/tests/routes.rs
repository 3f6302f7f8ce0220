//! Routes: gated by health, repaired, never taken away for it, and in nobody's way.

use std::sync::Arc;

use serde_json::{Value, json};

use super::world::*;
use crate::diff::document::HoldCode;
use crate::model::live::{Task, Workload};
use crate::model::nanos::Nanos;
use crate::model::route::{
    Action, Balance, DesiredRoute, HostPattern, PathPattern, Respond, RouteHost, RouteSpec, Scheme,
    ServiceTarget, Timeouts,
};
use crate::proxy::{Features, Live, RouteId};
use crate::reconciler::caddy::{ProxyRules, Sight};
use crate::reconciler::plan::Plan;
use crate::reconciler::step::{Step, Write};

/// Writes the steps on routes of a plan to the Caddy of a world.
pub(super) fn write(world: &mut World, plan: &Plan) {
    let of_proxy = |step: &&Step| matches!(step.write, Write::Route(_) | Write::Proxy { .. });
    let steps: Vec<&Step> = plan.steps.iter().filter(of_proxy).collect();
    if let (Some(part), false) = (&plan.proxy, steps.is_empty()) {
        see(world, part.merged(&part.live, &steps).unwrap().config);
    }
}

pub(super) fn see(world: &mut World, config: Value) {
    let live = Live { config, etag: None, features: Features::MODERN };
    world.sight = Sight::Seen(Arc::new(live));
}

pub(super) fn config(world: &World) -> Value {
    world.sight.live().unwrap().config.clone()
}

/// The routes that Caddy has, each with its stack.
pub(super) fn live(world: &World) -> Vec<String> {
    let live = world.sight.live().unwrap();
    live.routes().map(|(RouteId { stack, key, .. }, _)| format!("{stack} {key}")).collect()
}

pub(super) fn route(host: &str, action: Action) -> DesiredRoute {
    DesiredRoute {
        host: RouteHost::Named(HostPattern::parse(host).unwrap()),
        path: PathPattern::root(),
        spec: RouteSpec::of(action),
        place: place(),
    }
}

pub(super) fn to(service: &str, port: u16) -> Action {
    Action::Service(Box::new(ServiceTarget {
        service: service.to_owned(),
        port,
        scheme: Scheme::Http,
        has_address: true,
        balance: Balance::default(),
        active: None,
        passive: None,
        timeouts: Timeouts::default(),
    }))
}

pub(super) fn answer(status: u16) -> Action {
    Action::Respond(Respond { status, body: None })
}

/// A stack with one service and one route to it.
pub(super) fn shop() -> crate::model::desired::DesiredStack {
    let mut shop = stack("shop", vec![service("shop", "web")]);
    shop.routes.push(route("shop.example.com", to("shop_web", 80)));
    shop
}

/// A world in front of which is an empty Caddy.
pub(super) fn proxied(mut world: World) -> World {
    world.rules = Some(ProxyRules::default());
    see(&mut world, Value::Null);
    world
}

/// `count` tasks of each service that are as it is, for `age`.
pub(super) fn tasks(world: &mut World, count: u64, age: Nanos) {
    let since = now() - age.to_std();
    let tasks =
        world.observed.services.iter().flat_map(|live| {
            (1..=count).map(|slot| running(live, slot, since)).collect::<Vec<Task>>()
        });
    world.observed.workload = Some(Workload { tasks: tasks.collect(), nodes: vec![node()] });
    for live in &mut world.observed.services {
        live.counts.running = count;
    }
}

pub(super) fn codes(plan: &Plan, object: &str) -> Vec<HoldCode> {
    change(plan, object).holds.iter().map(|hold| hold.code).collect()
}

const ROUTE: &str = "route shop.example.com/*";

#[test]
fn a_route_comes_once_a_task_is_proven_and_the_second_pass_is_empty() {
    let mut world = proxied(World::declaring(vec![shop()]));
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), [HoldCode::WaitsForHealth]);
    assert_eq!(change(&plan, ROUTE).target.as_deref(), Some("shop_web:80"));
    world.photograph();
    tasks(&mut world, 1, Nanos::seconds(1));
    let plan = world.plan();
    assert_eq!(
        change(&plan, ROUTE).holds[0].reason,
        "waits for service shop_web: rolling (1/2)",
        "one that was just started is not proven"
    );
    assert!(plan.is_waiting());
    tasks(&mut world, 1, Nanos::seconds(60));
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), []);
    world.perform(&plan);
    assert_eq!(live(&world), ["shop shop.example.com/*"]);
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_live_route_stays_whatever_becomes_of_its_service_and_is_put_back_for_any_task_that_runs() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.converge();
    tasks(&mut world, 0, Nanos(0));
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
    // Caddy comes up empty.
    see(&mut world, json!({ "admin": {} }));
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), [HoldCode::WaitsForHealth]);
    tasks(&mut world, 1, Nanos(0));
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), []);
    assert_eq!(change(&plan, ROUTE).causes, [crate::diff::document::Cause::Drift]);
    world.perform(&plan);
    assert_eq!(live(&world).len(), 1);
}

#[test]
fn drift_is_told_from_a_commit_and_put_right_in_one_pass() {
    use crate::diff::document::Cause;
    let mut world = proxied(World::applied(vec![shop()]));
    world.converge();
    let wanted = config(&world);
    let list = "/apps/http/servers/skep-https/routes";
    let mut edited = wanted.clone();
    edited.pointer_mut(list).unwrap()[0]["handle"][0]["upstreams"][0]["dial"] = "evil:80".into();
    edited["apps"]["http"]["servers"]["mine"] = json!({ "listen": [":9"] });
    see(&mut world, edited.clone());
    let plan = world.plan();
    assert_eq!(change(&plan, ROUTE).causes, [Cause::Drift]);
    let to = change(&plan, ROUTE).fields.iter().find(|field| field.path.0 == "to").unwrap();
    assert_eq!(to.before, Some("evil:80".into()));
    world.perform(&plan);
    let mut expected = wanted;
    expected["apps"]["http"]["servers"]["mine"] = json!({ "listen": [":9"] });
    assert_eq!(config(&world), expected);
    world.stack("shop").routes[0].spec.hsts = Some(crate::model::route::Hsts {
        max_age: Nanos::seconds(60),
        subdomains: false,
        preload: false,
    });
    let plan = world.plan();
    assert_eq!(change(&plan, ROUTE).causes, [Cause::Git]);
    assert_eq!(codes(&plan, ROUTE), [], "it goes where it went, so nothing is waited for");
    // What is beside routes is put right as well.
    world.converge();
    let mut without = config(&world);
    without["apps"]["http"]["servers"]["skep-https"]["listen"] = json!([":444"]);
    see(&mut world, without);
    assert_eq!(outline(&world.plan()), ["update proxy caddy"]);
    world.converge();
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn without_a_proxy_or_while_it_is_away_everything_else_goes_on() {
    let mut world = World::declaring(vec![shop()]);
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), [HoldCode::NoProxy]);
    world.converge();
    assert_eq!(outline(&world.plan()), ["create route shop.example.com/* [no-proxy]"]);
    let mut world = proxied(World::declaring(vec![shop()]));
    world.sight = Sight::Lost("cannot read the configuration".to_owned());
    world.converge();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update proxy caddy [proxy-unreachable]"]);
    assert!(plan.is_waiting());
}

#[test]
fn a_service_goes_only_after_its_route_leads_elsewhere() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.policy.prune = true;
    world.converge();
    let shop = world.stack("shop");
    shop.services = vec![service("shop", "api")];
    shop.routes = vec![route("shop.example.com", to("shop_api", 80))];
    world.perform(&world.plan());
    tasks(&mut world, 0, Nanos(0));
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), [HoldCode::WaitsForHealth]);
    let kept = codes(&plan, "service shop_web");
    assert!(kept.contains(&HoldCode::WaitsForRoute), "{kept:?}");
    world.observed.workload = None;
    for live in &mut world.observed.services {
        live.counts.running = 2;
    }
    let passes = world.converge();
    let flat: Vec<&str> = passes.iter().flatten().map(String::as_str).collect();
    assert_eq!(flat, [ROUTE, "service shop_web"]);
}

#[test]
fn routes_go_by_the_rules_of_removal() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.converge();
    world.stack("shop").routes.clear();
    assert_eq!(outline(&world.plan()), ["remove route shop.example.com/* [prune-not-asked]"]);
    world.policy.prune = true;
    world.stack("shop").policy.protect = true;
    assert_eq!(outline(&world.plan()), ["remove route shop.example.com/* [protected]"]);
    world.stack("shop").policy.protect = false;
    world.converge();
    assert_eq!(live(&world).len(), 0);
    assert_eq!(config(&world)["apps"]["http"]["servers"], json!({}));
}

#[test]
fn a_stack_with_errors_keeps_its_routes_and_one_that_is_gone_needs_consent() {
    let mut world = proxied(World::applied(vec![shop(), stack("zoo", vec![service("zoo", "a")])]));
    world.policy.prune = true;
    world.converge();
    let shop = world.desired.stacks.remove(&"shop".parse().unwrap()).unwrap();
    world.scope.invalid.insert(shop.name.clone());
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
    world.scope.invalid.clear();
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardWholeStack]);
    assert_eq!(plan.steps.len(), 0);
    world.policy.prune_stacks = true;
    let passes = world.converge();
    assert_eq!(passes[0], [ROUTE]);
    assert_eq!(live(&world), Vec::<String>::new());
}

#[test]
fn a_route_that_moves_to_another_stack_is_never_away() {
    let mut zoo = stack("zoo", vec![service("zoo", "web")]);
    let mut world = proxied(World::applied(vec![shop(), zoo.clone()]));
    world.policy.prune = true;
    world.converge();
    world.stack("shop").routes.clear();
    zoo.routes.push(route("shop.example.com", to("zoo_web", 80)));
    *world.stack("zoo") = zoo;
    let plan = world.plan();
    assert_eq!(outline(&plan), ["move route shop.example.com/*"]);
    world.perform(&plan);
    assert_eq!(live(&world), ["zoo shop.example.com/*"]);
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn what_others_have_is_not_taken() {
    let mut world = proxied(World::applied(vec![shop()]));
    world.converge();
    let text = config(&world).to_string();
    for (other, words) in [
        (
            text.replace("skep:default:shop:https", "skep:blue:shop:https"),
            "fleet blue has this route",
        ),
        (
            text.replace("skep:default:shop:https", "skep:default:zoo:https"),
            "stack zoo has this route",
        ),
    ] {
        see(&mut world, serde_json::from_str(&other).unwrap());
        let plan = world.plan();
        assert_eq!(codes(&plan, ROUTE), [HoldCode::RouteTaken]);
        assert_eq!(change(&plan, ROUTE).holds[0].reason, words);
    }
    see(
        &mut world,
        json!({ "apps": { "http": { "servers": { "mine": { "listen": [":443"] } } } } }),
    );
    let plan = world.plan();
    assert_eq!(codes(&plan, ROUTE), [HoldCode::ProxyConflict]);
    assert_eq!(plan.steps.len(), 0);
}

#[test]
fn what_the_settings_do_not_allow_is_held_and_what_was_allowed_before_stays() {
    let mut shop = shop();
    shop.routes.push(route("raw.example.com", Action::Handlers));
    let mut world = proxied(World::applied(vec![shop]));
    world.rules.as_mut().unwrap().policy.raw = true;
    world.stack("shop").routes[1].spec.handlers = vec![json!({ "handler": "vars" })];
    world.converge();
    world.policy.prune = true;
    world.rules.as_mut().unwrap().policy.raw = false;
    assert_eq!(outline(&world.plan()), ["create route raw.example.com/* [route-not-allowed]"]);
    assert_eq!(live(&world).len(), 2);
}

#[test]
fn routed_services_are_attached_to_the_network_of_the_proxy_only_if_they_share_none() {
    let mut world = proxied(World::applied(vec![shop()]));
    let mut proxy = service("caddy", "caddy").spec;
    proxy.labels.insert("skep.role".to_owned(), "proxy".to_owned());
    proxy.labels.remove("skep.fleet");
    world.observed.services.push(live_service(&proxy));
    world.rules.as_mut().unwrap().network = Some("caddy_default".to_owned());
    let plan = world.plan();
    let web = change(&plan, "service shop_web");
    assert_eq!(web.effect.kind(), "rolls");
    assert_eq!(web.fields[0].path.0, "networks.caddy_default");
    world.rules.as_mut().unwrap().network = Some("edge".to_owned());
    world.live("caddy_caddy").spec.task_template.networks[0].target = "shop_default".to_owned();
    assert_eq!(outline(&world.plan()), ["create route shop.example.com/*"]);
}

#[test]
fn removing_a_stack_on_request_takes_its_routes_first() {
    let mut shop = shop();
    shop.routes.push(route("www.example.com", answer(204)));
    let mut world = proxied(World::applied(vec![shop]));
    world.converge();
    world.desired.stacks.clear();
    world.scope.whole = false;
    world.policy.remove = Some(crate::reconciler::policy::RemoveStack {
        stack: "shop".parse().unwrap(),
        declared_in: None,
    });
    let passes = world.converge();
    assert_eq!(passes[0], [ROUTE, "route www.example.com/*"]);
    assert_eq!(live(&world), Vec::<String>::new());
    assert!(passes[1..].iter().flatten().any(|object| object == "service shop_web"));
}

#[test]
fn a_renamed_stack_takes_its_route_along_but_not_that_of_what_it_leaves_behind() {
    let mut shop = shop();
    shop.services.push(service("shop", "api"));
    shop.routes.push(route("api.example.com", to("shop_api", 80)));
    let mut world = proxied(World::applied(vec![shop]));
    world.converge();
    let before = live(&world);
    world.desired.stacks.clear();
    let mut store = stack("store", vec![service("store", "web")]);
    store.routes.push(route("store.example.com", to("store_web", 80)));
    store.policy.previous_name = Some("shop".parse().unwrap());
    world.desired.stacks.insert("store".parse().unwrap(), store);
    // It stays until there is something in its place.
    for prune in [false, true] {
        world.policy.prune = prune;
        world.converge();
        assert_eq!(live(&world), before);
    }
    world.policy.prune = false;
    world.policy.allow_replace = true;
    assert_eq!(codes(&world.plan(), ROUTE), [HoldCode::WaitsForHealth]);
    world.converge();
    assert_eq!(live(&world), ["shop api.example.com/*", "store store.example.com/*"]);
    let services = world.observed.services.iter().map(|live| live.spec.name.as_str());
    assert_eq!(services.collect::<Vec<_>>(), ["shop_api", "store_web"]);
    let left = [HoldCode::PruneNotAsked, HoldCode::GuardWholeStack];
    assert_eq!(codes(&world.plan(), "route api.example.com/*"), left);
}
