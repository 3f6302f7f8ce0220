//! Handlers that keep requests out.

use serde_json::{Value, json};

use super::floors::Features;
use super::text::{answer, content_type, patterns};
use crate::model::route::{Access, BasicAuth, Hsts, IpRange, Maintenance, Template};

/// What is said where a page is down for maintenance and nobody wrote one.
const MAINTENANCE: &str = "down for maintenance";

/// The handlers of `allow` and `deny`.
pub(super) fn by_address(access: &Access, features: Features) -> Option<Value> {
    let Access { allow, deny, basic_auth: _ } = access;
    let refused = || json!([{ "handler": "error", "status_code": 403 }]);
    let mut routes = Vec::new();
    if !deny.is_empty() {
        routes.push(json!({ "match": [addresses(deny, features)], "handle": refused() }));
    }
    if !allow.is_empty() {
        let others = json!({ "not": [addresses(allow, features)] });
        routes.push(json!({ "match": [others], "handle": refused() }));
    }
    (!routes.is_empty()).then(|| json!({ "handler": "subroute", "routes": routes }))
}

/// Before 2.7 Caddy has no word on clients behind proxies that can be believed.
fn addresses(ranges: &[IpRange], features: Features) -> Value {
    let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    let matcher = if features.is_modern { "client_ip" } else { "remote_ip" };
    json!({ matcher: { "ranges": ranges } })
}

/// The handler of `basic_auth`. Caddy remembers which passwords fitted, as hashing takes long on purpose.
pub(super) fn by_password(auth: &BasicAuth) -> Value {
    let BasicAuth { users, realm, except } = auth;
    let accounts: Vec<Value> = users
        .iter()
        .map(|(user, hash)| json!({ "username": user, "password": hash.expose() }))
        .collect();
    let mut basic = json!({
        "accounts": accounts,
        "hash": { "algorithm": "bcrypt" },
        "hash_cache": {},
    });
    if let Some(realm) = realm {
        basic["realm"] = realm.clone().into();
    }
    let handler = json!({ "handler": "authentication", "providers": { "http_basic": basic } });
    let paths: Vec<Vec<String>> = except.iter().map(patterns).collect();
    if paths.is_empty() {
        return handler;
    }
    // An exception for the root is one for everything.
    if paths.iter().any(Vec::is_empty) {
        return json!({ "handler": "subroute" });
    }
    let asked = json!({ "not": [{ "path": paths.concat() }] });
    json!({ "handler": "subroute", "routes": [{ "match": [asked], "handle": [handler] }] })
}

/// The handler of `maintenance`.
pub(super) fn maintenance(maintenance: &Maintenance) -> Value {
    let Maintenance { body, retry_after } = maintenance;
    let mut answer = answer(503, body.as_ref());
    if body.is_none() {
        answer["body"] = MAINTENANCE.into();
        answer["headers"] = json!({ "Content-Type": [content_type(MAINTENANCE)] });
    }
    if let Some(after) = retry_after {
        answer["headers"]["Retry-After"] = json!([(after.0 / 1_000_000_000).to_string()]);
    }
    answer
}

/// The handler of `hsts`.
pub(super) fn hsts(hsts: &Hsts) -> Value {
    let Hsts { max_age, subdomains, preload } = hsts;
    let mut value = format!("max-age={}", max_age.0 / 1_000_000_000);
    if *subdomains {
        value.push_str("; includeSubDomains");
    }
    if *preload {
        value.push_str("; preload");
    }
    json!({
        "handler": "headers",
        "response": { "deferred": true, "set": { "Strict-Transport-Security": [value] } },
    })
}

/// The handlers of default headers: each is set if the answer does not have it.
pub(super) fn defaults(headers: &[(String, Template)]) -> Vec<Value> {
    let set = |(name, value): &(String, Template)| {
        json!({
            "handler": "headers",
            "response": {
                "require": { "headers": { name.as_str(): null } },
                "set": { name.as_str(): [super::text::filled(value)] },
            },
        })
    };
    headers.iter().map(set).collect()
}
