//! Replaces the variables of a whole file.

use std::collections::HashSet;

use super::expand::expand;
use super::findings::findings;
use super::template::At;
use super::variables::{Origin, Variables};
use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::yaml::node::{Node, Scalar, ScalarKind, Value};

/// How many bytes the variables of one file may add up to.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What replacing the variables of a file came to.
#[derive(Debug)]
pub struct Interpolated {
    /// How many bytes the texts with variables have in the end.
    pub bytes: usize,
    /// The variables whose values stand in the file now.
    pub uses: Vec<Use>,
}

/// A variable whose value stands in a file.
#[derive(Debug)]
pub struct Use {
    /// Where it is used.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Where its value came from.
    pub origin: Origin,
}

/// Replaces the variables in all values of a file, never in keys.
///
/// A scalar with a variable becomes text that is marked as [`Scalar::interpolated`], as its type is decided by where
/// it stands. A variable that is not set and has no default becomes empty with a warning, one for each place where it
/// is written, however often an alias repeats it.
pub fn interpolate(
    root: &mut Node,
    variables: &Variables,
    found: &mut Vec<Finding>,
) -> Interpolated {
    let result = Interpolated { bytes: 0, uses: Vec::new() };
    let mut document = Document { variables, found, reported: HashSet::new(), result };
    document.node(root);
    document.result
}

struct Document<'a> {
    variables: &'a Variables,
    found: &'a mut Vec<Finding>,
    reported: HashSet<(Option<Place>, String)>,
    result: Interpolated,
}

impl Document<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Sequence(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Mapping(mapping) => {
                mapping.entries.iter_mut().for_each(|entry| self.node(&mut entry.value));
            }
            Value::Scalar(scalar) if scalar.text.contains('$') => {
                self.scalar(scalar, &node.place);
            }
            Value::Scalar(_) => {}
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar, place: &Place) {
        let expansion = expand(&scalar.text, &|name| self.variables.value(name));
        let at = |At { dollar, length }| match scalar.dollars.get(dollar) {
            None => place.clone(),
            Some(spot) => Place {
                file: place.file.clone(),
                line: spot.line,
                column: spot.column,
                length: u32::try_from(length).unwrap_or(u32::MAX),
            },
        };
        for finding in findings(expansion.as_ref(), &at) {
            if self.reported.insert((finding.place.clone(), finding.message.clone())) {
                self.found.push(finding);
            }
        }
        let expansion = expansion.unwrap_or_default();
        for (name, spot) in expansion.used {
            if let Some(variable) = self.variables.get(&name) {
                let origin = variable.origin.clone();
                self.result.uses.push(Use { place: at(spot), name, origin });
            }
        }
        let mut text = expansion.text;
        self.result.bytes = self.result.bytes.saturating_add(text.len());
        if self.result.bytes > MAX_BYTES {
            if self.reported.insert((None, String::new())) {
                let message =
                    format!("the variables of this file add up to more than {MAX_BYTES} bytes");
                self.found.push(Finding::error("interpolation-too-long", place.clone(), message));
            }
            text.clear();
        }
        *scalar =
            Scalar { text, kind: ScalarKind::String, dollars: Vec::new(), interpolated: true };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;
    use crate::spec::interpolate::Origin;
    use crate::spec::yaml::{budget::Budget, parse};

    fn load(text: &str) -> (Node, Vec<String>) {
        let mut variables = Variables::new();
        variables.add("TAG", "1.2", Origin::Flag);
        variables.add("TAG", "weaker", Origin::Process);
        variables.add("COUNT", "3", Origin::Flag);
        let mut root =
            parse(text.as_bytes(), "stack.yaml".into(), &Budget::default()).expect("YAML");
        let mut found = Vec::new();
        interpolate(&mut root, &variables, &mut found);
        let show = |f: &Finding| {
            let place = f.place.as_ref().map(|p| format!("{p}+{}", p.length)).unwrap_or_default();
            let severity = if f.severity == Severity::Error { "error" } else { "warning" };
            format!("{place} {severity} {}: {}", f.code, f.message)
        };
        let found = found.iter().map(show).collect();
        (root, found)
    }

    #[test]
    fn values_are_interpolated_and_keys_are_not() {
        let (root, found) = load("name: x-${TAG}\nreplicas: ${COUNT}\n$TAG: [a, 'b$$c', 5]\n");
        assert_eq!(found, Vec::<String>::new());
        let scalar = |node: Option<&Node>| match node.map(|node| &node.value) {
            Some(Value::Scalar(scalar)) => (scalar.text.clone(), scalar.kind, scalar.interpolated),
            _ => panic!("no scalar"),
        };
        let text = |text: &str| (text.to_owned(), ScalarKind::String, true);
        assert_eq!(scalar(root.get("name")), text("x-1.2"));
        assert_eq!(scalar(root.get("replicas")), text("3"));
        let Some(Value::Sequence(items)) = root.get("$TAG").map(|node| &node.value) else {
            panic!("no list")
        };
        assert_eq!(scalar(items.first()), ("a".to_owned(), ScalarKind::String, false));
        assert_eq!(scalar(items.get(1)), text("b$c"));
        assert_eq!(scalar(items.get(2)), ("5".to_owned(), ScalarKind::Int(5), false));
    }

    #[test]
    fn findings_point_into_the_scalar_once_for_each_place() {
        let (_, found) = load(
            "x-a: &a\n  image: 'repo/${NAME}:$TAG'\none: {<<: *a}\ntwo: {<<: *a}\ntext: |\n  first\n  ${NAME} costs 5$\nmust: ${KEY:?ask ops}\n",
        );
        assert_eq!(
            found,
            [
                "stack.yaml:2:16+7 warning unset-variable: the variable `NAME` is not set and becomes empty",
                "stack.yaml:7:18+1 error interpolation: `$` begins no variable here",
                "stack.yaml:8:7+15 error missing-variable: the variable `KEY` must be set: ask ops",
            ]
        );
    }
}
