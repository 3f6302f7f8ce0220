//! Names of stacks that nobody knows: the error, with those that are known.

use std::collections::BTreeSet;

use super::error::CommandError;

/// Refuses the first of `names` that is not `known` in `fleet`.
///
/// # Errors
/// When there is one.
pub(super) fn check<'a>(
    names: impl IntoIterator<Item = &'a str>,
    known: &BTreeSet<String>,
    fleet: &str,
) -> Result<(), CommandError> {
    match names.into_iter().find(|name| !known.contains(*name)) {
        Some(unknown) => Err(error(unknown, known, fleet)),
        None => Ok(()),
    }
}

fn error(unknown: &str, known: &BTreeSet<String>, fleet: &str) -> CommandError {
    let message = format!("there is no stack \"{unknown}\" in fleet \"{fleet}\"");
    CommandError::failed(anyhow::Error::msg(message)).hint(if known.is_empty() {
        "it has no stacks at all; --fleet names another one".to_owned()
    } else {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        format!("its stacks are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use crate::diff::render::{Glyphs, Look, Palette};

    use super::*;

    #[test]
    fn a_name_that_nobody_knows_is_answered_with_those_that_are_known() {
        let look = Look { width: 80, palette: Palette::Plain, glyphs: Glyphs::Ascii };
        let known = BTreeSet::from(["api".to_owned(), "shop".to_owned()]);
        assert!(check(["shop"], &known, "f").is_ok());
        let error = check(["api", "shpo"], &known, "f").unwrap_err().render(look);
        assert!(error.contains("there is no stack \"shpo\" in fleet \"f\""), "{error}");
        assert!(error.contains("its stacks are api, shop"), "{error}");
        let error = check(["a"], &BTreeSet::new(), "f").unwrap_err().render(look);
        assert!(error.contains("it has no stacks at all"), "{error}");
    }
}
