//! Puts skep's objects into a configuration. Pure; whatever is not skep's stays as it is.

use serde_json::{Map, Value, json};

use super::arrange::arrange;
use super::compile::{Compiled, CompiledRoute};
use super::ident::{Entry, RouteId, owner};
use super::live::{Live, text_id};
use super::policy::{OwnServers, Servers};
use super::server;
use crate::model::name::{FleetName, StackName};

/// A configuration with skep's objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// All of it, to be written as a whole.
    pub config: Value,
    /// Whether it differs from what Caddy has.
    pub is_changed: bool,
}

/// Why routes cannot be put into a configuration. Each is for a person to resolve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The settings name a server that there is not.
    #[error("Caddy has no server {0}")]
    NoServer(String),
    /// Somebody else has a server by the name that skep uses.
    #[error("Caddy has a server {0} that skep did not make")]
    ForeignServer(String),
    /// Somebody else's server listens where skep's would.
    #[error("Caddy's server {server} listens on port {port} already")]
    PortTaken {
        /// The server.
        server: String,
        /// The port.
        port: u16,
    },
    /// Caddy takes other ports as those of HTTP and HTTPS.
    #[error("Caddy takes {found} as its {key}, and the settings {wanted}")]
    OtherPorts {
        /// `http_port` or `https_port`.
        key: &'static str,
        /// As Caddy has it.
        found: String,
        /// As the settings have it.
        wanted: u16,
    },
    /// Something is not what it is in every Caddy.
    #[error("Caddy's configuration has something unexpected at {0}")]
    Shape(String),
}

impl MergeError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoServer(_) => "name one that it has in `proxy.server`, or leave the key out",
            Self::ForeignServer(_) => {
                "rename it, or name it in `proxy.server` to have routes in it"
            }
            Self::PortTaken { .. } => {
                "name this server in `proxy.server` to have routes in it, or give `proxy.entry_points` other ports"
            }
            Self::OtherPorts { .. } => "say the same ports in `proxy.entry_points`",
            Self::Shape(_) => "look at it with: caddy adapt, or GET /config/ of the admin API",
        }
    }
}

/// Puts `compiled` into a configuration, in place of what `fleet` has there for the stacks that `is_mine` takes.
pub fn merge(
    live: &Live,
    compiled: &Compiled,
    fleet: &FleetName,
    servers: &Servers,
    is_mine: &dyn Fn(&StackName) -> bool,
) -> Result<Merged, MergeError> {
    let mut config = match &live.config {
        Value::Null => json!({}),
        config => config.clone(),
    };
    let mine = |id: &RouteId| id.fleet == *fleet && is_mine(&id.stack);
    match servers {
        Servers::Own(own) => own_servers(&mut config, live, compiled, fleet, own, &mine)?,
        Servers::Attached { https, http } => {
            attached(&mut config, compiled, Entry::Https, Some(https), &mine)?;
            attached(&mut config, compiled, Entry::Http, http.as_deref(), &mine)?;
        }
    }
    let is_ours = |object: &Value| {
        let owner = text_id(object).and_then(owner);
        owner.is_some_and(|(of, stack)| {
            let stack = stack.and_then(|stack| stack.parse().ok());
            of == fleet.as_str() && stack.is_none_or(|stack| is_mine(&stack))
        })
    };
    let policies = ["apps", "tls", "automation", "policies"];
    let others = others(&config, &policies, &is_ours)?;
    let ours = unclaimed(&compiled.tls_policies, &others);
    put_list(&mut config, &policies, [ours, others].concat());
    let files = ["apps", "tls", "certificates", "load_files"];
    let others = self::others(&config, &files, &is_ours)?;
    put_list(&mut config, &files, [compiled.certificates.clone(), others].concat());
    let is_changed = match &live.config {
        Value::Null => config != json!({}),
        before => config != *before,
    };
    Ok(Merged { config, is_changed })
}

fn of(compiled: &Compiled, entry: Entry) -> Vec<(RouteId, Value)> {
    let routes = compiled.routes.iter().filter(|route| route.id.entry == entry);
    routes.map(|CompiledRoute { id, object, .. }| (id.clone(), object.clone())).collect()
}

fn own_servers(
    config: &mut Value,
    live: &Live,
    compiled: &Compiled,
    fleet: &FleetName,
    own: &OwnServers,
    is_mine: &dyn Fn(&RouteId) -> bool,
) -> Result<(), MergeError> {
    let mut built = Vec::new();
    let mut is_used = false;
    for entry in [Entry::Https, Entry::Http] {
        let name = server::name(entry);
        let existing = live.servers().and_then(|servers| servers.get(name));
        if let Some(existing) = existing
            && text_id(existing) != Some(&server::id(fleet, entry))
        {
            return Err(MergeError::ForeignServer(name.to_owned()));
        }
        let routes = match existing.and_then(|server| server.get("routes")) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(routes)) => routes.as_slice(),
            Some(_) => return Err(MergeError::Shape(format!("/apps/http/servers/{name}/routes"))),
        };
        let last = server::unrouted(fleet, entry);
        let routes = arrange(routes, of(compiled, entry), is_mine, Some(last));
        is_used |= routes.len() > 1;
        built.push((entry, server::server(fleet, entry, own, routes, live.features)));
    }
    let names = [server::name(Entry::Https), server::name(Entry::Http)];
    if !is_used {
        if let Some(Value::Object(servers)) = config.pointer_mut("/apps/http/servers") {
            servers.retain(|name, _| !names.contains(&name.as_str()));
        }
        return Ok(());
    }
    ports(config, own)?;
    for (entry, _) in &built {
        free(live, server::port(own, *entry))?;
    }
    let servers = object_at(config, &["apps", "http", "servers"])?;
    for (entry, server) in built {
        servers.insert(server::name(entry).to_owned(), server);
    }
    Ok(())
}

/// Tells Caddy which ports are those of HTTP and HTTPS: it makes redirects and certificates by them.
fn ports(config: &mut Value, own: &OwnServers) -> Result<(), MergeError> {
    let http = object_at(config, &["apps", "http"])?;
    for (key, wanted, default) in
        [("http_port", own.http_port, 80), ("https_port", own.https_port, 443)]
    {
        match http.get(key) {
            Some(found) if *found == json!(wanted) => {}
            Some(found) => {
                return Err(MergeError::OtherPorts { key, found: found.to_string(), wanted });
            }
            None if wanted == default => {}
            None => {
                http.insert(key.to_owned(), wanted.into());
            }
        }
    }
    Ok(())
}

/// Whether no server of others listens on a port.
fn free(live: &Live, port: u16) -> Result<(), MergeError> {
    let ours = [server::name(Entry::Https), server::name(Entry::Http)];
    for (name, server) in live.servers().into_iter().flatten() {
        let addresses = server.get("listen").and_then(Value::as_array).into_iter().flatten();
        let mut ports = addresses.filter_map(|address| address.as_str()?.rsplit_once(':'));
        let is_taken = ports.any(|(_, taken)| taken == port.to_string());
        if is_taken && !ours.contains(&name.as_str()) {
            return Err(MergeError::PortTaken { server: name.clone(), port });
        }
    }
    Ok(())
}

fn attached(
    config: &mut Value,
    compiled: &Compiled,
    entry: Entry,
    name: Option<&str>,
    is_mine: &dyn Fn(&RouteId) -> bool,
) -> Result<(), MergeError> {
    let ours = of(compiled, entry);
    let Some(name) = name else { return Ok(()) };
    let server = config.pointer_mut("/apps/http/servers").and_then(|all| all.get_mut(name));
    let Some(server) = server else {
        // Nothing to put there, and nothing to take away.
        return if ours.is_empty() { Ok(()) } else { Err(MergeError::NoServer(name.to_owned())) };
    };
    let place = || MergeError::Shape(format!("/apps/http/servers/{name}"));
    let server = server.as_object_mut().ok_or_else(place)?;
    let routes = match server.get("routes") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(routes)) => routes.clone(),
        Some(_) => return Err(place()),
    };
    let arranged = arrange(&routes, ours, is_mine, None);
    if arranged != routes {
        server.insert("routes".to_owned(), arranged.into());
    }
    Ok(())
}

/// The items of a list that are not ours.
fn others(
    config: &Value,
    path: &[&str],
    is_ours: &dyn Fn(&Value) -> bool,
) -> Result<Vec<Value>, MergeError> {
    let pointer = format!("/{}", path.join("/"));
    match config.pointer(&pointer) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            Ok(items.iter().filter(|item| !is_ours(item)).cloned().collect())
        }
        Some(_) => Err(MergeError::Shape(pointer)),
    }
}

/// Policies without the names that others have a policy for: Caddy takes one for each name, and theirs stays.
fn unclaimed(ours: &[Value], others: &[Value]) -> Vec<Value> {
    let subjects = |policy: &Value| policy.get("subjects").and_then(Value::as_array).cloned();
    let claimed: Vec<Value> = others.iter().filter_map(subjects).flatten().collect();
    let keep = |policy: &Value| {
        let mut own = subjects(policy)?;
        own.retain(|name| !claimed.contains(name));
        let mut policy = policy.clone();
        policy["subjects"] = own.clone().into();
        (!own.is_empty()).then_some(policy)
    };
    ours.iter().filter_map(keep).collect()
}

/// The object at a path, made where it is absent.
fn object_at<'a>(
    config: &'a mut Value,
    path: &[&str],
) -> Result<&'a mut Map<String, Value>, MergeError> {
    let shape = || MergeError::Shape(format!("/{}", path.join("/")));
    let mut at = config;
    for key in path {
        let fields = at.as_object_mut().ok_or_else(shape)?;
        at = fields.entry(*key).or_insert_with(|| json!({}));
        if at.is_null() {
            *at = json!({});
        }
    }
    at.as_object_mut().ok_or_else(shape)
}

/// Puts a list at a path. An empty one is taken out, with what it leaves empty.
fn put_list(config: &mut Value, path: &[&str], items: Vec<Value>) {
    let [keys @ .., last] = path else { return };
    if items.is_empty() {
        take(config, path);
    } else if let Ok(parent) = object_at(config, keys) {
        parent.insert((*last).to_owned(), items.into());
    }
}

fn take(at: &mut Value, path: &[&str]) {
    let ([key, rest @ ..], Value::Object(fields)) = (path, at) else { return };
    let Some(inner) = fields.get_mut(*key) else { return };
    let had = inner.as_object().is_some_and(|fields| !fields.is_empty());
    take(inner, rest);
    let is_empty = inner.as_object().is_some_and(Map::is_empty);
    let is_list = rest.is_empty() && inner.as_array().is_some_and(|list| !list.is_empty());
    // Our own lists are never written empty, so that an empty one is somebody else's.
    if (had && is_empty) || is_list {
        fields.remove(*key);
    }
}
