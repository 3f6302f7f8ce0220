//! The path of keys from the top of a file to a value, as messages name it.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

/// The path of keys from the top of a file to a value: `services.web.ports[0]`.
///
/// Cheap to extend and to clone; it becomes text only when a message needs it.
#[derive(Debug, Clone, Default)]
pub struct KeyPath(Option<Rc<Step>>);

#[derive(Debug)]
struct Step {
    parent: KeyPath,
    name: Name,
}

#[derive(Debug)]
enum Name {
    Key(Cow<'static, str>),
    Index(usize),
}

impl KeyPath {
    /// The path of the value of `key` in the mapping at this path.
    #[must_use]
    pub fn key(&self, key: impl Into<Cow<'static, str>>) -> Self {
        Self(Some(Rc::new(Step { parent: self.clone(), name: Name::Key(key.into()) })))
    }

    /// The path of an item of the list at this path, counted from zero.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(Some(Rc::new(Step { parent: self.clone(), name: Name::Index(index) })))
    }

    /// Whether this is the top of the file.
    pub fn is_top(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = &self.0 else { return Ok(()) };
        write!(f, "{}", step.parent)?;
        match &step.name {
            Name::Index(index) => write!(f, "[{index}]"),
            Name::Key(key) if step.parent.is_top() => f.write_str(key),
            Name::Key(key) => write!(f, ".{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path =
            KeyPath::default().key("services").key("web").key("ports").index(1).key("target");
        assert_eq!(path.to_string(), "services.web.ports[1].target");
    }
}
