//! The ports that Caddy takes as those of HTTP and HTTPS: it makes redirects and certificates by them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ident::{Entry, of_fleet};
use super::live::text_id;
use super::merge::MergeError;
use super::policy::OwnServers;
use super::server;
use super::tree::object_at;
use crate::model::name::FleetName;

/// Where Caddy has which port, and what it takes where nothing is said (caddyserver/caddy `modules/caddyhttp/app.go`).
const PORTS: [(Entry, &str, u16); 2] =
    [(Entry::Http, "http_port", 80), (Entry::Https, "https_port", 443)];

/// Tells Caddy the ports of skep's own servers, or takes back what skep told it once there are `None`. What that was is
/// known by the `@id` of the app. Ports by which servers of others go stay as they are.
///
/// # Errors
/// When Caddy has other ports, and they are not skep's to change.
pub(super) fn settle(
    config: &mut Value,
    fleet: &FleetName,
    own: Option<&OwnServers>,
) -> Result<(), MergeError> {
    let is_there = config.pointer("/apps/http").is_some_and(Value::is_object);
    if own.is_none() && !is_there {
        return Ok(());
    }
    let plain = config.pointer("/apps/http/http_port").and_then(Value::as_u64).unwrap_or(80);
    let is_shared = config
        .pointer("/apps/http/servers")
        .is_some_and(|servers| has_heeding(servers, u16::try_from(plain).unwrap_or_default()));
    let app = object_at(config, &["apps", "http"])?;
    let (before, is_foreign) = (said(app, fleet), is_foreign(app, fleet));
    let mut said = before.clone();
    for (entry, key, usual) in PORTS {
        let found = app.get(key).filter(|found| !found.is_null());
        let is_own = found.is_some() && before.contains(&entry);
        let wanted = match own {
            Some(own) => server::port(own, entry),
            None if is_own && !is_shared => usual,
            None => continue,
        };
        let stands = found.map_or(wanted == usual, |found| found.as_u64() == Some(wanted.into()));
        if stands {
            continue;
        }
        if is_shared || is_foreign || (found.is_some() && !is_own) {
            let found = found.map_or_else(|| usual.to_string(), ToString::to_string);
            return Err(MergeError::OtherPorts { key, found, wanted });
        }
        if wanted == usual {
            app.remove(key);
            said.remove(&entry);
        } else {
            app.insert(key.to_owned(), wanted.into());
            said.insert(entry);
        }
    }
    if said != before {
        note(app, fleet, &said);
    }
    Ok(())
}

/// The entry points whose port skep has told.
fn said(app: &Map<String, Value>, fleet: &FleetName) -> BTreeSet<Entry> {
    let id = app.get("@id").and_then(Value::as_str);
    let told = id.and_then(|id| id.strip_prefix(&mark(fleet, "")));
    let names = told.into_iter().flat_map(|told| told.split('-'));
    let entries = [Entry::Https, Entry::Http];
    names.filter_map(|name| entries.into_iter().find(|entry| entry.as_str() == name)).collect()
}

/// Whether somebody else gave the app an id, so that what skep would tell it could not be noted, nor taken back.
fn is_foreign(app: &Map<String, Value>, fleet: &FleetName) -> bool {
    let id = app.get("@id").filter(|id| !id.is_null());
    id.is_some_and(|id| id.as_str().is_none_or(|id| !id.starts_with(&mark(fleet, ""))))
}

/// Notes whose ports skep has told.
fn note(app: &mut Map<String, Value>, fleet: &FleetName, said: &BTreeSet<Entry>) {
    if said.is_empty() {
        app.remove("@id");
        return;
    }
    let names: Vec<&str> = said.iter().map(|entry| entry.as_str()).collect();
    app.insert("@id".to_owned(), mark(fleet, &names.join("-")).into());
}

fn mark(fleet: &FleetName, told: &str) -> String {
    of_fleet(fleet, &format!("ports:{told}"))
}

/// Whether one of these servers is somebody else's and goes by the ports: Caddy gets certificates for its hosts, or it has no
/// TLS just because it is on the port `plain` of HTTP.
fn has_heeding(servers: &Value, plain: u16) -> bool {
    let heeds = |server: &Value| {
        let is_off = server.pointer("/automatic_https/disable") == Some(&Value::Bool(true));
        let policies = server.get("tls_connection_policies").and_then(Value::as_array);
        let has_tls = policies.is_some_and(|policies| !policies.is_empty());
        !is_off || (has_tls && listens(server, plain))
    };
    let is_own =
        |name: &str, server: &Value| server::OWN.contains(&name) && text_id(server).is_some();
    let mut all = servers.as_object().into_iter().flatten();
    all.any(|(name, server)| !is_own(name, server) && heeds(server))
}

/// Whether a server listens on a port.
pub(super) fn listens(server: &Value, port: u16) -> bool {
    let addresses = server.get("listen").and_then(Value::as_array).into_iter().flatten();
    addresses.filter_map(Value::as_str).any(|address| covers(address, port))
}

/// Whether an address of Caddy's notation (`:443`, `tcp/0.0.0.0:443`, `:8000-8100`) has a port.
fn covers(address: &str, port: u16) -> bool {
    let Some((_, ports)) = address.rsplit_once(':') else { return false };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&port),
        _ => false,
    }
}
