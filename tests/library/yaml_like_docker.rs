//! Compares our reading of YAML with what docker's client makes of the same text, where a client is installed.

#![expect(clippy::expect_used, reason = "a machine on which these fail cannot run the test")]

use std::io::Write as _;

use skep::spec::yaml::node::{Node, Scalar, ScalarKind, Value};
use skep::spec::yaml::{budget::Budget, parse};

use crate::docker::stack_config;

/// What `docker stack config` prints for `text` under `x-test`, or its error. `None` without a docker client.
fn docker(text: &str) -> Option<Result<serde_yaml::Value, String>> {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file");
    let indented = text.lines().collect::<Vec<_>>().join("\n  ");
    writeln!(file, "services: {{a: {{image: a}}}}\nx-test:\n  {indented}").expect("writing it");
    let output = stack_config()?.arg(file.path()).output().expect("docker's client");
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let printed: serde_yaml::Value = serde_yaml::from_slice(&output.stdout).expect("YAML");
    Some(Ok(printed.get("x-test").cloned().unwrap_or_default()))
}

/// Our tree in the terms of docker's output.
fn plain(node: &Node) -> serde_yaml::Value {
    match &node.value {
        Value::Sequence(items) => items.iter().map(plain).collect(),
        Value::Mapping(mapping) => serde_yaml::Value::Mapping(
            mapping.entries.iter().map(|e| (e.key.clone().into(), plain(&e.value))).collect(),
        ),
        Value::Scalar(Scalar { kind, text, .. }) => match *kind {
            ScalarKind::Null => serde_yaml::Value::Null,
            ScalarKind::Bool(value) => value.into(),
            ScalarKind::Int(value) => value.into(),
            ScalarKind::Uint(value) => value.into(),
            ScalarKind::Float(value) => value.into(),
            ScalarKind::Timestamp => format!("timestamp {text}").into(),
            ScalarKind::String => text.clone().into(),
        },
    }
}

fn ours(text: &str) -> Result<serde_yaml::Value, String> {
    parse(text.as_bytes(), "test.yaml".into(), &Budget::default())
        .map(|node| plain(&node))
        .map_err(|findings| findings.iter().map(|f| f.message.clone()).collect())
}

/// Equal, where a float of integral value may be printed without its point and a date is printed in full.
fn alike(ours: &serde_yaml::Value, docker: &serde_yaml::Value) -> bool {
    use serde_yaml::Value as V;
    match (ours, docker) {
        (V::Number(a), V::Number(b)) => a == b || (a.is_f64() && a.as_f64() == b.as_f64()),
        (V::String(a), V::String(b)) if a.starts_with("timestamp ") => {
            a.get(10..14) == b.get(..4) && b.contains('T')
        }
        (V::Sequence(a), V::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (V::Mapping(a), V::Mapping(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Numbers in the next state of a fixed sequence (splitmix64), so that every run tries the same texts.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((z ^ (z >> 31)) >> 33).expect("31 bits")
}

#[test]
fn generated_scalars_have_the_type_that_docker_sees() {
    const PARTS: [&str; 32] = [
        "0",
        "1",
        "7",
        "9",
        "12",
        "0x",
        "0o",
        "0b",
        "0X",
        "_",
        ".",
        "-",
        "+",
        "e",
        "E",
        "e+",
        "e-3",
        "2024-",
        "01",
        "-1",
        " 10:00:00",
        "T1:2:3Z",
        ":",
        "inf",
        ".inf",
        "nan",
        "true",
        "null",
        "~",
        "y",
        "a",
        "00",
    ];
    let mut state = 1;
    // Most begin like a number: what begins like a word is nearly always text.
    let mut scalars: Vec<String> = (0..5000)
        .map(|_| {
            let first = PARTS[next(&mut state) % 20];
            let rest = (0..next(&mut state) % 4).map(|_| PARTS[next(&mut state) % PARTS.len()]);
            std::iter::once(first).chain(rest).collect()
        })
        .collect();
    // JSON, through which docker passes everything, has neither of these.
    scalars.retain(|text| !matches!(ours(text), Ok(serde_yaml::Value::Number(n)) if n.is_infinite() || n.is_nan()));
    scalars.retain(|text: &String| ours(&format!("- {text}")).is_ok() && !text.contains(": "));
    let text = format!("- {}\n", scalars.join("\n- "));
    let Some(docker) = docker(&text) else { return };
    let docker = docker.expect("docker takes it");
    let ours = ours(&text).expect("we take it");
    let (ours, docker) =
        (ours.as_sequence().expect("a list"), docker.as_sequence().expect("a list"));
    assert_eq!(ours.len(), docker.len());
    for ((text, ours), docker) in scalars.iter().zip(ours).zip(docker) {
        assert!(alike(ours, docker), "{text}: {ours:?}, docker: {docker:?}");
    }
}

#[test]
fn documents_are_read_or_refused_as_by_docker() {
    for text in [
        "a: &a {x: 1}\n<<: *a\nb: {<<: [*a, {y: 2}], x: 3}\nc: {<<: [{x: 5}, *a]}",
        "a: &a {x: 1}\nb: &b\n  <<: *a\n  y: 2\nc:\n  <<: *b\n  x:",
        "a: '<<'\n'<<': {b: c}",
        "a: &a 1\nb: *a\nc: [*a, *a]",
        "a: |\n  one\n    two\n\n  three\nb: >-\n  x\n  y\n\n  z\nc: |+\n  x\n\nd: end",
        "a: \"x\\ty\\u00e9\\n\"\nb: 'it''s'\nc: plain with # no comment\nd: x # a comment",
        "a: {b, c: d, 'e': f}\ng: [1, [2, 3], {h: i}]",
        "- a\n-\n- - b\n  - c\n- d: e\n  f: g",
        "a:\tb\nc: [1,\t2]",
        "? a\n: b\n? c",
        "!!set {a, b}",
        "a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!binary aGk=\ne: ! 4\nf: !other 5\ng: !!null ''",
        "a: http://x:80/y#z\nb: -x\nc: a:b\nd: '@x'\ne: \"%x\"",
        "a: on\nyes: no\ny: n\n'1': 2",
        "a: first\n  second\n  third\nb: \"q\n  r\"",
        "key with spaces: 1\nk-e_y.z: 2\n\"quoted\": 3\n/path: 4",
        "1: a",
        "true: a",
        "~: a",
        "[a]: b",
        "a: 1\nb: 2\na: 3",
        "a: {<<: {b: 1}, <<: {c: 2}}",
        "a: {<<: 1}",
        "a: &a [{b: 1}]\nc: {<<: *a}",
        "a: {<<: [{b: 1}, 2]}",
        "a: *b",
        "a: &a [*a]",
        "a: @b",
        "a: \"b",
        "a: [b",
        "a: b: c",
        "a: !!int b",
        "a: !!bool yes",
        "a:\n\tb: c",
        "a: \u{1}",
        "a: - b",
    ] {
        let Some(docker) = docker(text) else { return };
        match (ours(text), docker) {
            (Ok(ours), Ok(docker)) => {
                assert!(alike(&ours, &docker), "{text}\n{ours:?}\n{docker:?}");
            }
            (Err(_), Err(_)) => {}
            (ours, docker) => panic!("{text}\nours: {ours:?}\ndocker: {docker:?}"),
        }
    }
}
