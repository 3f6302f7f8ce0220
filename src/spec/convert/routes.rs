//! Routes to declare: one for each host that a stack file names.

use serde_json::Value;

use crate::model::route::{Access, Action, DesiredRoute, RouteHost, RouteSpec, ServiceTarget};
use crate::spec::compose::Service;
use crate::spec::compose::routes::{HostChoice, Route};
use crate::spec::decode::Located;
use crate::spec::stack::Stack;

use super::names::scoped;

/// The routes that a stack declares, in the order of its file.
pub(in crate::spec) fn routes(stack: &Stack) -> Vec<DesiredRoute> {
    let name = stack.name.as_str();
    let mut routes = Vec::new();
    let of_stack = stack.compose.x_skep.as_ref();
    let outer = handlers(of_stack.and_then(|own| own.caddy.as_ref()));
    for route in of_stack.iter().flat_map(|own| own.routes.iter().flat_map(|r| &r.0)) {
        add(&mut routes, route, &outer, stack_action(route), |host| host_of(host, name, None));
    }
    for (key, service) in &stack.compose.services {
        let Some(own) = &service.x_skep else { continue };
        let outer = [outer.as_slice(), &handlers(own.caddy.as_ref())].concat();
        for route in own.routes.iter().flat_map(|routes| &routes.0) {
            let action = service_action(name, key, service, route);
            add(&mut routes, route, &outer, action, |host| host_of(host, name, Some(key)));
        }
    }
    routes
}

fn handlers(own: Option<&Located<Vec<Value>>>) -> Vec<Value> {
    own.map(|handlers| handlers.value.clone()).unwrap_or_default()
}

/// The name below the root domain that `host: auto` stands for. Names of objects may have what names of hosts may not.
pub(in crate::spec) fn auto_name(stack: &str, service: &str) -> String {
    format!("{service}.{stack}").to_ascii_lowercase().replace('_', "-")
}

/// The host that is chosen for a route of `stack`, as far as the stack file tells it; `auto` is for services.
pub(in crate::spec) fn host_of(
    choice: &HostChoice,
    stack: &str,
    service: Option<&str>,
) -> Option<RouteHost> {
    match choice {
        HostChoice::Auto => service.map(|key| RouteHost::BelowRoot(auto_name(stack, key))),
        HostChoice::Named(host) => Some(RouteHost::Named(host.clone())),
    }
}

fn add(
    routes: &mut Vec<DesiredRoute>,
    route: &Route,
    outer: &[Value],
    action: Option<Action>,
    host_of: impl Fn(&HostChoice) -> Option<RouteHost>,
) {
    let (Some(path), Some(action)) = (route.pattern(), action) else { return };
    let spec = spec(route, outer, action);
    for Located { value: host, place, interpolated: _ } in &route.host {
        routes.extend(host_of(host).map(|host| DesiredRoute {
            host,
            path: path.value.clone(),
            spec: spec.clone(),
            place: place.clone(),
        }));
    }
}

fn spec(route: &Route, outer: &[Value], action: Action) -> RouteSpec {
    RouteSpec {
        tls: route.tls.as_ref().map(|tls| tls.value.clone()),
        http_only: route.http_only.as_ref().is_some_and(|only| only.value),
        hsts: route.hsts.as_ref().map(|hsts| hsts.value),
        access: Access {
            allow: route.allow.clone(),
            deny: route.deny.clone(),
            basic_auth: route.basic_auth.clone(),
        },
        maintenance: route.maintenance.clone(),
        max_body: route.max_body.and_then(|size| u64::try_from(size.0).ok()),
        encode: route.encode.clone(),
        headers: route.headers.clone(),
        strip_prefix: route.strip_prefix,
        rewrite: route.rewrite.clone(),
        handlers: [outer, &route.caddy].concat(),
        action,
    }
}

fn stack_action(route: &Route) -> Option<Action> {
    let redirect = route.redirect.clone().map(Action::Redirect);
    let proxy = || route.proxy.clone().map(Action::External);
    let files = || route.files.clone().map(Action::Static);
    let respond = || route.respond.clone().map(Action::Respond);
    let handlers = || (!route.caddy.is_empty()).then_some(Action::Handlers);
    redirect.or_else(proxy).or_else(files).or_else(respond).or_else(handlers)
}

fn service_action(stack: &str, key: &str, service: &Service, route: &Route) -> Option<Action> {
    let mode = service.deploy.as_ref().and_then(|deploy| deploy.endpoint_mode.as_ref());
    Some(Action::Service(Box::new(ServiceTarget {
        service: scoped(stack, key),
        port: route.port.as_ref()?.value,
        scheme: route.scheme.unwrap_or_default(),
        has_address: mode.is_none_or(|mode| !mode.eq_ignore_ascii_case("dnsrr")),
        balance: route.lb.as_ref().map(|lb| lb.value.clone()).unwrap_or_default(),
        active: route.health_check.as_ref().map(|check| check.value.clone()),
        passive: route.passive_health.clone(),
        timeouts: route.timeouts.clone().unwrap_or_default(),
    })))
}
