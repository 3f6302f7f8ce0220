//! The objects of one stack, for people.

use serde_json::Value;

use super::compile::Compiled;
use super::ident::owner;
use super::live::text_id;
use super::masked::masked;
use crate::model::name::StackName;

/// The objects of one stack, secrets masked.
#[derive(Debug, Clone, PartialEq)]
pub struct StackObjects {
    /// Routes, in the order in which Caddy asks.
    pub routes: Vec<Value>,
    /// Automation policies of the `tls` app.
    pub tls_policies: Vec<Value>,
    /// Certificates from files.
    pub certificates: Vec<Value>,
}

impl Compiled {
    /// The objects of one stack.
    pub fn of_stack(&self, stack: &StackName) -> StackObjects {
        let Self { routes, tls_policies, certificates, refused: _ } = self;
        let is_own = |object: &&Value| {
            let owner = text_id(object).and_then(owner);
            owner.is_some_and(|(_, of)| of == Some(stack.as_str()))
        };
        let own = |objects: &[Value]| objects.iter().filter(is_own).map(masked).collect();
        StackObjects {
            routes: routes
                .iter()
                .filter(|route| route.id.stack == *stack)
                .map(|route| masked(&route.object))
                .collect(),
            tls_policies: own(tls_policies),
            certificates: own(certificates),
        }
    }
}
