//! Validated names: stack, fleet, source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} name \"{name}\": {rule}")]
pub struct NameError {
    what: &'static str,
    name: String,
    rule: &'static str,
}

impl NameError {
    /// What a name must be like.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// The rule for names that become label values and parts of object names.
const RULE: &str =
    "use letters, digits, '-' and '_', starting with a letter or digit, at most 63 characters";

/// The same for fleets, each of which names a config after itself: `skep_NAME_record`, of at most 64 characters
/// (swarmkit `manager/controlapi/common.go`).
const FLEET_RULE: &str =
    "use letters, digits, '-' and '_', starting with a letter or digit, at most 52 characters";

fn is_name(text: &str, most: usize) -> bool {
    text.len() <= most
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $most:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_name(text, $most) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { what: $what, name: text.to_owned(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a stack: the prefix of its objects and the value of `com.docker.stack.namespace`.
    StackName, "stack", 63, RULE
}
name! {
    /// The name of an installation of skep; objects of other fleets are left alone.
    FleetName, "fleet", 52, FLEET_RULE
}
name! {
    /// The name of a source of stacks, as in `skep.yaml`; `cli` when a path was given by hand.
    SourceName, "source", 63, RULE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_where_they_enter() {
        for good in ["shop", "a", "9lives", "my_stack-2"] {
            assert!(good.parse::<StackName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a.b", "a b", "ä", &"x".repeat(64)] {
            assert!(bad.parse::<StackName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fleet_has_a_shorter_name_and_a_rule_that_says_so() {
        assert!("x".repeat(52).parse::<FleetName>().is_ok());
        let refused = "x".repeat(53).parse::<FleetName>().unwrap_err();
        assert!(refused.rule().ends_with("at most 52 characters"));
    }
}
