//! Several files of one stack, merged by Compose's rules (`compose-spec/13-merge.md`).

use std::collections::HashSet;

use indexmap::IndexMap;

use super::compose::mount_text;
use super::yaml::node::{Entry, Mapping, Node, Scalar, ScalarKind, Value};

/// `over` laid over `base`: mappings merge, lists grow, the rest is replaced.
///
/// `!reset` takes a value away and `!override` replaces it whole. Lists of `name=value` merge by name with each
/// other and with mappings; what a service runs is replaced, not extended; of two mounts, configs or secrets at one
/// target the later wins.
pub(super) fn merge(base: Node, over: Node) -> Node {
    at(&mut Vec::new(), base, over)
}

/// How two lists become one.
enum Rule {
    /// Only the later counts.
    Replace,
    /// They are lists of `name=value`, or of names, that may also be mappings.
    Pairs,
    /// Items with an equal key are one.
    Keyed(fn(&Node) -> Option<String>),
    /// Equal items are one.
    Append,
}

fn rule(path: &[String]) -> Rule {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"] => {
            Rule::Replace
        }
        ["services", _, "environment" | "labels" | "sysctls" | "networks" | "depends_on"]
        | ["services", _, "deploy", "labels"]
        | ["networks" | "volumes" | "configs" | "secrets", _, "labels"] => Rule::Pairs,
        ["services", _, "volumes"] => Rule::Keyed(mount_target),
        ["services", _, "configs" | "secrets"] => Rule::Keyed(store_target),
        _ => Rule::Append,
    }
}

fn at(path: &mut Vec<String>, base: Node, over: Node) -> Node {
    if over.tag.as_deref() == Some("!override") {
        return Node { tag: None, ..over };
    }
    if over.is_null() {
        return base;
    }
    let Node { place, used_at, tag, value } = over;
    let value = match (base.value, value) {
        (Value::Mapping(base), Value::Mapping(over)) => Value::Mapping(mappings(path, base, over)),
        (Value::Sequence(base), Value::Sequence(over)) => lists(path, base, over),
        (Value::Sequence(base), Value::Mapping(over)) if matches!(rule(path), Rule::Pairs) => {
            Value::Mapping(mappings(path, pairs(base), over))
        }
        (Value::Mapping(base), Value::Sequence(over)) if matches!(rule(path), Rule::Pairs) => {
            Value::Mapping(mappings(path, base, pairs(over)))
        }
        (_, over) => over,
    };
    Node { value, place, used_at, tag }
}

fn mappings(path: &mut Vec<String>, base: Mapping, over: Mapping) -> Mapping {
    let mut merged: IndexMap<String, Entry> =
        base.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    for entry in over.entries {
        if entry.value.tag.as_deref() == Some("!reset") {
            merged.shift_remove(&entry.key);
            continue;
        }
        path.push(entry.key.clone());
        match merged.get_mut(&entry.key) {
            Some(known) => {
                let null = Node::null(known.value.place.clone());
                let base = std::mem::replace(&mut known.value, null);
                known.value = at(path, base, entry.value);
                known.key_place = entry.key_place;
            }
            None => {
                merged.insert(entry.key.clone(), entry);
            }
        }
        path.pop();
    }
    Mapping { entries: merged.into_values().collect() }
}

fn lists(path: &mut Vec<String>, base: Vec<Node>, over: Vec<Node>) -> Value {
    match rule(path) {
        Rule::Replace => Value::Sequence(over),
        Rule::Pairs => Value::Mapping(mappings(path, pairs(base), pairs(over))),
        Rule::Keyed(key) => {
            let mut merged: IndexMap<String, Node> = IndexMap::new();
            for (index, item) in base.into_iter().chain(over).enumerate() {
                // An item without a key is like no other; what is wrong with it is found when it is decoded.
                let name = key(&item).unwrap_or_else(|| format!("\0{index}"));
                merged.insert(name, item);
            }
            Value::Sequence(merged.into_values().collect())
        }
        Rule::Append => {
            let known: HashSet<String> = base.iter().map(|item| written(&item.value)).collect();
            let mut merged = base;
            merged.extend(over.into_iter().filter(|item| !known.contains(&written(&item.value))));
            Value::Sequence(merged)
        }
    }
}

/// A list of `name=value` or of names as a mapping; a name alone has no value.
fn pairs(list: Vec<Node>) -> Mapping {
    let mut mapping: IndexMap<String, Entry> = IndexMap::new();
    for item in list {
        let Value::Scalar(scalar) = &item.value else { continue };
        let (key, value) = match scalar.text.split_once('=') {
            Some((key, value)) => (key, Scalar::new(value, ScalarKind::String)),
            None => (scalar.text.as_str(), Scalar::new("", ScalarKind::Null)),
        };
        let entry = Entry {
            key: key.to_owned(),
            key_place: item.place.clone(),
            value: Node { value: Value::Scalar(value), ..item.clone() },
        };
        mapping.insert(entry.key.clone(), entry);
    }
    Mapping { entries: mapping.into_values().collect() }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

fn field(node: &Node, key: &str) -> Option<String> {
    match &node.value {
        Value::Mapping(mapping) => mapping.get(key).and_then(text).map(str::to_owned),
        Value::Scalar(_) | Value::Sequence(_) => None,
    }
}

fn mount_target(node: &Node) -> Option<String> {
    let short = || Some(mount_text::parse(text(node)?).ok()?.target);
    field(node, "target").or_else(short)
}

fn store_target(node: &Node) -> Option<String> {
    let short = || text(node).map(str::to_owned);
    field(node, "target").or_else(|| field(node, "source")).or_else(short)
}

/// A value as text that is equal for equal values, wherever they were written.
fn written(value: &Value) -> String {
    match value {
        Value::Scalar(scalar) => format!("{:?}{:?}", scalar.kind, scalar.text),
        Value::Sequence(items) => {
            let items = items.iter().map(|item| written(&item.value));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        Value::Mapping(mapping) => {
            let entry = |entry: &Entry| format!("{:?}:{}", entry.key, written(&entry.value.value));
            let mut entries: Vec<_> = mapping.entries.iter().map(entry).collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::yaml::{budget::Budget, parse};

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Null => "~".to_owned(),
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
            }
            Value::Mapping(mapping) => {
                let entry = |entry: &Entry| format!("{}: {}", entry.key, show(&entry.value));
                format!("{{{}}}", mapping.entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn merged(base: &str, over: &str) -> String {
        let read = |text: &str, file: &str| {
            let text = format!("services: {{web: {text}}}");
            parse(text.as_bytes(), file.into(), &Budget::default()).expect("YAML")
        };
        let node = merge(read(base, "a.yaml"), read(over, "b.yaml"));
        let web = node.get("services").and_then(|services| services.get("web")).expect("web");
        show(web)
    }

    #[test]
    fn files_merge_by_composes_rules() {
        let cases = [
            ("{image: a, tty: true}", "{image: b}", "{image: b, tty: true}"),
            ("{command: [a, b]}", "{command: [c]}", "{command: [c]}"),
            ("{dns: [a, b]}", "{dns: [b, c]}", "{dns: [a, b, c]}"),
            ("{environment: [A=1, B]}", "{environment: {A: 2}}", "{environment: {A: 2, B: ~}}"),
            ("{labels: {a: 1}}", "{labels: [a=2, b=]}", "{labels: {a: 2, b: }}"),
            (
                "{networks: [x]}",
                "{networks: {x: {aliases: [w]}}}",
                "{networks: {x: {aliases: [w]}}}",
            ),
            (
                "{volumes: [aa:/d, bb:/e]}",
                "{volumes: [{target: /d}]}",
                "{volumes: [{target: /d}, bb:/e]}",
            ),
            (
                "{configs: [a]}",
                "{configs: [{source: a, mode: 1}]}",
                "{configs: [{source: a, mode: 1}]}",
            ),
            ("{ports: ['80:80']}", "{ports: !override ['81:80']}", "{ports: [81:80]}"),
            ("{ports: ['80:80'], tty: true}", "{ports: !reset null}", "{tty: true}"),
            ("{image: a}", "{image: }", "{image: a}"),
        ];
        for (base, over, expected) in cases {
            assert_eq!(merged(base, over), expected, "{base} + {over}");
        }
    }
}
