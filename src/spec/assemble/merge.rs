//! One layer of a stack laid over another: several files, `extends`, by Compose's rules
//! (`compose-spec/13-merge.md`).

use std::collections::HashSet;

use indexmap::IndexMap;

use super::unlike::{as_hosts, as_list, as_pairs};
use crate::spec::compose::{mount_text, port_text};
use crate::spec::yaml::node::{Entry, Mapping, Node, Value};

/// `over` laid over `base`: mappings merge, lists grow, the rest is replaced.
///
/// `!reset` takes a value away and `!override` replaces it whole. Lists of `name=value` merge by name with each
/// other and with mappings; what a service runs is replaced, not extended; of two mounts, configs or secrets at one
/// target, and of two ports that publish the same, the later counts. Tags stay, so that they hold against further
/// layers below; [`settle`] takes them away.
pub(super) fn merge(base: Node, over: Node) -> Node {
    at(&mut Vec::new(), base, over)
}

/// A service laid over the one that it extends.
pub(super) fn merge_service(base: Node, over: Node) -> Node {
    at(&mut vec!["services".to_owned(), String::new()], base, over)
}

/// Carries out the tags for which nothing is left to lie below.
pub(super) fn settle(node: &mut Node) {
    if is_tagged(node, OVERRIDE) {
        node.tag = None;
    }
    match &mut node.value {
        Value::Mapping(mapping) => {
            mapping.entries.retain(|entry| !is_tagged(&entry.value, RESET));
            mapping.entries.iter_mut().for_each(|entry| settle(&mut entry.value));
        }
        Value::Sequence(items) => {
            items.retain(|item| !is_tagged(item, RESET));
            items.iter_mut().for_each(settle);
        }
        Value::Scalar(_) => {}
    }
}

const RESET: &str = "!reset";
const OVERRIDE: &str = "!override";

fn is_tagged(node: &Node, tag: &str) -> bool {
    node.tag.as_deref() == Some(tag)
}

/// How two values become one.
enum Rule {
    /// Only the later counts.
    Replace,
    /// They are lists of `name=value`, or of names, that may also be mappings.
    Pairs,
    /// They are entries of `/etc/hosts`, as a list or a mapping.
    Hosts,
    /// They are lists that may also be a single text.
    Texts,
    /// Items with an equal key are one.
    Keyed(fn(&Node) -> Option<String>),
    /// The options belong to the driver.
    Driver,
    /// Mappings merge; equal items of lists are one.
    Grow,
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
        ["services", _, "extra_hosts"] => Rule::Hosts,
        ["services", _, "dns" | "dns_search" | "dns_opt" | "env_file" | "label_file"] => {
            Rule::Texts
        }
        ["services", _, "volumes"] => Rule::Keyed(mount_target),
        ["services", _, "configs" | "secrets"] => Rule::Keyed(store_target),
        ["services", _, "ports"] => Rule::Keyed(port),
        ["services", _, "logging"] => Rule::Driver,
        _ => Rule::Grow,
    }
}

fn at(path: &mut Vec<String>, base: Node, over: Node) -> Node {
    if is_tagged(&over, OVERRIDE) || is_tagged(&over, RESET) || is_tagged(&base, RESET) {
        return over;
    }
    if over.is_null() {
        return base;
    }
    let Node { place: under, value: base, .. } = base;
    let Node { place, used_at, tag, value } = over;
    let value = match (rule(path), base, value) {
        (Rule::Replace, _, over) => over,
        (Rule::Driver, Value::Mapping(base), Value::Mapping(over)) if unlike(&base, &over) => {
            Value::Mapping(over)
        }
        (_, Value::Mapping(base), Value::Mapping(over)) => {
            Value::Mapping(mappings(path, base, over))
        }
        (Rule::Pairs, base, over) => match (as_pairs(base), as_pairs(over)) {
            (Ok(base), Ok(over)) => Value::Mapping(mappings(path, base, over)),
            (_, Err(wrong)) | (Err(wrong @ Value::Sequence(_)), _) => wrong,
            (Err(_), Ok(over)) => Value::Mapping(over),
        },
        (Rule::Hosts, base, over) => grow(as_hosts(base), as_hosts(over)),
        (Rule::Texts, base, over) => grow(as_list(base, under), as_list(over, place.clone())),
        (Rule::Keyed(key), Value::Sequence(base), Value::Sequence(over)) => keyed(key, base, over),
        (_, base @ Value::Sequence(_), over @ Value::Sequence(_)) => grow(base, over),
        (_, _, over) => over,
    };
    Node { value, place, used_at, tag }
}

/// Whether both name a driver, and not the same.
fn unlike(base: &Mapping, over: &Mapping) -> bool {
    let driver = |mapping: &Mapping| mapping.get("driver").and_then(text).map(str::to_owned);
    matches!((driver(base), driver(over)), (Some(base), Some(over)) if base != over)
}

fn mappings(path: &mut Vec<String>, base: Mapping, over: Mapping) -> Mapping {
    let mut merged: IndexMap<String, Entry> =
        base.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    for entry in over.entries {
        let Some(known) = merged.get_mut(&entry.key) else {
            merged.insert(entry.key.clone(), entry);
            continue;
        };
        path.push(entry.key);
        let null = Node::null(known.value.place.clone());
        let base = std::mem::replace(&mut known.value, null);
        known.value = at(path, base, entry.value);
        known.key_place = entry.key_place;
        path.pop();
    }
    Mapping { entries: merged.into_values().collect() }
}

/// Items with an equal key are one, and the later counts.
fn keyed(key: fn(&Node) -> Option<String>, base: Vec<Node>, over: Vec<Node>) -> Value {
    let mut merged: IndexMap<String, Node> = IndexMap::new();
    for (index, item) in base.into_iter().chain(over).enumerate() {
        // An item without a key is like no other; what is wrong with it is found when it is decoded.
        let name = key(&item).unwrap_or_else(|| format!("\0{index}"));
        merged.insert(name, item);
    }
    Value::Sequence(merged.into_values().collect())
}

/// The items of both, equal ones once.
fn grow(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Sequence(mut merged), Value::Sequence(over)) => {
            let known: HashSet<String> = merged.iter().map(|item| written(&item.value)).collect();
            merged.extend(over.into_iter().filter(|item| !known.contains(&written(&item.value))));
            Value::Sequence(merged)
        }
        (_, over) => over,
    }
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

/// What a port publishes; not for ranges, which stand for several.
fn port(node: &Node) -> Option<String> {
    let or = |key: &str, default: &str| field(node, key).unwrap_or_else(|| default.to_owned());
    if let Value::Mapping(_) = &node.value {
        let (target, published) = (field(node, "target")?, or("published", ""));
        let (ip, protocol) = (or("host_ip", ""), or("protocol", "tcp"));
        return Some(format!("{ip}|{published}|{target}|{protocol}"));
    }
    let port_text::Spec { ip, published, target, protocol } = port_text::parse(text(node)?).ok()?;
    let published = match published {
        Some(range) if !range.is_single() => return None,
        Some(range) => range.first.to_string(),
        None => String::new(),
    };
    let ip = ip.unwrap_or_default();
    target.is_single().then(|| format!("{ip}|{published}|{}|{protocol}", target.first))
}

/// A value as text that is equal for equal values, wherever they were written.
pub(super) fn written(value: &Value) -> String {
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
    use crate::spec::yaml::node::ScalarKind;
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
        let mut node = merge(read(base, "a.yaml"), read(over, "b.yaml"));
        settle(&mut node);
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
            ("{tty: true}", "{ports: !reset ['80:80']}", "{tty: true}"),
            ("{environment: {A: 1, B: 2}}", "{environment: {A: !reset }}", "{environment: {B: 2}}"),
            ("{image: a}", "{image: }", "{image: a}"),
            (
                "{ports: ['80:80', '81:81']}",
                "{ports: [{target: 80, published: 80, mode: host}, '82:82']}",
                "{ports: [{target: 80, published: 80, mode: host}, 81:81, 82:82]}",
            ),
            ("{env_file: a}", "{env_file: [b, a]}", "{env_file: [a, b]}"),
            ("{extra_hosts: ['a:1']}", "{extra_hosts: {b: 2}}", "{extra_hosts: [a:1, b=2]}"),
            ("{command: a b}", "{command: [c]}", "{command: [c]}"),
            (
                "{logging: {driver: x, options: {a: 1}}}",
                "{logging: {driver: y, options: {b: 2}}}",
                "{logging: {driver: y, options: {b: 2}}}",
            ),
            (
                "{logging: {driver: x, options: {a: 1}}}",
                "{logging: {options: {b: 2}}}",
                "{logging: {driver: x, options: {a: 1, b: 2}}}",
            ),
        ];
        for (base, over, expected) in cases {
            assert_eq!(merged(base, over), expected, "{base} + {over}");
        }
    }
}
