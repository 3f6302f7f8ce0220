//! The objects of one stack.

use serde_json::{Value, json};

use super::compile::Compiled;
use super::floors::Features;
use super::ident::Entry;
use super::live::owner;
use super::masked::masked;
use super::policy::Servers;
use super::server::server;
use crate::diff::mask::Sensitivity;
use crate::model::name::{FleetName, StackName};

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
    /// What belongs to one stack beside its routes: its certificates, and the `servers` of the settings, which all have.
    /// Passwords may be in it.
    pub fn beside(
        &self,
        stack: &StackName,
        fleet: &FleetName,
        servers: &Servers,
        features: Features,
    ) -> Vec<Value> {
        let is_own = |object: &&Value| is_of(object, stack);
        let certificates = self.tls_policies.iter().chain(&self.certificates);
        let mut all: Vec<Value> = certificates.filter(is_own).cloned().collect();
        match servers {
            Servers::Own(own) => all.extend(
                [Entry::Https, Entry::Http]
                    .map(|entry| server(fleet, entry, own, Vec::new(), features)),
            ),
            Servers::Attached { https, http } => all.push(json!([https, http])),
        }
        all
    }

    /// The objects of one stack, without what is secret by the names of `sensitivity`.
    pub fn of_stack(&self, stack: &StackName, sensitivity: &Sensitivity) -> StackObjects {
        let Self { routes, tls_policies, certificates, refused: _ } = self;
        let is_own = |object: &&Value| is_of(object, stack);
        let masked = |object: &Value| masked(object, sensitivity);
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

/// Whether a certificate belongs to one stack.
fn is_of(certificate: &Value, stack: &StackName) -> bool {
    owner(certificate).is_some_and(|owner| owner.stack.as_ref() == Some(stack))
}
