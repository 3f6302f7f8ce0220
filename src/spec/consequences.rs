//! Findings that follow from others, told as one.

use crate::model::finding::{Finding, Related};
use crate::model::place::Place;
use crate::spec::interpolate::{Origin, Use};

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
    explain_by_unset(findings);
}

/// Makes one finding of an error about a value and the warning that a variable in it is not set.
fn explain_by_unset(findings: &mut Vec<Finding>) {
    let (unset, mut others): (Vec<Finding>, Vec<Finding>) =
        std::mem::take(findings).into_iter().partition(|finding| finding.code == UNSET);
    for unset in unset {
        let explained = others.iter_mut().find(|finding| {
            let place = finding.place.as_ref().zip(unset.place.as_ref());
            finding.is_error()
                && judges_a_value(finding.code)
                && place.is_some_and(|(outer, inner)| is_within(inner, outer))
        });
        match (explained, unset) {
            (Some(finding), Finding { place: Some(place), message, hint, .. }) => {
                finding.related.push(Related { place, message });
                finding.hint = hint;
            }
            (_, unset) => findings.push(unset),
        }
    }
    findings.append(&mut others);
}

/// Tells of a value that is wrong where its variables came from, as it does not show what they hold.
pub(super) fn explain_by_origin(findings: &mut [Finding], uses: &[Use]) {
    for finding in findings.iter_mut().filter(|finding| judges_a_value(finding.code)) {
        let Some(place) = &finding.place else { continue };
        for Use { place: at, name, origin } in
            uses.iter().filter(|one| is_within(&one.place, place))
        {
            let message = match origin {
                Origin::Flag | Origin::Process => format!("`{name}` is set by {origin}"),
                Origin::EnvFile(set) | Origin::Settings(set) | Origin::DotEnv(set) => {
                    format!("`{name}` is set at {set}")
                }
            };
            let related = Related { place: at.clone(), message };
            if !finding.related.contains(&related) {
                finding.related.push(related);
            }
        }
    }
}

/// The code of the warning that a variable is not set.
const UNSET: &str = "unset-variable";

fn is_cause(code: &str) -> bool {
    matches!(code, "missing-variable" | "interpolation" | "interpolation-too-long")
}

fn judges_a_value(code: &str) -> bool {
    code.starts_with("invalid-")
        || matches!(code, "wrong-type" | "out-of-range" | "undeclared" | "relative-bind")
}

fn is_within(inner: &Place, outer: &Place) -> bool {
    inner.line == outer.line
        && inner.file == outer.file
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

    #[test]
    fn an_unset_variable_explains_what_is_wrong_with_its_value() {
        let at = |column, length| Place { column, length, ..Place::file("stack.yaml") };
        let mut findings = vec![
            Finding::warning("unset-variable", at(18, 4), "`TAG` is not set").hint("set it"),
            Finding::error("invalid-image", at(12, 10), "no tag").hint("write it so"),
            Finding::warning("unset-variable", at(60, 4), "`OTHER` is not set"),
        ];
        drop_consequences(&mut findings);
        let [other, image] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((other.code, image.code), ("unset-variable", "invalid-image"));
        assert_eq!(image.hint.as_deref(), Some("set it"));
        assert_eq!(image.related.first().map(|r| &*r.message), Some("`TAG` is not set"));
    }

    #[test]
    fn a_wrong_value_says_where_its_variables_are_set() {
        let at = |column, length| Place { column, length, ..Place::file("stack.yaml") };
        let one = |column, name: &str, origin| Use {
            place: at(column, 4),
            name: name.to_owned(),
            origin,
        };
        let uses = [
            one(13, "A", Origin::DotEnv(Place::file(".env"))),
            one(18, "B", Origin::Flag),
            one(40, "C", Origin::Process),
        ];
        let mut findings = vec![
            Finding::error("invalid-size", at(12, 12), "is no size"),
            Finding::error("missing-key", at(12, 40), "needs a `target`"),
        ];
        explain_by_origin(&mut findings, &uses);
        let told = |finding: &Finding| {
            let related = finding.related.iter();
            related.map(|r| format!("{} {}", r.place.column, r.message)).collect::<Vec<_>>()
        };
        let told: Vec<_> = findings.iter().map(told).collect();
        assert_eq!(told, [vec!["13 `A` is set at .env:1:1", "18 `B` is set by --var"], vec![]]);
    }
}
