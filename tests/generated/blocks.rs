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

/// Values of labels, variables and options.
pub(crate) fn texts() -> Values {
    any_of([strings(), numbers()])
}

/// Text of any kind.
pub(crate) fn strings() -> Values {
    let any = "[ -~äß€\\n\\t]{0,30}";
    any_of([
        any.prop_map(|text| text.replace('$', "$$").replace('%', "").into()).boxed(),
        pick(json!([
            "",
            " ",
            "ä€𝄞",
            "a=b",
            "a: b # c",
            "{{.Node.Hostname}}",
            "{{.Task.Slot}}",
            "$$HOME",
            "on",
            "~",
            "0440",
            "1e6",
            "${SET}",
            "${UNSET-fallback}",
            "${SET:-no} and ${EMPTY_ONE:-more}",
            "2001:db8::1",
            "C:\\x",
            "a\r\nb"
        ])),
    ])
}

/// Numbers, which Go prints in its own way.
fn numbers() -> Values {
    let written = [
        "0440",
        "1_000",
        "0x1F",
        "1e6",
        "3.10",
        "0b11",
        "0o17",
        "-0",
        "1_0.5",
        "+5",
        "1:30",
        ".5",
        "5.",
        "0x_F",
        "1e3",
        "12e03",
        "-1_0",
        "0.1e-7",
        "18446744073709551615",
        "99999999999999999999",
    ];
    any_of([
        any::<f64>()
            .prop_filter("a number", |number| number.is_finite())
            .prop_map(|number| json!(number))
            .boxed(),
        any::<i64>().prop_map(|number| json!(number)).boxed(),
        "[0-9]{1,3}\\.[0-9]{1,3}(e[-+]?[0-9])?".prop_map(|number| raw(&number)).boxed(),
        select(written.map(raw).to_vec()).boxed(),
    ])
}

/// Durations in Go's notation, of at least a second and at most some days.
pub(crate) fn durations() -> Values {
    let part = "[1-9][0-9]{0,2}(\\.[0-9]{1,3})?(ms|s|m)";
    any_of([
        pick(json!([
            "1s",
            "1m30s",
            "1.5h",
            "2h45m",
            "90s",
            "1000000us",
            "1500000µs",
            "0h1m0.5s",
            "+5s",
            "1.s",
            "2000000000ns"
        ])),
        part.prop_map(|part| format!("1s{part}").into()).boxed(),
        (part, part).prop_map(|(first, second)| format!("{first}1.5s{second}").into()).boxed(),
    ])
}

/// Sizes in docker's notation, of at least 8 MiB.
pub(crate) fn sizes() -> Values {
    any_of([
        pick(json!([
            "64M",
            "1.5G",
            "512mb",
            "20000k",
            "10485760",
            "33554432b",
            "16 MB",
            "0.5t",
            "64MiB",
            "1gib"
        ])),
        "[1-9][0-9]{1,2}(\\.[0-9]{1,3})? ?[mgMG]([iI]?[bB])?".prop_map(Value::String).boxed(),
        "[1-9][0-9]{7,9}[bB]?".prop_map(Value::String).boxed(),
    ])
}
