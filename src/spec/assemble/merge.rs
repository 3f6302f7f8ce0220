//! One layer of a stack laid over another: several files, `extends`, by Compose's rules
//! (`compose-spec/13-merge.md`).

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::unlike::{as_hosts, as_list, as_needs, as_pairs};
use crate::spec::compose::{mount_text, port_text};
use crate::spec::yaml::node::{Entry, Mapping, Node, Value};

/// `over` laid over `base`: mappings merge, lists grow, the rest is replaced.
///
/// `!reset` takes a value away and `!override` replaces it whole. Lists of `name=value` merge by name with each
/// other and with mappings, and a name without a value replaces one that has it; elsewhere nothing changes nothing.
/// What a service runs is replaced, not extended, and so are the subnets of a network; of two mounts, configs or
/// secrets at one target, and of two ports that publish the same, the later counts. Tags stay, so that they hold
/// against further layers below; [`settle`] takes them away.
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
    /// They are lists of `name=value` that may also be mappings, and a name without a value says something.
    Pairs,
    /// They are lists of names that may also be mappings, and a name alone says nothing more.
    Names,
    /// They are lists of services that may also be mappings, and a service alone only has to be started.
    Needs,
    /// They are entries of `/etc/hosts`, as a list or a mapping.
    Hosts,
    /// They are lists that may also be a single text.
    Texts,
    /// Items with an equal key are one.
    Keyed(fn(&Node) -> Option<String>),
    /// The later ones count, each laid over the earlier one with its subnet.
    Pools,
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
        ["services", _, "environment" | "labels" | "sysctls"]
        | ["services", _, "deploy", "labels"]
        | ["networks" | "volumes" | "configs" | "secrets", _, "labels"] => Rule::Pairs,
        ["services", _, "networks"] => Rule::Names,
        ["services", _, "depends_on"] => Rule::Needs,
        ["services", _, "extra_hosts"] => Rule::Hosts,
        ["services", _, "dns" | "dns_search" | "dns_opt" | "env_file" | "label_file"] => {
            Rule::Texts
        }
        ["services", _, "volumes"] => Rule::Keyed(mount_target),
        ["services", _, "configs" | "secrets"] => Rule::Keyed(store_target),
        ["services", _, "ports"] => Rule::Keyed(port),
        ["services", _, "logging"] => Rule::Driver,
        ["networks", _, "ipam", "config"] => Rule::Pools,
        _ => Rule::Grow,
    }
}

fn at(path: &mut Vec<String>, base: Node, over: Node) -> Node {
    if is_tagged(&over, OVERRIDE) || is_tagged(&over, RESET) || is_tagged(&base, RESET) {
        return over;
    }
    if over.is_null() && !is_value_of_pair(path) {
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
        (Rule::Pairs | Rule::Names, base, over) => merged(path, as_pairs(base), as_pairs(over)),
        // Two lists stay one, which docker reads without looking at it.
        (Rule::Needs, base @ Value::Sequence(_), over @ Value::Sequence(_)) => grow(base, over),
        (Rule::Needs, base, over) => merged(path, as_needs(base), as_needs(over)),
        (Rule::Hosts, base, over) => grow(as_hosts(base), as_hosts(over)),
        (Rule::Texts, base, over) => grow(as_list(base, under), as_list(over, place.clone())),
        (Rule::Keyed(key), Value::Sequence(base), Value::Sequence(over)) => keyed(key, base, over),
        (Rule::Pools, Value::Sequence(base), Value::Sequence(over)) => pools(path, base, over),
        (_, base @ Value::Sequence(_), over @ Value::Sequence(_)) => grow(base, over),
        (_, _, over) => over,
    };
    Node { value, place, used_at, tag }
}

/// Whether a path leads to the value of a pair: there nothing is a variable of the stack, or an empty text.
fn is_value_of_pair(path: &[String]) -> bool {
    path.split_last().is_some_and(|(_, above)| matches!(rule(above), Rule::Pairs))
}

/// Two values as one mapping. One that cannot be a mapping stays, so that reading it says what is wrong.
fn merged(
    path: &mut Vec<String>,
    base: Result<Mapping, Value>,
    over: Result<Mapping, Value>,
) -> Value {
    match (base, over) {
        (Ok(base), Ok(over)) => Value::Mapping(mappings(path, base, over)),
        (_, Err(wrong)) | (Err(wrong @ Value::Sequence(_)), _) => wrong,
        (Err(_), Ok(over)) => Value::Mapping(over),
    }
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

/// The later items, each laid over the earlier one with its subnet. A network with both subnets, the earlier and the
/// one that was to replace it, would not be what either file says.
fn pools(path: &mut Vec<String>, base: Vec<Node>, over: Vec<Node>) -> Value {
    let subnet = |pool: &Node| field(pool, "subnet");
    let mut known: HashMap<Option<String>, Node> =
        base.into_iter().map(|pool| (subnet(&pool), pool)).collect();
    path.push(String::new());
    let merged = over.into_iter().map(|pool| match known.remove(&subnet(&pool)) {
        Some(base) => at(path, base, pool),
        None => pool,
    });
    let merged = merged.collect();
    path.pop();
    Value::Sequence(merged)
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
        let (ip, protocol) = (or("host_ip", ""), or("protocol", "tcp").to_lowercase());
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

    /// Two files that say these of one object.
    fn laid_over(kind: &str, base: &str, over: &str) -> String {
        let read = |text: &str, file: &str| {
            let text = format!("{kind}: {{web: {text}}}");
            parse(text.as_bytes(), file.into(), &Budget::default()).expect("YAML")
        };
        let mut node = merge(read(base, "a.yaml"), read(over, "b.yaml"));
        settle(&mut node);
        show(node.get(kind).and_then(|objects| objects.get("web")).expect("web"))
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
            assert_eq!(laid_over("services", base, over), expected, "{base} + {over}");
        }
    }

    #[test]
    fn a_name_without_a_value_replaces_one_with_it_where_it_says_something() {
        let cases = [
            ("{environment: {A: 1, B: 2}}", "{environment: [A]}", "{environment: {A: ~, B: 2}}"),
            ("{environment: [A=1]}", "{environment: {A: }}", "{environment: {A: ~}}"),
            ("{environment: {A: 1}}", "{environment: }", "{environment: {A: 1}}"),
            ("{labels: {a: 1}}", "{labels: [a]}", "{labels: {a: ~}}"),
            ("{sysctls: {a: 1}}", "{sysctls: {a: }}", "{sysctls: {a: ~}}"),
            (
                "{deploy: {labels: [a=1]}}",
                "{deploy: {labels: {a: }}}",
                "{deploy: {labels: {a: ~}}}",
            ),
            (
                "{networks: {x: {aliases: [w]}}}",
                "{networks: [x, y]}",
                "{networks: {x: {aliases: [w]}, y: ~}}",
            ),
            (
                "{logging: {options: {a: 1}}}",
                "{logging: {options: {a: }}}",
                "{logging: {options: {a: 1}}}",
            ),
        ];
        for (base, over, expected) in cases {
            assert_eq!(laid_over("services", base, over), expected, "{base} + {over}");
        }
        assert_eq!(laid_over("networks", "{labels: {a: 1}}", "{labels: [a]}"), "{labels: {a: ~}}");
    }

    #[test]
    fn a_service_in_a_list_has_to_be_started_whatever_was_said_of_it_before() {
        let healthy = "{db: {condition: service_healthy, restart: true}}";
        let cases = [
            (healthy, "[db]", "{db: {condition: service_started, restart: true, required: true}}"),
            (
                "[a, b]",
                "{b: {condition: service_healthy}}",
                "{a: {condition: service_started, required: true}, \
                 b: {condition: service_healthy, required: true}}",
            ),
            (healthy, "{db: }", healthy),
            ("[a, b]", "[b, c]", "[a, b, c]"),
        ];
        for (base, over, expected) in cases {
            let needs = |needs: &str| format!("{{depends_on: {needs}}}");
            let merged = laid_over("services", &needs(base), &needs(over));
            assert_eq!(merged, needs(expected), "{base} + {over}");
        }
    }

    #[test]
    fn the_subnets_of_a_later_file_replace_those_before_and_take_over_what_one_has() {
        let cases = [
            (
                "[{subnet: 10.1.0.0/16, gateway: 10.1.0.1}]",
                "[{subnet: 10.2.0.0/16}]",
                "[{subnet: 10.2.0.0/16}]",
            ),
            (
                "[{subnet: a, gateway: g, aux_addresses: {x: 1, y: 2}}, {subnet: b}]",
                "[{subnet: c}, {subnet: a, aux_addresses: {y: 3}}]",
                "[{subnet: c}, {subnet: a, gateway: g, aux_addresses: {x: 1, y: 3}}]",
            ),
            ("[{subnet: a}]", "[]", "[]"),
            ("[{subnet: a}]", "", "[{subnet: a}]"),
            ("[{gateway: g}]", "[{ip_range: r}]", "[{gateway: g, ip_range: r}]"),
        ];
        for (base, over, expected) in cases {
            let pools = |pools: &str| format!("{{ipam: {{config: {pools}}}}}");
            let merged = laid_over("networks", &pools(base), &pools(over));
            assert_eq!(merged, pools(expected), "{base} + {over}");
        }
    }
}
