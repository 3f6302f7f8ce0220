//! Several files of one stack, merged by Compose's rules (`compose-spec/13-merge.md`).

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
    let mut merged = base;
    for entry in over.entries {
        let position = merged.entries.iter().position(|known| known.key == entry.key);
        if entry.value.tag.as_deref() == Some("!reset") {
            if let Some(position) = position {
                merged.entries.remove(position);
            }
            continue;
        }
        path.push(entry.key.clone());
        match position.and_then(|position| merged.entries.get_mut(position)) {
            Some(known) => {
                let null = Node::null(known.value.place.clone());
                let base = std::mem::replace(&mut known.value, null);
                known.value = at(path, base, entry.value);
                known.key_place = entry.key_place;
            }
            None => merged.entries.push(entry),
        }
        path.pop();
    }
    merged
}

fn lists(path: &mut Vec<String>, base: Vec<Node>, over: Vec<Node>) -> Value {
    match rule(path) {
        Rule::Replace => Value::Sequence(over),
        Rule::Pairs => Value::Mapping(mappings(path, pairs(base), pairs(over))),
        Rule::Keyed(key) => {
            let mut merged = base;
            for item in over {
                let name = key(&item);
                let known = merged.iter_mut().find(|known| name.is_some() && key(known) == name);
                match known {
                    Some(known) => *known = item,
                    None => merged.push(item),
                }
            }
            Value::Sequence(merged)
        }
        Rule::Append => {
            let mut merged = base;
            for item in over {
                if !merged.iter().any(|known| same(&known.value, &item.value)) {
                    merged.push(item);
                }
            }
            Value::Sequence(merged)
        }
    }
}

/// A list of `name=value` or of names as a mapping; a name alone has no value.
fn pairs(list: Vec<Node>) -> Mapping {
    let mut mapping = Mapping::default();
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
        match mapping.entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = entry,
            None => mapping.entries.push(entry),
        }
    }
    mapping
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

/// Whether two values are equal wherever they were written.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            left.text == right.text && left.kind == right.kind
        }
        (Value::Sequence(left), Value::Sequence(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(&left.value, &right.value))
        }
        (Value::Mapping(left), Value::Mapping(right)) => {
            left.entries.len() == right.entries.len()
                && left.entries.iter().all(|entry| {
                    right
                        .get(&entry.key)
                        .is_some_and(|value| same(&entry.value.value, &value.value))
                })
        }
        _ => false,
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
