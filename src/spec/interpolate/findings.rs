//! What expanding a text found wrong, in words and with places.

use super::expand::{Expansion, MAX_LENGTH, Missing};
use super::template::{At, SyntaxError};
use crate::model::finding::Finding;
use crate::model::place::Place;

/// The findings of one text, given where each of its variables is written.
pub(super) fn findings(
    expansion: Result<&Expansion, &SyntaxError>,
    place: &dyn Fn(At) -> Place,
) -> Vec<Finding> {
    let Expansion { text: _, unset, missing, used: _, too_long } = match expansion {
        Ok(expansion) => expansion,
        Err(error) => {
            let (message, hint) = error.kind.explain();
            return vec![Finding::error("interpolation", place(error.at), message).hint(hint)];
        }
    };
    let mut findings: Vec<Finding> =
        unset.iter().map(|(name, at)| is_unset(name, place(*at))).collect();
    findings.extend(missing.iter().map(|missing| is_missing(missing, place(missing.at))));
    if *too_long {
        let message = format!("with its variables this text is longer than {MAX_LENGTH} bytes");
        let at = At { dollar: 0, length: 0 };
        findings.push(Finding::error("interpolation-too-long", place(at), message));
    }
    findings
}

fn is_unset(name: &str, place: Place) -> Finding {
    Finding::warning(
        "unset-variable",
        place,
        format!("the variable `{name}` is not set and becomes empty"),
    )
    .hint(format!("set it, or write `${{{name}:-}}` if empty is what you want"))
}

fn is_missing(Missing { name, message, at: _ }: &Missing, place: Place) -> Finding {
    let message = if message.is_empty() {
        format!("the variable `{name}` must be set")
    } else {
        format!("the variable `{name}` must be set: {message}")
    };
    Finding::error("missing-variable", place, message).hint(format!(
        "set it with `--var {name}=…`, in a file given by `--env-file`, or in `.env`"
    ))
}
