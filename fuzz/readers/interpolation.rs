//! A text with variables, and the same text as a `.env` file and as an `env_file`.

use skep::model::place::Place;
use skep::spec::interpolate::{Origin, Variables, interpolate, parse_dotenv, parse_env_file};
use skep::spec::yaml::node::{Node, Scalar, ScalarKind, Value};

pub(crate) fn read(text: &str) {
    let mut variables = Variables::new();
    for (name, value) in [("A", "first"), ("B", "$A ${B}"), ("EMPTY", "")] {
        variables.add(name, value, Origin::Flag);
    }
    let file = "file".into();
    let _ = parse_env_file(text.as_bytes(), &file, &variables);
    let (assignments, _) = parse_dotenv(text.as_bytes(), &file, &variables);
    variables.add_file(assignments, Origin::DotEnv);

    let mut node = Node::null(Place::file("stack.yaml"));
    node.value = Value::Scalar(Scalar::new(text, ScalarKind::String));
    let mut findings = Vec::new();
    interpolate(&mut node, &variables, &mut findings);
    let Value::Scalar(scalar) = &node.value else { panic!("no longer a scalar") };
    if !text.contains('$') {
        assert_eq!(scalar.text, text);
        assert!(findings.is_empty());
    }
    // A value is never expanded again.
    let mut node = Node::null(Place::file("stack.yaml"));
    node.value = Value::Scalar(Scalar::new(text.replace('$', "$$"), ScalarKind::String));
    interpolate(&mut node, &variables, &mut findings);
    let Value::Scalar(scalar) = &node.value else { panic!("no longer a scalar") };
    assert_eq!(scalar.text, text, "escaped dollars are dollars");
}
