//! One route as an object of Caddy.

use serde_json::{Map, Value, json};

use super::access::{by_address, by_password, defaults, hsts, maintenance};
use super::answers::{files, redirect};
use super::edits::{encode, headers, rewrite, strip};
use super::floors::Features;
use super::ident::{Entry, RouteId};
use super::policy::{ProxyPolicy, Servers};
use super::raw::as_handed_out;
use super::text::{answer, patterns};
use super::upstream::{external, service};
use crate::model::route::{Access, Action, HostPattern, Respond, RouteKey, RouteSpec};

/// A route. Its host stands at the top, where Caddy looks for names that need a certificate.
pub(super) fn route(
    id: &RouteId,
    spec: &RouteSpec,
    policy: &ProxyPolicy,
    features: Features,
) -> Value {
    let mut route = Map::new();
    route.insert("@id".to_owned(), id.to_string().into());
    if let Some(matches) = matches(id.entry, &id.key) {
        route.insert("match".to_owned(), matches);
    }
    route.insert("handle".to_owned(), handlers(id, spec, policy, features).into());
    route.insert("terminal".to_owned(), true.into());
    route.into()
}

/// What requests of a route have in common; `None` for all requests.
pub(super) fn matches(entry: Entry, key: &RouteKey) -> Option<Value> {
    let RouteKey { host, path } = key;
    let mut matcher = Map::new();
    match (host, entry) {
        (HostPattern::Any, _) => {}
        // Caddy puts its redirects to TLS behind the last route with a host at its top, where a wildcard would hide
        // those of more specific hosts.
        (HostPattern::Wildcard(_), Entry::Http) => {
            let other = json!({ "not": [{ "host": [host.to_string()] }] });
            matcher.insert("not".to_owned(), json!([other]));
        }
        (HostPattern::Wildcard(_) | HostPattern::Exact(_), _) => {
            matcher.insert("host".to_owned(), json!([host.to_string()]));
        }
    }
    let paths = patterns(path);
    if !paths.is_empty() {
        matcher.insert("path".to_owned(), paths.into());
    }
    (!matcher.is_empty()).then(|| json!([matcher]))
}

fn handlers(
    id: &RouteId,
    spec: &RouteSpec,
    policy: &ProxyPolicy,
    features: Features,
) -> Vec<Value> {
    let RouteSpec {
        tls: _,
        http_only: _,
        hsts: strict,
        access,
        maintenance: down,
        max_body,
        encode: encoding,
        headers: edits,
        strip_prefix,
        rewrite: rewriting,
        handlers: raw,
        action,
    } = spec;
    let path = &id.key.path;
    let Access { allow: _, deny: _, basic_auth } = access;
    let mut handlers = log_fields(id, action, policy, features);
    handlers.extend(defaults(&policy.headers));
    handlers.extend(strict.as_ref().filter(|_| id.entry == Entry::Https).map(hsts));
    handlers.extend(by_address(access, features));
    handlers.extend(down.as_ref().map(maintenance));
    handlers.extend(basic_auth.as_ref().map(by_password));
    handlers.extend(max_body.map(|size| json!({ "handler": "request_body", "max_size": size })));
    handlers.extend(encoding.as_ref().map(encode));
    handlers.extend(headers(edits));
    handlers.extend(strip(path).filter(|_| *strip_prefix));
    handlers.extend(rewriting.as_ref().map(rewrite));
    handlers.extend(raw.iter().map(as_handed_out));
    match action {
        Action::Service(target) => handlers.push(service(target, features)),
        Action::External(target) => handlers.push(external(target, features)),
        Action::Redirect(target) => handlers.extend(redirect(target, path)),
        Action::Static(directory) => handlers.push(files(directory)),
        Action::Respond(Respond { status, body }) => handlers.push(answer(*status, body.as_ref())),
        Action::Handlers => {}
    }
    handlers
}

/// Whose request it is, in the access log.
fn log_fields(
    id: &RouteId,
    action: &Action,
    policy: &ProxyPolicy,
    features: Features,
) -> Vec<Value> {
    let is_logged = match &policy.servers {
        Servers::Own(own) => own.access_log,
        Servers::Attached { .. } => false,
    };
    if !is_logged || !features.is_modern {
        return Vec::new();
    }
    let field =
        |key: &str, value: &str| json!({ "handler": "log_append", "key": key, "value": value });
    let mut fields = vec![field("stack", id.stack.as_str())];
    if let Action::Service(target) = action {
        fields.push(field("service", &target.service));
    }
    fields
}
