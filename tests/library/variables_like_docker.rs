//! Compares our reading of variables with what docker's client makes of the same text, where a client is installed.

#![expect(clippy::expect_used, reason = "a machine on which these fail cannot run the test")]

use std::io::Write as _;

use skep::spec::interpolate::{Origin, Variables, interpolate};
use skep::spec::yaml::node::Value;
use skep::spec::yaml::{budget::Budget, parse};

use crate::docker::stack_config;

const VARIABLES: [(&str, &str); 4] = [("A", "va"), ("E", ""), ("A_B", "vab"), ("_x1", "$A")];

fn file(template: &str) -> String {
    format!("services: {{a: {{image: a}}}}\nx-test: '{}'\n", template.replace('\'', "''"))
}

/// What `docker stack config` makes of a text, `Err` when it refuses it. `None` without a docker client.
fn docker(template: &str) -> Option<Result<String, ()>> {
    let mut stack = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file");
    stack.write_all(file(template).as_bytes()).expect("writing it");
    let mut command = stack_config()?;
    command.arg(stack.path()).env_remove("U").envs(VARIABLES);
    let output = command.output().expect("docker's client");
    if !output.status.success() {
        return Some(Err(()));
    }
    let printed: serde_yaml::Value = serde_yaml::from_slice(&output.stdout).expect("YAML");
    Some(Ok(printed.get("x-test").and_then(|text| text.as_str()).unwrap_or_default().to_owned()))
}

fn ours(template: &str) -> Result<String, ()> {
    let mut variables = Variables::new();
    for (name, value) in VARIABLES {
        variables.add(name, value, Origin::Flag);
    }
    let mut root = parse(file(template).as_bytes(), "test.yaml".into(), &Budget::default())
        .expect("the file is YAML");
    let mut findings = Vec::new();
    interpolate(&mut root, &variables, &mut findings);
    if findings.iter().any(skep::model::finding::Finding::is_error) {
        return Err(());
    }
    match root.get("x-test").map(|node| &node.value) {
        Some(Value::Scalar(scalar)) => Ok(scalar.text.clone()),
        _ => Err(()),
    }
}

#[test]
fn variables_are_read_as_by_docker_where_it_follows_the_specification() {
    for template in [
        "$A ${A} x${A}y$A.z",
        "$A_B ${A}_B $_x1 ${_x1}",
        "$$A $$$$ $${A} $$$A",
        "${U:-d} ${U-d} ${E:-d} ${E-d} ${A:-d} ${A-d}",
        "${U} $U|${E}",
        "${U:-http://x:80/?q=a b}",
        "${U:-a}b}",
        "${U:-}${U-}",
        "${U:- d }",
        "${A:?m} ${A?m} ${E?m}",
        "${U:?m}",
        "${U?m}",
        "${E:?m}",
        "a$",
        "$",
        "$1",
        "$(x)",
        "$[x]",
        "$ A",
        "${}",
        "${1}",
        "${ A}",
        "${A }",
        "${A",
        "${A!x}",
        "${A%x}",
        "${A:=x}",
        "${A=x}",
        "${A.b}",
        "${U:-x",
        "^[a-z]+$",
    ] {
        let Some(docker) = docker(template) else { return };
        assert_eq!(ours(template), docker, "{template}");
    }
}

#[test]
fn the_specification_wins_where_docker_differs() {
    for (template, expected, by_docker) in [
        ("${U:-${A}}", Ok("va"), Ok("${A}")),
        ("${A:+x}", Ok("x"), Err(())),
        ("${E+x}", Ok("x"), Err(())),
        ("${U:-$$}", Ok("$"), Ok("$$")),
        ("$A-b", Ok("va-b"), Ok("va")),
        ("$U-b", Ok("-b"), Ok("b")),
    ] {
        let ours = ours(template);
        assert_eq!(ours.as_deref(), expected.as_ref().copied(), "{template}");
        if let Some(docker) = docker(template) {
            assert_eq!(
                docker.as_deref(),
                by_docker.as_ref().copied(),
                "docker changed: {template}"
            );
        }
    }
}
