//! Any bytes as a YAML file: a tree whose places lie in the file, or findings that say why not.

use skep::model::finding::Finding;
use skep::spec::yaml::budget::Budget;
use skep::spec::yaml::node::{Node, Value};
use skep::spec::yaml::parse;

pub(crate) fn read(bytes: &[u8]) {
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    let budget = Budget::default();
    match parse(bytes, "stack.yaml".into(), &budget) {
        Ok(node) => {
            let mut nodes = 0;
            visit(&node, lines, &mut nodes, 0);
            assert!(nodes <= budget.nodes, "{nodes} nodes");
        }
        Err(findings) => {
            assert!(findings.iter().any(Finding::is_error), "refused without an error");
            for place in findings.iter().filter_map(|finding| finding.place.as_ref()) {
                assert!(place.line as usize <= lines + 1, "{place} of {lines} lines");
            }
        }
    }
}

fn visit(node: &Node, lines: usize, nodes: &mut usize, depth: usize) {
    *nodes += 1;
    assert!(depth <= Budget::default().depth, "too deep");
    for place in [Some(&node.place), node.used_at.as_deref()].into_iter().flatten() {
        let line = place.line as usize;
        assert!((1..=lines + 1).contains(&line), "{place} of {lines} lines");
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for item in items {
                visit(item, lines, nodes, depth + 1);
            }
        }
        Value::Mapping(mapping) => {
            for entry in &mapping.entries {
                visit(&entry.value, lines, nodes, depth + 1);
            }
        }
    }
}
