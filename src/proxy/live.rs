//! The configuration that a running Caddy has.

use serde_json::{Map, Value};

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
