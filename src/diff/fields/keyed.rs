//! Lists whose items have names, turned into maps, so that items are compared by name and not by position.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shape::{Shape, matched};

/// What the items of a list are called by.
#[derive(Debug, Clone, Copy)]
pub(in crate::diff) enum ListKey {
    /// The part of the text before `=`.
    BeforeEquals,
    /// The host name after the address.
    HostName,
    /// A text field of the item.
    Text(&'static str),
    /// The path of the file as which a config or secret is seen, else its name.
    File(&'static str),
    /// Port in the container and protocol.
    Port,
}

/// The two sides of a comparison with their lists turned into maps.
pub(in crate::diff) struct Keyed {
    /// The live side.
    pub(in crate::diff) before: Value,
    /// The declared side.
    pub(in crate::diff) after: Value,
    /// For each list of the shape, the keys in the order of the live side, then those that only the other has.
    pub(in crate::diff) order: Vec<Vec<String>>,
}

/// Turns the named lists of both sides into maps.
///
/// A key that one side has twice is made longer on both sides by what else tells the items apart, so that the same
/// item has the same key on both.
pub(in crate::diff) fn key_lists(shape: &Shape, before: Value, after: Value) -> Keyed {
    let mut keyed = Keyed { before, after, order: Vec::new() };
    for list in shape.lists {
        let path: Vec<&str> = list.engine.split('.').collect();
        let before = at(&mut keyed.before, &path);
        let after = at(&mut keyed.after, &path);
        let mut sides: Vec<&mut Value> = before.into_iter().chain(after).collect();
        let ambiguous: Vec<String> =
            sides.iter().flat_map(|side| repeated(list.key, side)).collect();
        let mut order: Vec<String> = Vec::new();
        for key in sides.iter_mut().flat_map(|side| turn(list.key, side, &ambiguous)) {
            if !order.contains(&key) {
                order.push(key);
            }
        }
        keyed.order.push(order);
    }
    keyed
}

/// The opposite of [`key_lists`], for one side.
pub(in crate::diff) fn unkey_lists(shape: &Shape, value: &mut Value, order: &[Vec<String>]) {
    for (list, order) in shape.lists.iter().zip(order) {
        let path: Vec<&str> = list.engine.split('.').collect();
        if let Some(list) = at(value, &path)
            && let Value::Object(mut items) = list.take()
        {
            *list = order.iter().filter_map(|key| items.remove(key)).collect();
        }
    }
}

fn at<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, part| value.get_mut(part))
}

fn repeated(key: ListKey, list: &Value) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for item in list.as_array().into_iter().flatten() {
        *counts.entry(key.of(item)).or_insert(0_usize) += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
}

/// Turns one list into a map and returns the keys in the order of the list.
fn turn(key: ListKey, list: &mut Value, ambiguous: &[String]) -> Vec<String> {
    let Value::Array(items) = list.take() else { return Vec::new() };
    let mut order = Vec::new();
    let mut map = Map::new();
    for item in items {
        let mut name = key.of(&item);
        if ambiguous.contains(&name)
            && let Some(detail) = key.detail(&item)
        {
            name = format!("{name}@{detail}");
        }
        let mut unique = name.clone();
        let mut count = 1;
        while map.contains_key(&unique) {
            count += 1;
            unique = format!("{name}#{count}");
        }
        order.push(unique.clone());
        map.insert(unique, item);
    }
    *list = Value::Object(map);
    order
}

fn text<'v>(item: &'v Value, field: &str) -> &'v str {
    item.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn number(item: &Value, field: &str) -> u64 {
    item.get(field).and_then(Value::as_u64).unwrap_or_default()
}

impl ListKey {
    fn of(self, item: &Value) -> String {
        let whole = item.as_str().unwrap_or_default();
        match self {
            Self::BeforeEquals => whole.split('=').next().unwrap_or_default().to_owned(),
            Self::HostName => whole.split_once(' ').map_or(whole, |(_, host)| host).to_owned(),
            Self::Text(field) => text(item, field).to_owned(),
            Self::File(name) => {
                let file = item.pointer("/File/Name").and_then(Value::as_str);
                file.unwrap_or_else(|| text(item, name)).to_owned()
            }
            Self::Port => format!("{}/{}", number(item, "TargetPort"), text(item, "Protocol")),
        }
    }

    /// What tells apart two items of one key. Two values of one variable may be secret: only their order does.
    fn detail(self, item: &Value) -> Option<String> {
        match self {
            Self::BeforeEquals => None,
            Self::HostName => item.as_str()?.split(' ').next().map(str::to_owned),
            Self::Text(_) => Some(text(item, "Source").to_owned()),
            Self::File(name) => Some(text(item, name).to_owned()),
            Self::Port => Some(number(item, "PublishedPort").to_string()),
        }
    }
}

impl Shape {
    /// Whether `path` is an item of a list that was turned into a map.
    pub(in crate::diff) fn is_item(&self, path: &[&str]) -> bool {
        path.split_last()
            .is_some_and(|(_, list)| self.lists.iter().any(|l| matched(l.engine, list).is_some()))
    }
}
