//! Routes in the servers of a configuration.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::arrange::arrange;
use super::compile::{Compiled, CompiledRoute};
use super::ident::{Entry, RouteId};
use super::live::{Live, id, text_id};
use super::merge::MergeError;
use super::policy::{OwnServers, Servers};
use super::ports;
use super::server::{self, OWN};
use super::tree::object_at;
use crate::model::name::FleetName;

/// What routes are put into servers by.
pub(super) struct Placing<'a> {
    pub(super) live: &'a Live,
    pub(super) compiled: &'a Compiled,
    pub(super) fleet: &'a FleetName,
    /// Whether a route is of this fleet and of a stack that the pass is about.
    pub(super) is_mine: &'a dyn Fn(&RouteId) -> bool,
}

impl Placing<'_> {
    /// Puts the routes where the settings want them, and nowhere else.
    pub(super) fn place(&self, config: &mut Value, servers: &Servers) -> Result<(), MergeError> {
        match servers {
            Servers::Own(own) => {
                self.leave(config, &OWN);
                self.own_servers(config, own)
            }
            Servers::Attached { https, http: None } => {
                // There is no place for routes without TLS. Those that stay are left where they are.
                let routes = self.compiled.routes.iter().map(|route| &route.id);
                let left: HashSet<&RouteId> = routes.filter(|id| id.entry == Entry::Http).collect();
                let is_mine = |id: &RouteId| (self.is_mine)(id) && !left.contains(id);
                let Self { live, compiled, fleet, is_mine: _ } = *self;
                Placing { live, compiled, fleet, is_mine: &is_mine }.attach(config, https, None)
            }
            Servers::Attached { https, http: Some(http) } => self.attach(config, https, Some(http)),
        }
    }

    /// Puts the routes into servers that somebody else made.
    fn attach(
        &self,
        config: &mut Value,
        https: &str,
        http: Option<&str>,
    ) -> Result<(), MergeError> {
        let mut at: BTreeMap<&str, Vec<(RouteId, Value)>> = BTreeMap::new();
        for (entry, name) in [(Entry::Https, Some(https)), (Entry::Http, http)] {
            if let Some(name) = name {
                at.entry(name).or_default().extend(self.of(entry));
            }
        }
        self.leave(config, &at.keys().copied().collect::<Vec<_>>());
        if !self.has_own(config) {
            ports::settle(config, self.fleet, None)?;
        }
        at.into_iter().try_for_each(|(name, ours)| self.attached(config, name, ours))
    }

    /// Takes routes out of servers in which they are not to stand any more. Where skep's own server is left with
    /// nothing, it goes.
    fn leave(&self, config: &mut Value, stay: &[&str]) {
        let Some(servers) = config.pointer_mut("/apps/http/servers").and_then(Value::as_object_mut)
        else {
            return;
        };
        servers.retain(|name, server| {
            if stay.contains(&name.as_str()) {
                return true;
            }
            let own = [Entry::Https, Entry::Http]
                .into_iter()
                .find(|entry| text_id(server) == Some(&server::id(self.fleet, *entry)));
            let last = own.map(|entry| server::unrouted(self.fleet, entry));
            let Some(routes) = server.get_mut("routes").and_then(Value::as_array_mut) else {
                return own.is_none();
            };
            routes.retain(|route| !id(route).is_some_and(|id| (self.is_mine)(&id)));
            let is_last =
                |route: &Value| last.as_ref().is_some_and(|last| text_id(last) == text_id(route));
            own.is_none() || !routes.iter().all(is_last)
        });
    }

    fn of(&self, entry: Entry) -> Vec<(RouteId, Value)> {
        let routes = self.compiled.routes.iter().filter(|route| route.id.entry == entry);
        routes.map(|CompiledRoute { id, object, .. }| (id.clone(), object.clone())).collect()
    }

    fn own_servers(&self, config: &mut Value, own: &OwnServers) -> Result<(), MergeError> {
        let mut built = Vec::new();
        let mut is_used = false;
        for entry in [Entry::Https, Entry::Http] {
            let name = server::name(entry);
            let existing = self.live.servers().and_then(|servers| servers.get(name));
            if existing.is_some() && self.own(entry).is_none() {
                return Err(MergeError::ForeignServer(name.to_owned()));
            }
            let routes = match existing.and_then(|server| server.get("routes")) {
                None | Some(Value::Null) => &[],
                Some(Value::Array(routes)) => routes.as_slice(),
                Some(_) => {
                    return Err(MergeError::Shape(format!("/apps/http/servers/{name}/routes")));
                }
            };
            let last = server::unrouted(self.fleet, entry);
            let routes = arrange(routes, self.of(entry), self.is_mine, Some(last));
            is_used |= routes.len() > 1;
            let features = self.live.features;
            built.push((entry, server::server(self.fleet, entry, own, routes, features)));
        }
        if !is_used {
            if let Some(Value::Object(servers)) = config.pointer_mut("/apps/http/servers") {
                servers.retain(|name, _| !OWN.contains(&name.as_str()));
            }
            return ports::settle(config, self.fleet, None);
        }
        ports::settle(config, self.fleet, Some(own))?;
        for (entry, _) in &built {
            self.free(server::port(own, *entry))?;
        }
        let servers = object_at(config, &["apps", "http", "servers"])?;
        for (entry, server) in built {
            servers.insert(server::name(entry).to_owned(), server);
        }
        Ok(())
    }

    /// Whether a server that this fleet made is in a configuration.
    fn has_own(&self, config: &Value) -> bool {
        let ids = [Entry::Https, Entry::Http].map(|entry| server::id(self.fleet, entry));
        let servers = config.pointer("/apps/http/servers").and_then(Value::as_object);
        let mut servers = servers.into_iter().flatten();
        servers.any(|(_, server)| text_id(server).is_some_and(|id| ids.iter().any(|own| own == id)))
    }

    /// The server that this fleet made for an entry point.
    fn own(&self, entry: Entry) -> Option<&Value> {
        let server = self.live.servers()?.get(server::name(entry))?;
        (text_id(server) == Some(&server::id(self.fleet, entry))).then_some(server)
    }

    /// Whether no server of others listens on a port.
    fn free(&self, port: u16) -> Result<(), MergeError> {
        for (name, server) in self.live.servers().into_iter().flatten() {
            if ports::listens(server, port) && !OWN.contains(&name.as_str()) {
                return Err(MergeError::PortTaken { server: name.clone(), port });
            }
        }
        Ok(())
    }

    fn attached(
        &self,
        config: &mut Value,
        name: &str,
        ours: Vec<(RouteId, Value)>,
    ) -> Result<(), MergeError> {
        let server = config.pointer_mut("/apps/http/servers").and_then(|all| all.get_mut(name));
        let Some(server) = server else {
            // Nothing to put there, and nothing to take away.
            return if ours.is_empty() {
                Ok(())
            } else {
                Err(MergeError::NoServer(name.to_owned()))
            };
        };
        let place = || MergeError::Shape(format!("/apps/http/servers/{name}"));
        let server = server.as_object_mut().ok_or_else(place)?;
        let routes = match server.get("routes") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(routes)) => routes.clone(),
            Some(_) => return Err(place()),
        };
        let arranged = arrange(&routes, ours, self.is_mine, None);
        if arranged != routes {
            server.insert("routes".to_owned(), arranged.into());
        }
        Ok(())
    }
}
