//! Findings that only follow from others.

use crate::model::finding::Finding;
use crate::model::place::Place;

/// Drops what was found wrong with a value whose variables could not be put in: that is wrong already, and for
/// another reason.
pub(super) fn drop_consequences(findings: &mut Vec<Finding>) {
    let causes: Vec<Place> = findings
        .iter()
        .filter(|finding| is_cause(finding.code))
        .filter_map(|finding| finding.place.clone())
        .collect();
    findings.retain(|finding| {
        let Some(place) = finding.place.as_ref().filter(|_| judges_a_value(finding.code)) else {
            return true;
        };
        !causes.iter().any(|cause| is_within(cause, place))
    });
}

fn is_cause(code: &str) -> bool {
    matches!(code, "missing-variable" | "interpolation" | "interpolation-too-long")
}

fn judges_a_value(code: &str) -> bool {
    code.starts_with("invalid-")
        || matches!(code, "wrong-type" | "out-of-range" | "undeclared" | "relative-bind")
}

fn is_within(inner: &Place, outer: &Place) -> bool {
    inner.file == outer.file
        && inner.line == outer.line
        && (outer.column..=outer.column.saturating_add(outer.length)).contains(&inner.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_its_variables_is_not_judged_further() {
        let at = |column, length| Place { column, length, ..Place::file("stack.yaml") };
        let mut findings = vec![
            Finding::error("invalid-image", at(12, 20), "no tag"),
            Finding::error("missing-variable", at(21, 6), "TAG must be set"),
            Finding::error("missing-key", at(12, 30), "needs a `target`"),
            Finding::error("invalid-image", at(60, 5), "of another value"),
        ];
        drop_consequences(&mut findings);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["missing-variable", "missing-key", "invalid-image"]);
    }
}
