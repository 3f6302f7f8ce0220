//! The order of the routes of a server, where skep's and those of others stand together.

use std::collections::HashSet;

use serde_json::Value;

use super::ident::RouteId;
use super::live::id;
use crate::model::route::HostPattern;

/// The routes of a server: `ours`, and those that are there and are not ours, which keep their order.
///
/// Caddy takes the first route that matches. Ours for exact hosts come first, those for wildcards behind whatever has a
/// host, those for every host last, so that neither side hides the other's more specific routes.
pub(super) fn arrange(
    live: &[Value],
    mut ours: Vec<(RouteId, Value)>,
    is_mine: &dyn Fn(&RouteId) -> bool,
    last: Option<Value>,
) -> Vec<Value> {
    let is_last =
        |route: &Value| last.as_ref().is_some_and(|last| last.get("@id") == route.get("@id"));
    // Some Caddys take two routes with one id, and others refuse all of it.
    let mut seen = HashSet::new();
    ours.retain(|(id, _)| seen.insert(id.clone()));
    let mut foreign = Vec::new();
    for route in live {
        match id(route) {
            Some(id) if is_mine(&id) => {}
            Some(id) => ours.push((id, route.clone())),
            None if is_last(route) => {}
            None => foreign.push(route.clone()),
        }
    }
    ours.sort_by_cached_key(|(id, _)| (id.key.clone(), id.to_string()));
    let with_host = foreign.iter().rposition(has_host).map_or(0, |last| last + 1);
    let without = foreign.split_off(with_host);
    let (mut exact, mut wildcards, mut any) = (Vec::new(), Vec::new(), Vec::new());
    for (id, route) in ours {
        match id.key.host {
            HostPattern::Exact(_) => exact.push(route),
            HostPattern::Wildcard(_) => wildcards.push(route),
            HostPattern::Any => any.push(route),
        }
    }
    [exact, foreign, wildcards, without, any, Vec::from_iter(last)].concat()
}

fn has_host(route: &Value) -> bool {
    let sets = route.get("match").and_then(Value::as_array).into_iter().flatten();
    sets.into_iter().any(|set| set.get("host").is_some())
}
