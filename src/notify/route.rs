//! Who is told of what: stacks by pattern, and how much it must matter.

use schemars::JsonSchema;

use crate::reconciler::journal::{Event, Severity};
use crate::spec::decode::{Cursor, Decode, Report};

/// A pattern of names, in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it is true of `name`.
    pub fn fits(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let head = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(head) else { return false };
        let Some(tail) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(tail)
    }
}

impl Decode for Pattern {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        at.get(report).map(Self)
    }
}

/// Which events go to which targets.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Route {
    /// The stacks, `*` stands for anything; by default all, and what is about no stack: the engine, sources, settings.
    #[schemars(with = "Option<Vec<String>>", example = ["shop", "web-*"])]
    pub stacks: Option<Vec<Pattern>>,
    /// How much it must matter: `info`, `warning` or `error`; `warning` if absent. The end of a problem goes where its
    /// beginning went.
    #[schemars(with = "Option<Severity>", example = &"error")]
    pub severity: Severity,
    /// The names of the targets.
    #[schemars(example = ["chat"])]
    pub to: Vec<String>,
}

impl Route {
    /// What is sent where no routes are: warnings and errors, to every target.
    pub fn to_all(targets: impl IntoIterator<Item = String>) -> Self {
        Self { stacks: None, severity: Severity::Warning, to: targets.into_iter().collect() }
    }

    /// Whether `event`, were it the beginning of something, goes to its targets.
    pub fn takes(&self, event: &Event) -> bool {
        event.severity >= self.severity && self.is_about(event)
    }

    fn is_about(&self, event: &Event) -> bool {
        match (&self.stacks, &event.stack) {
            (None, _) => true,
            (Some(patterns), Some(stack)) => patterns.iter().any(|pattern| pattern.fits(stack)),
            (Some(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_anywhere() {
        for (pattern, name, expected) in [
            ("shop", "shop", true),
            ("shop", "shop2", false),
            ("*", "shop", true),
            ("web-*", "web-1", true),
            ("*-web", "a-web", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), expected, "{pattern} {name}");
        }
    }
}
