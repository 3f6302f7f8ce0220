//! Routes that take each other's requests, or that would not do what their author thinks.

use std::collections::HashMap;

use serde_json::Value;

use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::model::route::{HostPattern, PathPattern, RouteHost, Tls};
use crate::spec::compose::Service;
use crate::spec::compose::routes::{HostChoice, Route};
use crate::spec::convert::{auto_name, host_of};
use crate::spec::decode::{Located, Report};
use crate::spec::stack::Stack;

/// The routes of a stack, each with the service that has it.
fn routes(stack: &Stack) -> impl Iterator<Item = (Option<(&str, &Service)>, &Route)> {
    let own = stack.compose.x_skep.iter().filter_map(|own| own.routes.as_ref());
    let own = own.flat_map(|routes| routes.0.iter().map(|route| (None, route)));
    let of_services = stack.compose.services.iter().flat_map(|(key, service)| {
        let routes = service.x_skep.iter().filter_map(|own| own.routes.as_ref());
        let routes = routes.flat_map(|routes| &routes.0);
        routes.map(move |route| (Some((key.as_str(), &service.value)), route))
    });
    own.chain(of_services)
}

/// A route as messages name it: where it stands.
fn path_of(service: Option<(&str, &Service)>) -> String {
    service.map_or_else(
        || "x-skep.routes".to_owned(),
        |(key, _)| format!("services.{key}.x-skep.routes"),
    )
}

pub(super) fn check(stack: &Stack, report: &mut Report) {
    let mut first: HashMap<(RouteHost, PathPattern), &Place> = HashMap::new();
    let mut tls: HashMap<RouteHost, (&Tls, &Place)> = HashMap::new();
    for (service, route) in routes(stack) {
        let at = path_of(service);
        let owner = service.map(|(key, _)| auto_name(stack.name.as_str(), key));
        for host in &route.host {
            let Some(path) = route.pattern() else { continue };
            let choice = host_of(&host.value, stack.name.as_str(), service.map(|(key, _)| key));
            let Some(choice) = choice else { continue };
            let key = (choice.clone(), path.value);
            if let Some(first) = first.get(&key) {
                let message = format!("{at} has a route for a host and path that have one already");
                report.push(
                    Finding::error("same-route", host.place.clone(), message)
                        .related((*first).clone(), "the first one")
                        .hint("give one of them another path or host"),
                );
            } else {
                first.insert(key, &host.place);
            }
            if let Some(own) = &route.tls {
                match tls.get(&choice) {
                    Some((other, place)) if **other != own.value => report.push(
                        Finding::error(
                            "different-tls",
                            own.place.clone(),
                            format!("{at} has another `tls` for the same host"),
                        )
                        .related((*place).clone(), "the first one")
                        .hint("a host has one certificate: say `tls` once, or the same each time"),
                    ),
                    _ => {
                        tls.insert(choice, (&own.value, &own.place));
                    }
                }
            }
            let auto = owner.as_ref().filter(|_| host.value == HostChoice::Auto);
            if let Some(name) = auto
                && HostPattern::parse(&format!("{name}.example.com")).is_err()
            {
                let message =
                    format!("{at} has `auto`, but {name} cannot begin the name of a host");
                report.push(
                    Finding::error("invalid-host", host.place.clone(), message)
                        .hint("rename the service, or write a host"),
                );
            }
        }
        hosting(&at, route, report);
        if let Some((_, service)) = service {
            target(&at, service, route, report);
        }
        if route.strip_prefix
            && route.pattern().is_some_and(|path| path.value == PathPattern::root())
        {
            let message = format!("{at} has `strip_prefix`, but no `path` to take away");
            report.push(Finding::warning("nothing-to-strip", route.place.clone(), message));
        }
    }
    idle_handlers(stack, report);
    for (service, route) in routes(stack) {
        wildcards(&path_of(service), route, &tls, report);
    }
}

/// Handlers for routes, where there are no routes.
fn idle_handlers(stack: &Stack, report: &mut Report) {
    let mut warn = |at: &str, handlers: &Located<Vec<Value>>| {
        let message = format!("{at} has handlers, but there is no route for them");
        report.push(
            Finding::warning("idle-handlers", handlers.place.clone(), message)
                .hint("write them as `caddy` of a route"),
        );
    };
    let of_stack = stack.compose.x_skep.as_ref().and_then(|own| own.caddy.as_ref());
    if let (Some(handlers), None) = (of_stack, routes(stack).next()) {
        warn("x-skep.caddy", handlers);
    }
    for (key, service) in &stack.compose.services {
        let Some(own) = &service.x_skep else { continue };
        if let (Some(handlers), true) =
            (&own.caddy, own.routes.as_ref().is_none_or(|r| r.0.is_empty()))
        {
            warn(&format!("services.{key}.x-skep.caddy"), handlers);
        }
    }
}

/// Keys that concern the whole host.
fn hosting(at: &str, route: &Route, report: &mut Report) {
    let http_only = route.http_only.as_ref().filter(|only| only.value);
    let keys = [
        ("tls", route.tls.as_ref().map(|tls| &tls.place)),
        ("hsts", route.hsts.as_ref().map(|hsts| &hsts.place)),
    ];
    for (key, place) in keys {
        if let (Some(only), Some(place)) = (http_only, place) {
            let message = format!("{at} has `{key}`, but is served without TLS");
            report.push(
                Finding::error("conflicting-keys", place.clone(), message)
                    .related(only.place.clone(), "because of this")
                    .hint("remove one of the two"),
            );
        }
    }
    let any = HostChoice::Named(HostPattern::Any);
    if let (Some(tls), true) = (&route.tls, route.host.iter().any(|host| host.value == any)) {
        let message = format!("{at} has `tls` for every host");
        report.push(
            Finding::error("conflicting-keys", tls.place.clone(), message)
                .hint("certificates are for names: write the hosts"),
        );
    }
}

/// Authorities prove a wildcard by DNS only (RFC 8555, and Let's Encrypt's challenge types).
fn wildcards(
    at: &str,
    route: &Route,
    tls: &HashMap<RouteHost, (&Tls, &Place)>,
    report: &mut Report,
) {
    if route.http_only.as_ref().is_some_and(|only| only.value) {
        return;
    }
    for host in &route.host {
        let HostChoice::Named(pattern @ HostPattern::Wildcard(_)) = &host.value else { continue };
        let told = tls.get(&RouteHost::Named(pattern.clone()));
        if told.is_none_or(|(tls, _)| **tls == Tls::Automatic) {
            let message =
                format!("{at} has a wildcard, for which there are no automatic certificates");
            report.push(Finding::warning("wildcard-certificate", host.place.clone(), message).hint(
                "say `tls` with `issuers` that prove the host by DNS, `internal`, or certificate files",
            ));
        }
    }
}

/// A service as a target.
fn target(at: &str, service: &Service, route: &Route, report: &mut Report) {
    let deploy = service.deploy.as_ref();
    if let Some(mode) = deploy.and_then(|deploy| deploy.mode.as_ref())
        && mode.value.to_string().ends_with("-job")
    {
        let message = format!("{at} has a route to a job, which ends");
        report.push(
            Finding::error("route-to-job", route.place.clone(), message)
                .related(mode.place.clone(), "the mode"),
        );
    }
    let ports = || service.ports.iter().flat_map(|ports| &ports.0);
    if let Some(port) = &route.port {
        let number = u32::from(port.value);
        let published = ports().find(|published| published.published == number);
        let is_target = ports().any(|published| published.target == number);
        if let Some(published) = published.filter(|_| !is_target) {
            let message = format!("{at} has the port {number}, which is the published one");
            report.push(
                Finding::warning("published-port", port.place.clone(), message)
                    .related(published.place.clone(), "published here")
                    .hint(format!(
                        "the proxy dials containers: write `port: {}`",
                        published.target
                    )),
            );
        }
    }
    let by_name = deploy
        .and_then(|deploy| deploy.endpoint_mode.as_ref())
        .is_none_or(|mode| !mode.eq_ignore_ascii_case("dnsrr"));
    let by_task = route.lb.as_ref().is_some_and(|lb| lb.by_task) || !by_name;
    if let (true, Some(check)) = (by_task, &route.health_check) {
        let message =
            format!("{at} has a `health_check`, but dials tasks, which Caddy does not probe");
        report.push(
            Finding::error("unprobed-tasks", check.place.clone(), message)
                .hint("use `passive_health`, and a `healthcheck` of the service itself"),
        );
    }
}

/// Routes that two stacks have: the index of a stack, and the finding about its route.
pub(in crate::spec) fn across(stacks: &[Stack]) -> Vec<(usize, Finding)> {
    let mut first: HashMap<(RouteHost, PathPattern), (usize, String, &Place)> = HashMap::new();
    let mut findings = Vec::new();
    for (index, stack) in stacks.iter().enumerate() {
        for (service, route) in routes(stack) {
            let Some(Located { value: path, .. }) = route.pattern() else { continue };
            for host in &route.host {
                let choice = host_of(&host.value, stack.name.as_str(), service.map(|(key, _)| key));
                let Some(choice) = choice else { continue };
                let key = (choice, path.clone());
                let at = path_of(service);
                let Some((other, other_at, place)) = first.get(&key) else {
                    first.insert(key, (index, at, &host.place));
                    continue;
                };
                if *other == index {
                    continue;
                }
                let Some(earlier) = stacks.get(*other) else { continue };
                findings
                    .push((*other, taken(other_at, place, &stack.name.to_string(), &host.place)));
                findings.push((index, taken(&at, &host.place, &earlier.name.to_string(), place)));
            }
        }
    }
    findings
}

fn taken(at: &str, place: &Place, stack: &str, other: &Place) -> Finding {
    let message = format!("{at} has a route that the stack {stack} has, too");
    Finding::warning("same-route", place.clone(), message)
        .related(other.clone(), "the other one")
        .hint("whichever has the route keeps it; give one of them another path or host")
}
