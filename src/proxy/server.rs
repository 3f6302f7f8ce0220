//! The servers that skep makes.

use serde_json::{Map, Value, json};

use super::floors::Features;
use super::ident::{Entry, of_fleet};
use super::policy::{ErrorPage, OwnServers};
use super::text::{content_type, escaped, filled};
use crate::model::name::FleetName;

/// The name of skep's server for an entry point. Fleets that share a Caddy cannot share a port, so one name will do.
pub(super) const fn name(entry: Entry) -> &'static str {
    match entry {
        Entry::Https => "skep-https",
        Entry::Http => "skep-http",
    }
}

/// The names of the servers that skep makes.
pub(super) const OWN: [&str; 2] = [name(Entry::Https), name(Entry::Http)];

/// The port of an entry point.
pub(super) const fn port(own: &OwnServers, entry: Entry) -> u16 {
    match entry {
        Entry::Https => own.https_port,
        Entry::Http => own.http_port,
    }
}

/// The id of skep's server for an entry point.
pub(super) fn id(fleet: &FleetName, entry: Entry) -> String {
    of_fleet(fleet, &format!("server:{}", entry.as_str()))
}

/// What every request gets for which there is no route: 404. Caddy by itself would say 200 and nothing else.
pub(super) fn unrouted(fleet: &FleetName, entry: Entry) -> Value {
    json!({
        "@id": of_fleet(fleet, &format!("unrouted:{}", entry.as_str())),
        "handle": [{ "handler": "error", "status_code": 404 }],
    })
}

/// A server of skep with these routes.
pub(super) fn server(
    fleet: &FleetName,
    entry: Entry,
    own: &OwnServers,
    routes: Vec<Value>,
    features: Features,
) -> Value {
    let OwnServers { http_port: _, https_port: _, trusted_proxies, access_log, error_pages } = own;
    let mut server = Map::new();
    server.insert("@id".to_owned(), id(fleet, entry).into());
    server.insert("listen".to_owned(), json!([format!(":{}", port(own, entry))]));
    server.insert("routes".to_owned(), routes.into());
    if !error_pages.is_empty() {
        let routes: Vec<Value> = error_pages.iter().map(page).collect();
        server.insert("errors".to_owned(), json!({ "routes": routes }));
    }
    if *access_log {
        server.insert("logs".to_owned(), json!({}));
    }
    if !trusted_proxies.is_empty() && features.is_modern {
        let ranges: Vec<String> = trusted_proxies.iter().map(ToString::to_string).collect();
        server
            .insert("trusted_proxies".to_owned(), json!({ "source": "static", "ranges": ranges }));
        server.insert("trusted_proxies_strict".to_owned(), 1.into());
    }
    server.into()
}

fn page(page: &ErrorPage) -> Value {
    let ErrorPage { status, body } = page;
    json!({
        "match": [{ "expression": format!("{{http.error.status_code}} == {status}") }],
        "handle": [{
            "handler": "static_response",
            "status_code": status,
            "headers": { "Content-Type": [escaped(content_type(body.as_str()))] },
            "body": filled(body),
        }],
        "terminal": true,
    })
}
