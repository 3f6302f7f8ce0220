//! The configuration that a running Caddy has.

use serde_json::{Map, Value};

use super::automation::subjects;
use super::floors::Features;
use super::ident::{Owner, RouteId};
use super::merge::{FILES, POLICIES};
use super::tls::own_authority;

/// The configuration of a running Caddy, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// All of it; null where Caddy has none.
    pub config: Value,
    /// What tells whether it is still the same, as Caddy gave it out.
    pub etag: Option<String>,
    /// What this Caddy knows.
    pub features: Features,
}

impl Live {
    /// The servers by name.
    pub(super) fn servers(&self) -> Option<&Map<String, Value>> {
        self.config.pointer("/apps/http/servers")?.as_object()
    }

    /// Every route of skep, of whatever fleet, wherever it stands.
    pub fn routes(&self) -> impl Iterator<Item = (RouteId, &Value)> {
        let servers = self.servers().into_iter().flat_map(Map::values);
        let routes = servers.filter_map(|server| server.get("routes")?.as_array()).flatten();
        routes.filter_map(|route| Some((id(route)?, route)))
    }

    /// The route with this id.
    pub fn route(&self, wanted: &RouteId) -> Option<&Value> {
        self.routes().find(|(id, _)| id == wanted).map(|(_, route)| route)
    }

    /// What it has in the list at `path`.
    pub(super) fn list(&self, path: &[&str]) -> &[Value] {
        let found = self.config.pointer(&format!("/{}", path.join("/")));
        found.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether somebody has seen to the certificate of a host: it is from files, or from issuers that a stack names, or somebody
    /// who has a policy for it.
    pub(super) fn is_seen_to(&self, host: &str) -> bool {
        let is_of = |object: &Value, kind: &str| {
            let end = format!(":{kind}:{host}");
            owner(object).is_some() && text_id(object).is_some_and(|id| id.ends_with(&end))
        };
        let own = own_authority();
        let is_policy = |policy: &Value| {
            let is_told = if owner(policy).is_some() {
                is_of(policy, "tls")
            } else {
                subjects(policy).any(|name| name == host)
            };
            is_told && policy.get("issuers").is_some_and(|issuers| *issuers != own)
        };
        self.list(&POLICIES).iter().any(is_policy)
            || self.list(&FILES).iter().any(|file| is_of(file, "certificate"))
    }

    /// The certificate from files that Caddy's `words` are about, as people read it.
    pub fn mentioned(&self, words: &str) -> Option<String> {
        self.list(&FILES).iter().find_map(|file| {
            let paths =
                ["certificate", "key"].into_iter().filter_map(|key| file.get(key)?.as_str());
            let path = paths.filter(|path| !path.is_empty()).find(|path| words.contains(path))?;
            let stack = owner(file).and_then(|owner| owner.stack);
            Some(match stack {
                Some(stack) => format!("{path}, which stack {stack} has for {}", last(file)),
                None => path.to_owned(),
            })
        })
    }
}

/// The id of a route of skep.
pub(super) fn id(route: &Value) -> Option<RouteId> {
    RouteId::parse(text_id(route)?)
}

/// The id of whatever object.
pub(super) fn text_id(object: &Value) -> Option<&str> {
    object.get("@id")?.as_str()
}

/// Whose an object is, if skep made it.
pub(super) fn owner(object: &Value) -> Option<Owner> {
    Owner::parse(text_id(object)?)
}

/// What the id of an object that is no route ends with: the host, if it is of one.
pub(super) fn last(object: &Value) -> &str {
    text_id(object).and_then(|id| id.rsplit(':').next()).unwrap_or_default()
}
