//! Whose variables an object of a stack takes: those of the stack, or of the file that was included.

use std::collections::HashMap;
use std::rc::Rc;

use crate::spec::interpolate::Variables;

/// What an object of a stack is, as its top-level key names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::spec) enum Kind {
    Service,
    Network,
    Volume,
    Config,
    Secret,
}

impl Kind {
    /// Every kind, in the order of a file.
    pub(super) const ALL: [Self; 5] =
        [Self::Service, Self::Network, Self::Volume, Self::Config, Self::Secret];

    /// The top-level key.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Service => "services",
            Self::Network => "networks",
            Self::Volume => "volumes",
            Self::Config => "configs",
            Self::Secret => "secrets",
        }
    }
}

/// The variables of a stack, and those of the objects that were included.
#[derive(Debug)]
pub(in crate::spec) struct Scopes {
    own: Rc<Variables>,
    included: HashMap<(Kind, String), Rc<Variables>>,
}

impl Scopes {
    /// Those of a stack that includes nothing.
    pub(in crate::spec) fn new(own: Rc<Variables>) -> Self {
        Self { own, included: HashMap::new() }
    }

    /// The variables of an object.
    pub(in crate::spec) fn of(&self, kind: Kind, key: &str) -> &Variables {
        if self.included.is_empty() {
            return &self.own;
        }
        self.included.get(&(kind, key.to_owned())).unwrap_or(&self.own)
    }

    /// Notes that an object came from an included project with the variables `of`.
    pub(super) fn adopt(&mut self, kind: Kind, key: &str, of: &Self) {
        let key = (kind, key.to_owned());
        let variables = of.included.get(&key).unwrap_or(&of.own);
        let variables = Rc::clone(variables);
        self.included.insert(key, variables);
    }
}
