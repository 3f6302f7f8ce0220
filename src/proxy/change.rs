//! What differs between the routes that Caddy has and those that are wanted.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::compile::CompiledRoute;
use super::ident::RouteId;
use super::live::Live;
use crate::model::place::Place;

/// What becomes of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Caddy does not have it.
    Create,
    /// Caddy has it otherwise.
    Update,
    /// It is not wanted any more.
    Remove,
}

/// A route that is not as it is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteChange {
    /// Which.
    pub id: RouteId,
    /// What becomes of it.
    pub verb: Verb,
    /// The service that is to answer, if one is.
    pub service: Option<String>,
    /// Whether it has Caddy's own words, which Caddy may refuse.
    pub is_raw: bool,
    /// Where it is declared.
    pub place: Option<Place>,
    /// As Caddy has it.
    pub before: Option<Value>,
    /// As it is wanted.
    pub after: Option<Value>,
}

impl Live {
    /// The routes that are not as wanted, in the order in which Caddy asks; those of stacks that `is_mine` does not
    /// take are left alone.
    pub fn changes(
        &self,
        wanted: &[CompiledRoute],
        is_mine: impl Fn(&RouteId) -> bool,
    ) -> Vec<RouteChange> {
        let mut changes = Vec::new();
        let mut live: HashMap<RouteId, &Value> = HashMap::new();
        for (id, object) in self.routes() {
            live.entry(id).or_insert(object);
        }
        for route in wanted {
            let before = live.get(&route.id).copied();
            if before == Some(&route.object) {
                continue;
            }
            changes.push(RouteChange {
                id: route.id.clone(),
                verb: if before.is_some() { Verb::Update } else { Verb::Create },
                service: route.service.clone(),
                is_raw: route.is_raw,
                place: Some(route.place.clone()),
                before: before.cloned(),
                after: Some(route.object.clone()),
            });
        }
        let mut known: HashSet<RouteId> = wanted.iter().map(|route| route.id.clone()).collect();
        for (id, object) in self.routes() {
            if is_mine(&id) && known.insert(id.clone()) {
                changes.push(RouteChange {
                    id,
                    verb: Verb::Remove,
                    service: None,
                    is_raw: false,
                    place: None,
                    before: Some(object.clone()),
                    after: None,
                });
            }
        }
        changes
    }
}
