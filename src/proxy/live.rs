//! The configuration that a running Caddy has.

use serde_json::{Map, Value, json};

use super::floors::Features;
use super::ident::{Owner, RouteId};

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

    /// Whether the certificate of a host of skep's is from files, or from issuers that a stack names.
    pub(super) fn is_seen_to(&self, host: &str) -> bool {
        let of_host = |pointer: &str, kind: &str| {
            let objects = self.config.pointer(pointer).and_then(Value::as_array);
            let end = format!(":{kind}:{host}");
            let mut objects = objects.into_iter().flatten();
            objects.find(|object| {
                owner(object).is_some() && text_id(object).is_some_and(|id| id.ends_with(&end))
            })
        };
        let own = json!([{ "module": "internal" }]);
        let policy = of_host("/apps/tls/automation/policies", "tls");
        policy.is_some_and(|policy| policy.get("issuers") != Some(&own))
            || of_host("/apps/tls/certificates/load_files", "certificate").is_some()
    }

    /// The certificate from files that Caddy's `words` are about, as people read it.
    pub fn mentioned(&self, words: &str) -> Option<String> {
        let files = self.config.pointer("/apps/tls/certificates/load_files")?.as_array()?;
        files.iter().find_map(|file| {
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
