//! What generated stack files are put together from.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// Makes values.
pub(crate) type Values = BoxedStrategy<Value>;

/// A key that may be there: how often of a hundred times, and with what.
pub(crate) type Field = (&'static str, u32, Values);

const RAW: &str = "=as-it-is=";

/// A scalar that is written down as it is, without quotes.
pub(crate) fn raw(text: &str) -> Value {
    format!("{RAW}{text}{RAW}").into()
}

/// A stack file that says `content`. JSON is YAML.
pub(crate) fn text(content: &Value) -> String {
    let text = serde_json::to_string_pretty(content).expect("JSON");
    text.replace(&format!("\"{RAW}"), "").replace(&format!("{RAW}\""), "")
}

/// One of the items of `values`.
pub(crate) fn pick(values: Value) -> Values {
    select(items(values)).boxed()
}

fn items(values: Value) -> Vec<Value> {
    let Value::Array(items) = values else { panic!("a list of choices") };
    items
}

/// One of several ways.
pub(crate) fn any_of(ways: impl IntoIterator<Item = Values>) -> Values {
    let ways: Vec<_> = ways.into_iter().map(|way| (1, way)).collect();
    proptest::strategy::Union::new_weighted(ways).boxed()
}

/// Always `value`.
pub(crate) fn just(value: Value) -> Values {
    Just(value).boxed()
}

/// `true` or `false`, which variables say in the words of YAML 1.1, too.
pub(crate) fn boolean() -> Values {
    pick(json!([true, false, raw("True"), raw("FALSE"), "${UNSET:-yes}", "${UNSET:-off}"]))
}

/// Some of the items of `values`, in any order.
pub(crate) fn some_of(values: Value) -> Values {
    let items = items(values);
    let most = items.len().min(4);
    subsequence(items, 1..=most).prop_shuffle().prop_map(Value::Array).boxed()
}

/// A single text, or a list of some.
pub(crate) fn one_or_some(values: Value) -> Values {
    any_of([pick(values.clone()), some_of(values)])
}

/// Lists of `item`, which is told its number in the list.
pub(crate) fn numbered(most: usize, item: impl Fn(usize) -> Values) -> Values {
    let all: Vec<Values> = (0..most).map(item).collect();
    (1..=most, all).prop_map(|(length, all)| all.into_iter().take(length).collect()).prop_shuffled()
}

/// Shuffling of JSON lists.
trait Shuffled: Strategy<Value = Vec<Value>> + Sized + 'static {
    fn prop_shuffled(self) -> Values {
        self.prop_shuffle().prop_map(Value::Array).boxed()
    }
}

impl<S: Strategy<Value = Vec<Value>> + 'static> Shuffled for S {}

/// A mapping with some of `fields`.
pub(crate) fn mapping(fields: Vec<Field>) -> Values {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(key, often, values)| {
            let there = (0..100_u32).prop_map(move |number| number < often);
            (there, values).prop_map(move |(there, value)| there.then(|| (key.to_owned(), value)))
        })
        .collect();
    fields
        .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
        .boxed()
}

/// A mapping that has all of the fields of each.
pub(crate) fn merged(parts: Vec<Values>) -> Values {
    let merge = |parts: Vec<Value>| {
        let mut all = Map::new();
        for part in parts {
            let Value::Object(part) = part else { panic!("a mapping") };
            all.extend(part);
        }
        Value::Object(all)
    };
    parts.prop_map(merge).boxed()
}

/// Names with values, as a mapping and as a list of `NAME=VALUE`.
pub(crate) fn pairs(names: &[&str], values: Values) -> Values {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let most = names.len().min(4);
    let pairs = subsequence(names, 1..=most)
        .prop_flat_map(move |names| {
            let count = names.len();
            (Just(names), vec![values.clone(); count])
        })
        .prop_map(|(names, values)| names.into_iter().zip(values).collect::<BTreeMap<_, _>>())
        .boxed();
    let map = pairs.clone().prop_map(|pairs| json!(pairs)).boxed();
    let list = pairs
        .prop_map(|pairs| {
            let text = |(name, value): (String, Value)| match value {
                Value::Null => name,
                Value::String(text) => format!("{name}={}", text.replace(RAW, "")),
                other => format!("{name}={other}"),
            };
            pairs.into_iter().map(text).map(Value::String).collect::<Vec<_>>()
        })
        .prop_shuffled();
    any_of([map, list])
}

/// Values of labels, variables and options: text of any kind, and numbers, which Go prints in its own way.
pub(crate) fn texts() -> Values {
    any_of([
        "[ -#&-~]{0,12}".prop_map(|text| text.replace('$', "$$").replace('%', "").into()).boxed(),
        pick(json!([
            "",
            " ",
            "ä€𝄞",
            "a=b",
            "a: b # c",
            "{{.Node.Hostname}}",
            "{{.Task.Slot}}",
            "$$HOME",
            "tab\tand\nline",
            "on",
            "~",
            "0440",
            "1e6",
            "${SET}",
            "${UNSET-fallback}",
            "${SET:-no} and ${EMPTY_ONE:-more}",
            "2001:db8::1",
            "C:\\x"
        ])),
        pick(json!([
            0,
            -1,
            8080,
            1.5,
            1e21,
            raw("0440"),
            raw("1_000"),
            raw("0x1F"),
            raw("1e6"),
            raw("3.10"),
            raw("0b11")
        ])),
    ])
}

/// Durations in Go's notation.
pub(crate) fn durations() -> Values {
    pick(json!(["1s", "1m30s", "500ms", "1.5h", "2h45m", "90s", "1000000us", "7m", "12s500ms"]))
}

/// Sizes in docker's notation, of at least 8 MiB.
pub(crate) fn sizes() -> Values {
    pick(json!(["64M", "64m", "1g", "1.5G", "512mb", "20000k", "10485760", "33554432b", "16 MB"]))
}
