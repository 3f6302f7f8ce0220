//! Values that must not be printed, redacted by type.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands where a secret value would.
pub const MASK: &str = "(sensitive)";

/// A value that prints and serialises as [`MASK`]; only [`Redacted::expose`] gives it out.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call is a place to check that it goes to the Engine or into a keyed hash only.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, for more to be added to it. The same holds as for [`Redacted::expose`].
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// An environment variable of a container, as the Engine has it: `NAME=value`, or `NAME` alone, which unsets it.
///
/// It serialises in clear, because it is part of request bodies and of `skep render`; it never prints in clear
/// through `Debug`, and the differ masks it by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvVar {
    /// The name, before the first `=`.
    pub name: String,
    /// The value after it, if there is a `=`.
    pub value: Option<String>,
}

impl EnvVar {
    /// Reads `NAME=value` or `NAME`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: text.to_owned(), value: None },
        }
    }

    /// `NAME=value` or `NAME`, in clear.
    pub fn to_engine(&self) -> String {
        let Self { name, value } = self;
        match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        }
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={MASK}", self.name)
    }
}

impl Serialize for EnvVar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_engine())
    }
}

impl<'de> Deserialize<'de> for EnvVar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_redacted_prints_by_debug_or_serde() {
        let secret = Redacted::new("hunter2");
        let env = EnvVar::parse("PASSWORD=hunter2=");
        assert_eq!(env.to_engine(), "PASSWORD=hunter2=");
        let shown = format!("{secret:?} {env:?} {}", serde_json::json!({ "s": secret }));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
