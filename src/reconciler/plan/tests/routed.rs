//! What is told of routes although the proxy does not say it: whose they are, who changed them, whether they reach anybody.

use serde_json::json;

use super::routes::{answer, config, live, proxied, route, see, shop};
use super::world::{World, change, live_service, outline, service, stack, stack_holds};
use crate::diff::document::{Cause, HoldCode};
use crate::model::desired::DesiredStack;
use crate::model::route::Tls;
use crate::model::service::{EndpointSpec, PortConfig};
use crate::reconciler::caddy::Sight;
use crate::reconciler::policy::RemoveStack;
use crate::reconciler::step::Write;

/// A stack of nothing but a route.
fn signs() -> DesiredStack {
    let mut signs = stack("signs", Vec::new());
    signs.networks.clear();
    signs.routes.push(route("old.example.com", answer(410)));
    signs
}

const ROUTE: &str = "route old.example.com/*";

/// Both stacks are live, and `signs` is not declared any more.
fn without_signs() -> World {
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.converge();
    world.desired.stacks.remove(&"signs".parse().unwrap());
    world.policy.prune = true;
    world
}

#[test]
fn a_stack_of_nothing_but_routes_vanishes_by_the_rules_of_all_stacks() {
    let mut world = without_signs();
    world.policy.prune = false;
    let plan = world.plan();
    assert_eq!(outline(&plan), [format!("remove {ROUTE} [prune-not-asked]")]);
    assert_eq!(stack_holds(&plan), [HoldCode::GuardWholeStack]);
    world.policy.prune = true;
    assert_eq!(world.plan().steps.len(), 0, "the whole stack needs its own consent");
    world.policy.prune_stacks = true;
    assert_eq!(world.converge(), [[ROUTE]]);
    assert_eq!(live(&world), ["shop shop.example.com/*"]);
    let record = &world.observed.configs[0].spec.labels;
    assert!(!record.keys().any(|label| label.contains("signs")), "{record:?}");
}

#[test]
fn routes_of_another_source_or_of_nobody_knows_whom_do_not_vanish() {
    let mut world = without_signs();
    world.policy.prune_stacks = true;
    world.scope.source = "other".parse().unwrap();
    assert!(!outline(&world.plan()).iter().any(|line| line.contains(ROUTE)));
    world.scope.source = "cli".parse().unwrap();
    world.scope.elsewhere.stacks.insert("signs".parse().unwrap());
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
    world.scope.elsewhere.stacks.clear();
    assert_eq!(outline(&world.plan()), [format!("remove {ROUTE}")]);
    world.observed.configs[0].spec.labels.retain(|label, _| !label.starts_with("skep.routed."));
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_protected_stack_of_nothing_but_routes_stays() {
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.converge();
    // Protected later, while nothing else changes.
    world.stack("signs").policy.protect = true;
    let plan = world.plan();
    assert_eq!((outline(&plan), plan.steps.len()), (Vec::new(), 1));
    world.perform(&plan);
    assert_eq!(world.plan().steps.len(), 0);
    world.desired.stacks.remove(&"signs".parse().unwrap());
    (world.policy.prune, world.policy.prune_stacks) = (true, true);
    assert_eq!(outline(&world.plan()), [format!("remove {ROUTE} [protected]")]);
    world.desired.stacks.clear();
    world.scope.whole = false;
    world.policy.remove = Some(RemoveStack { stack: "signs".parse().unwrap(), declared_in: None });
    let plan = world.plan();
    assert_eq!((stack_holds(&plan), plan.steps.len()), (vec![HoldCode::Protected], 0));
}

#[test]
fn whose_routes_are_and_their_protection_is_noted_however_the_proxy_is() {
    let noted = |world: &mut World| {
        let plan = world.plan();
        assert!(plan.steps.iter().any(|s| matches!(s.write, Write::Remember { is_due: true, .. })));
        world.perform(&plan);
        let value = world.observed.configs[0].spec.labels.get("skep.routed.signs").cloned();
        value.map(|value| value.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>())
    };
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.converge();
    let label = world.observed.configs[0].spec.labels["skep.routed.signs"].clone();
    let beside = label.strip_prefix("cli ").unwrap();
    // All routes are live, and nothing but the source changes.
    world.stack("signs").source = "other".parse().unwrap();
    assert_eq!(noted(&mut world).unwrap(), ["other", beside]);
    assert_eq!(world.plan().steps.len(), 0);
    // A route is not live as declared, and something beside routes differs.
    let mut edited = config(&world);
    edited["apps"]["http"]["servers"]["skep-https"]["listen"] = json!([":444"]);
    edited["apps"]["http"]["servers"]["skep-https"]["routes"] = json!([]);
    see(&mut world, edited);
    world.stack("signs").policy.protect = true;
    assert_eq!(noted(&mut world).unwrap(), ["other", beside, "protected"]);
    // Nothing can be seen.
    world.converge();
    world.sight = Sight::Lost("cannot read the configuration".to_owned());
    world.stack("signs").policy.protect = false;
    assert_eq!(noted(&mut world).unwrap(), ["other", beside]);
    // The last route is dropped, and Caddy has lost it.
    world.stack("signs").policy.protect = true;
    assert_eq!(noted(&mut world).unwrap(), ["other", beside, "protected"]);
    world.stack("signs").routes.clear();
    assert_eq!(world.plan().steps.len(), 0, "it may be live");
    see(&mut world, json!({ "admin": {} }));
    assert_eq!(noted(&mut world), None);
    world.converge();
    let record = &world.observed.configs[0].spec.labels;
    assert!(!record.keys().any(|label| label.contains("signs")), "{record:?}");
}

#[test]
fn a_route_that_was_dropped_while_caddy_had_lost_it_is_a_new_one_when_it_comes_back() {
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.stack("signs").routes.push(route("new.example.com", answer(200)));
    world.converge();
    let label = |world: &World, prefix: &str| {
        world.observed.configs[0].spec.labels.get(&format!("{prefix}.signs")).cloned()
    };
    assert_eq!(label(&world, "skep.routes").unwrap().lines().count(), 2);
    let dropped = world.stack("signs").routes.pop().unwrap();
    // As long as it may be live, it is known.
    world.sight = Sight::Lost("cannot read the configuration".to_owned());
    assert_eq!(world.plan().steps.len(), 0);
    see(&mut world, json!({ "admin": {} }));
    let plan = world.plan();
    assert_eq!(change(&plan, ROUTE).causes, [Cause::Drift], "the other one is put back");
    world.perform(&plan);
    assert_eq!(label(&world, "skep.routes").unwrap().lines().count(), 1);
    world.stack("signs").routes.push(dropped);
    assert_eq!(change(&world.plan(), "route new.example.com/*").causes, [Cause::Git]);
    // The same of a whole stack.
    see(&mut world, json!({ "admin": {} }));
    world.stack("signs").routes.pop();
    let signs = world.desired.stacks.remove(&"signs".parse().unwrap()).unwrap();
    world.scope.whole = false;
    world.converge();
    assert!(label(&world, "skep.routed").is_some(), "a part of a source tells nothing of it");
    world.scope.whole = true;
    world.converge();
    assert_eq!((label(&world, "skep.routes"), label(&world, "skep.routed")), (None, None));
    world.desired.stacks.insert(signs.name.clone(), signs);
    assert_eq!(change(&world.plan(), ROUTE).causes, [Cause::Git]);
}

#[test]
fn routes_that_nobody_knows_whose_they_are_are_noted_as_long_as_they_are_declared() {
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.converge();
    let noted = world.observed.configs[0].spec.labels.clone();
    assert!(noted.contains_key("skep.routed.signs"));
    let is_of_routes = |label: &String| label.starts_with("skep.route");
    world.observed.configs[0].spec.labels.retain(|label, _| !is_of_routes(label));
    world.learned.has_written = false;
    let plan = world.plan();
    assert_eq!((outline(&plan), plan.steps.len()), (Vec::new(), 1));
    world.perform(&plan);
    assert_eq!(world.observed.configs[0].spec.labels, noted);
    assert_eq!(world.plan().steps.len(), 0);
    // Once they are not, a person can still remove them.
    world.observed.configs[0].spec.labels.retain(|label, _| !is_of_routes(label));
    world.desired.stacks.clear();
    world.scope.whole = false;
    world.policy.remove = Some(RemoveStack { stack: "signs".parse().unwrap(), declared_in: None });
    assert_eq!(world.converge()[0], [ROUTE]);
}

#[test]
fn a_fleet_of_nothing_but_routes_notes_whose_they_are() {
    let mut world = proxied(World::declaring(vec![signs()]));
    world.observed.configs.clear();
    let passes = world.converge();
    assert_eq!(passes[0], ["config skep_default_record", ROUTE]);
    world.learned.has_written = true;
    world.converge();
    let record = &world.observed.configs[0].spec.labels;
    assert!(record["skep.routed.signs"].starts_with("cli "), "{record:?}");
    assert!(record.contains_key("skep.routes.signs"), "{record:?}");
    let plan = world.plan();
    assert_eq!((outline(&plan), plan.steps.len()), (Vec::new(), 0));
}

#[test]
fn what_is_beside_routes_is_git_when_something_else_is_declared_and_drift_otherwise() {
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.converge();
    world.stack("signs").routes[0].spec.tls = Some(Tls::Internal);
    let plan = world.plan();
    let causes = |plan: &crate::reconciler::plan::Plan| change(plan, "proxy caddy").causes.clone();
    assert_eq!(causes(&plan), [Cause::Git]);
    let committed = plan.steps.iter().find_map(|step| match &step.write {
        Write::Proxy { committed, .. } => Some(committed.iter().map(ToString::to_string)),
        _ => None,
    });
    assert_eq!(committed.unwrap().collect::<Vec<_>>(), ["signs"]);
    world.perform(&plan);
    assert_eq!(outline(&world.plan()), Vec::<String>::new());

    let mut edited = config(&world);
    edited["apps"]["tls"]["automation"]["policies"][0]["issuers"] = json!([{ "module": "acme" }]);
    see(&mut world, edited);
    assert_eq!(causes(&world.plan()), [Cause::Drift]);
    // Both at once.
    world.stack("shop").routes[0].spec.tls = Some(Tls::Internal);
    assert_eq!(causes(&world.plan()), [Cause::Git, Cause::Drift]);
    world.converge();
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn what_caddy_refuses_of_one_stack_is_held_and_that_of_others_is_put_right() {
    let written = |plan: &crate::reconciler::plan::Plan| {
        let stacks = plan.steps.iter().find_map(|step| match &step.write {
            Write::Proxy { stacks, .. } => Some(stacks.iter().map(ToString::to_string).collect()),
            _ => None,
        });
        stacks.unwrap_or_else(Vec::new)
    };
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    world.converge();
    let before = world.observed.configs[0].spec.labels.clone();
    for stack in ["shop", "signs"] {
        world.stack(stack).routes[0].spec.tls = Some(Tls::Internal);
    }
    assert_eq!(written(&world.plan()), ["shop", "signs"]);
    // The proxy took that of signs, and the step as a whole failed, so that nothing was noted.
    let refused = ("shop".parse().unwrap(), "Caddy refuses it: no such module".to_owned());
    world.learned.refused_beside.extend([refused]);
    let plan = world.plan();
    assert_eq!(written(&plan), ["signs"]);
    let notes = &change(&plan, "proxy caddy").notes;
    assert!(notes[0].ends_with("stack shop: Caddy refuses it: no such module"), "{notes:?}");
    world.perform(&plan);
    let remembered = world.observed.configs[0].spec.labels.clone();
    assert_ne!(remembered["skep.routed.signs"], before["skep.routed.signs"]);
    world.observed.configs[0].spec.labels = before.clone();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update proxy caddy [write-refused]"]);
    world.perform(&plan);
    assert_eq!(world.observed.configs[0].spec.labels, remembered, "that of shop is as it was");
    assert_eq!(world.plan().steps.len(), 0);

    let mut edited = config(&world);
    let policies = edited["apps"]["tls"]["automation"]["policies"].as_array_mut().unwrap();
    assert_eq!(policies.len(), 1, "{policies:?}");
    policies.clear();
    see(&mut world, edited);
    let plan = world.plan();
    assert_eq!(written(&plan), ["signs"]);
    assert_eq!(change(&plan, "proxy caddy").causes, [Cause::Drift]);
    world.perform(&plan);
    // A new revision, or a person, allows another try.
    world.learned.refused_beside.clear();
    assert_eq!(written(&world.plan()), ["shop", "signs"]);
    world.converge();
    assert_eq!(outline(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_routed_service_that_the_proxy_cannot_find_is_told() {
    let mut world = proxied(World::applied(vec![shop(), signs()]));
    let found = |world: &World| -> Vec<String> {
        let findings = world.plan().document.findings;
        findings
            .into_iter()
            .map(|finding| format!("{}: {}", finding.code, finding.message))
            .collect()
    };
    assert_eq!(found(&world), Vec::<String>::new(), "a Caddy outside is nobody's neighbour");
    let mut proxy = service("edge", "caddy").spec;
    proxy.labels.clear();
    proxy.task_template.container_spec.as_mut().unwrap().image =
        "docker.io/library/caddy:2.11@sha256:ab".to_owned();
    let port = PortConfig { target_port: 443, ..PortConfig::default() };
    proxy.endpoint_spec = Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    world.observed.services.push(live_service(&proxy));
    assert_eq!(
        found(&world),
        [
            "no-shared-network: service shop_web shares no network with edge_caddy, the proxy, which will not find it"
        ]
    );
    // With `proxy.network` it is put there.
    world.rules.as_mut().unwrap().network = Some("edge_default".to_owned());
    assert_eq!(found(&world), Vec::<String>::new());
    // What only looks like the proxy moves no service, and warns of none.
    world.live("edge_caddy").spec.task_template.networks[0].target = "shop_default".to_owned();
    world.rules.as_mut().unwrap().network = Some("public".to_owned());
    let web = "service shop_web";
    assert_eq!(change(&world.plan(), web).fields[0].path.0, "networks.public");
    assert_eq!(found(&world), Vec::<String>::new());
    world.rules.as_mut().unwrap().network = None;
    assert_eq!(found(&world), Vec::<String>::new());
    // Where one says that it is the proxy, no other is taken for it.
    let mut said = service("front", "caddy").spec;
    said.labels.clear();
    said.labels.insert("skep.role".to_owned(), "proxy".to_owned());
    world.observed.services.push(live_service(&said));
    assert!(found(&world)[0].contains("shares no network with front_caddy"));
}
