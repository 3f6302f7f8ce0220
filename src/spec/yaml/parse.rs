//! From the bytes of a file to its located tree.

use std::sync::Arc;

use super::budget::Budget;
use super::build::Builder;
use super::node::Node;
use super::source;
use crate::model::finding::{self, Finding};

/// Reads one YAML document as go-yaml v3 does, which is what docker's client uses.
///
/// `file` is the path that messages show. Scalars are resolved, core tags applied, aliases expanded and merge keys
/// merged; explicit keys win, and of several merged mappings the first. An empty file is null. Everything that could
/// be wrong with values is looked at before errors are reported; what stands behind broken syntax is not seen.
///
/// # Errors
/// All findings, every one an error.
pub fn parse(text: &[u8], file: Arc<str>, budget: &Budget) -> Result<Node, Vec<Finding>> {
    let text = source::text(text, &file, budget).map_err(|finding| vec![*finding])?;
    let (node, mut findings) = Builder::new(text, file, budget).document();
    if findings.is_empty() {
        Ok(node)
    } else {
        finding::sort(&mut findings);
        Err(findings)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::spec::yaml::node::{ScalarKind, Value};

    fn read(text: &str) -> Result<Node, Vec<Finding>> {
        parse(text.as_bytes(), "stack.yaml".into(), &Budget::default())
    }

    fn node(text: &str) -> Node {
        match read(text) {
            Ok(node) => node,
            Err(findings) => panic!("{text}: {findings:?}"),
        }
    }

    /// The value in short: `{a: 1, b: "x"}`.
    fn short(node: &Node) -> String {
        let tag = node.tag.as_ref().map(|tag| format!("{tag} ")).unwrap_or_default();
        let value = match &node.value {
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(", "))
            }
            Value::Mapping(mapping) => {
                let pair =
                    |e: &crate::spec::yaml::node::Entry| format!("{}: {}", e.key, short(&e.value));
                format!("{{{}}}", mapping.entries.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "null".to_owned(),
                ScalarKind::Bool(value) => value.to_string(),
                ScalarKind::Int(value) => value.to_string(),
                ScalarKind::Uint(value) => value.to_string(),
                ScalarKind::Float(value) => format!("{value:?}"),
                ScalarKind::Timestamp => format!("@{}", scalar.text),
                ScalarKind::String => format!("{:?}", scalar.text),
            },
        };
        format!("{tag}{value}")
    }

    fn errors(text: &str) -> String {
        let Err(findings) = read(text) else { panic!("accepted: {text}") };
        let mut out = String::new();
        for Finding { code, severity: _, message, place, related, hint } in findings {
            let place =
                place.map_or_else(String::new, |p| format!("{}:{}+{}", p.line, p.column, p.length));
            let _ = write!(out, "{place} {code}: {message}");
            for related in related {
                let _ = write!(
                    out,
                    " ({}:{} {})",
                    related.place.line, related.place.column, related.message
                );
            }
            let _ = writeln!(out, "{}", hint.map(|hint| format!(" [{hint}]")).unwrap_or_default());
        }
        out
    }

    #[test]
    fn merge_keys_work_at_any_depth_and_explicit_keys_win() {
        let text = "
x-a: &a {n: 1, deep: {k: v}}
x-b: &b {n: 2, m: 2}
web:
  <<: *a
  n:
worker:
  m: 3
  <<: [*b, *a, {z: 0}]
  inner: {<<: *b, '<<': quoted}
";
        let text = text.replace("{<<: *b, '<<': quoted}", "{<<: *b}");
        assert_eq!(
            short(&node(&text)),
            "{x-a: {n: 1, deep: {k: \"v\"}}, x-b: {n: 2, m: 2}, \
             web: {n: null, deep: {k: \"v\"}}, \
             worker: {m: 3, inner: {n: 2, m: 2}, n: 2, deep: {k: \"v\"}, z: 0}}"
        );
        assert_eq!(short(&node("'<<': {a: 1}")), "{<<: {a: 1}}");
    }

    #[test]
    fn a_merged_value_knows_where_it_was_written_and_where_it_is_used() {
        let root = node("x-a: &a\n  image: nginx\nweb:\n  <<: *a\n");
        let Some(Value::Mapping(web)) = root.get("web").map(|node| &node.value) else {
            panic!("no web")
        };
        let entry = web.entry("image").expect("merged");
        assert_eq!(entry.key_place.to_string(), "stack.yaml:2:3");
        assert_eq!(entry.value.place.to_string(), "stack.yaml:2:10");
        assert_eq!(entry.value.place.length, 5);
        assert_eq!(
            entry.value.used_at.as_deref().map(ToString::to_string).as_deref(),
            Some("stack.yaml:4:7")
        );
    }

    #[test]
    fn documents_are_read_whatever_editor_wrote_them() {
        for text in [
            "a: b\nc: [1, 2]\n",
            "\u{FEFF}a: b\r\nc: [1,\t2]\r\n",
            "%YAML 1.2\n---\na:\tb # comment\nc:\n- 1\n- 2\n...\n",
            "a: b\nc: [1, 2]\n---\n# nothing more\n",
            "{a: b, c: [1, 2]}",
        ] {
            assert_eq!(short(&node(text)), "{a: \"b\", c: [1, 2]}", "{text:?}");
        }
        for text in ["", "# only a comment\n", "---\n", "~"] {
            assert!(node(text).is_null(), "{text:?}");
        }
    }

    #[test]
    fn tags_of_compose_are_kept_and_core_tags_resolved() {
        assert_eq!(
            short(&node(
                "a: !reset null\nb: !override [1]\nc: !!str 1\nd: !!int \"7\"\ne: ! 5\nf: !!map {}"
            )),
            "{a: !reset null, b: !override [1], c: \"1\", d: 7, e: 5, f: {}}"
        );
    }

    #[test]
    fn every_dollar_is_located_through_quotes_blocks_and_escapes() {
        let root = node("a: 'it''s $A'\nb: |\n  x\n    $B $C\nc: \"é$D\n  $E\"\nd: \"\\x24F\"\n");
        let spots = |key| match root.get(key).map(|node| &node.value) {
            Some(Value::Scalar(scalar)) => {
                scalar.dollars.iter().map(|spot| (spot.line, spot.column)).collect::<Vec<_>>()
            }
            _ => panic!("no {key}"),
        };
        assert_eq!(spots("a"), [(1, 11)]);
        assert_eq!(spots("b"), [(4, 5), (4, 8)]);
        assert_eq!(spots("c"), [(5, 6), (6, 3)]);
        assert_eq!(spots("d"), []);
    }

    #[test]
    fn all_errors_of_a_file_are_found_at_once() {
        insta::assert_snapshot!(errors(
            "a: 1
a: 2
1: x
~: x
true: x
2024-01-01: x
: x
[l]: x
{{ jinja }}: x
b: *nowhere
c: &c [*c]
d: !!int many
e: {<<: 5}
f: &list [{a: 1}]
g: {<<: *list}
h: {<<: [{a: 1}, 3]}
i:
  <<: {a: 1}
  <<: {a: 2}
  k: 1
  'k': 2
  k: 3
j: [1
"
        ));
    }

    #[test]
    fn broken_syntax_is_explained() {
        let mut out = String::new();
        for text in [
            "a:\n\tb: c\n",
            "a:\n  b: c\n\n\td: e\n",
            "a: |\n\tb\n",
            "a: b: c\n",
            "a:\n  - b\n c: d\n",
            "a: b\nno colon\n",
            "a: \"open\nb: c\n",
            "a: it's\nb: 'open\n",
            "a: @b\n",
            "a: *\n",
            "a: {b\n",
            "a: [b}\n",
            "a: \"\\q\"\n",
            "a: 'it's'\n",
            "a: - b\n",
            "a: | x\n",
            "a: !x!y b\n",
            "a: ]\n",
            "a: 1\n---\nb: 2\n",
            "a: \u{1}\n",
        ] {
            let _ = write!(out, "{text:?}\n  {}", errors(text));
        }
        insta::assert_snapshot!(out);
        let latin = parse(b"a: b\nc: caf\xE9\n", "stack.yaml".into(), &Budget::default());
        let places = latin.map_err(|findings| {
            findings
                .iter()
                .filter_map(|f| f.place.clone())
                .map(|p| p.to_string())
                .collect::<Vec<_>>()
        });
        assert_eq!(places, Err(vec!["stack.yaml:2:7".to_owned()]));
    }

    #[test]
    fn a_control_character_is_found_behind_other_alphabets() {
        let found = errors("a: b\nc: café\u{7F}\n");
        assert!(found.starts_with("2:8+1 yaml-encoding: "), "{found}");
    }

    #[test]
    fn a_key_that_is_written_twice_is_found_among_few_and_among_many() {
        for others in [1, 100] {
            let mut text = String::from("a: 1\n");
            for number in 0..others {
                let _ = writeln!(text, "k{number}: 1");
            }
            assert!(read(&text).is_ok());
            text.push_str("a: 2\n");
            let place = others + 2;
            let expected = format!("{place}:1+1 yaml-duplicate-key: ");
            assert!(errors(&text).starts_with(&expected), "{}", errors(&text));
        }
    }

    /// Without budgets this would not end before the test runner gives up.
    #[test]
    fn hostile_files_are_refused_within_the_budgets() {
        let mut laughs = String::from("l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
        let mut tower = String::from("l0: &l0 [x]\n");
        for level in 1..40 {
            let below = level - 1;
            let _ = writeln!(
                laughs,
                "l{level}: &l{level} [{}]",
                vec![format!("*l{below}"); 9].join(", ")
            );
            let _ = writeln!(
                tower,
                "l{level}: &l{level} {}*l{below}{}",
                "[".repeat(50),
                "]".repeat(50)
            );
        }
        for (text, code) in [
            (laughs, "yaml-too-many-values"),
            (tower, "yaml-too-deep"),
            ("[".repeat(20_000), "yaml-too-deep"),
            ("- ".repeat(20_000), "yaml-too-deep"),
            ("[".to_owned() + &"1,".repeat(600_000), "yaml-too-many-values"),
            ("a: 1\n".repeat(1_000_000), "yaml-too-large"),
        ] {
            assert!(errors(&text).contains(code), "{code}");
        }
    }

    #[test]
    fn a_thousand_services_may_merge_one_mapping() {
        let mut text = String::from(
            "x-common: &common\n  environment: {A: 1, B: 2}\n  deploy: {replicas: 1}\nservices:\n",
        );
        for number in 0..1000 {
            let _ = writeln!(text, "  s{number}:\n    <<: *common\n    image: nginx");
        }
        let root = node(&text);
        let Some(Value::Mapping(services)) = root.get("services").map(|node| &node.value) else {
            panic!("no services")
        };
        assert_eq!(services.entries.len(), 1000);
    }
}
