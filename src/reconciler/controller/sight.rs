//! What the last pass planned and what the sources declare, in full: for those who look closer than a report. Shared
//! and immutable. What it gives out is redacted: values are [`Shown`](crate::diff::document::Shown), which secrets never get
//! into. What it works that out from is private.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::diff::document::{Document, FieldChange};
use crate::diff::mask::{Masker, Sensitivity};
use crate::diff::new_service;
use crate::model::desired::DesiredService;
use crate::model::fleet::FleetKey;
use crate::model::name::{FleetName, SourceName, StackName};
use crate::model::place::Place;
use crate::reconciler::pass::Request;
use crate::spec::desired::{self, Identity};
use crate::spec::lock::Lock;
use crate::spec::stack::Stack;

use super::routes::RoutesSight;

/// What the last pass planned and what the sources declare.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The plan of each source, in the order of the settings.
    pub plans: Vec<Arc<Document>>,
    /// What each source declares, in the same order.
    pub declared: Vec<Arc<dyn Declares>>,
    /// The routes.
    pub routes: RoutesSight,
}

impl Sight {
    /// What declares the service of this full name.
    pub fn service(&self, name: &str) -> Option<ServiceDeclaration> {
        self.declared.iter().find_map(|declared| declared.service(name))
    }

    /// The plan that has this stack in it.
    pub fn plan_of(&self, stack: &str) -> Option<&Arc<Document>> {
        let has = |plan: &&Arc<Document>| plan.stacks.iter().any(|section| section.name == stack);
        self.plans.iter().find(has)
    }
}

/// What one source declares.
pub trait Declares: fmt::Debug + Send + Sync {
    /// The service of this full name, if it is declared.
    fn service(&self, name: &str) -> Option<ServiceDeclaration>;
}

/// A service as it is declared.
#[derive(Debug, Clone)]
pub struct ServiceDeclaration {
    /// The stack that it belongs to.
    pub stack: String,
    /// Its key in the file.
    pub key: String,
    /// Where it is declared.
    pub place: Place,
    /// The image reference as the file has it.
    pub image: String,
    /// Every field that is set, in Compose's words, as a plan that makes it would show it.
    pub fields: Vec<FieldChange>,
}

/// What a source declared in a pass, shared with that. In the words of plans, services take more memory than in those of
/// their files, and few are ever looked at: each is worked out when it is.
#[derive(Debug)]
pub(super) struct Declaration {
    fleet: FleetName,
    source: SourceName,
    /// Without it nobody knows the names of configs and secrets.
    key: Option<FleetKey>,
    stacks: Vec<Arc<Stack>>,
    lock: Arc<Lock>,
    older_locks: BTreeMap<StackName, Arc<Lock>>,
    sensitivity: Sensitivity,
}

impl Declaration {
    /// What `request` declares in a fleet with this key.
    pub(super) fn of(request: &Request, key: Option<&FleetKey>) -> Self {
        Self {
            fleet: request.scope.fleet.clone(),
            source: request.scope.source.clone(),
            key: key.cloned(),
            stacks: request.stacks.clone(),
            lock: Arc::clone(&request.lock),
            older_locks: request.older_locks.clone(),
            sensitivity: request.view.sensitivity.clone(),
        }
    }
}

impl Declares for Declaration {
    fn service(&self, name: &str) -> Option<ServiceDeclaration> {
        let Self { fleet, source, key, stacks, lock, older_locks, sensitivity } = self;
        let identity = Identity { fleet, source, key: key.as_ref() };
        let (stack, mut service) = desired::service(stacks, &identity, name)?;
        older_locks.get(stack).unwrap_or(lock).pin_service(&mut service);
        Some(declaration(stack.as_str(), service, sensitivity))
    }
}

fn declaration(
    stack: &str,
    service: DesiredService,
    sensitivity: &Sensitivity,
) -> ServiceDeclaration {
    let mut masker = Masker::new(sensitivity.clone());
    let fields = new_service(&service.spec).fields;
    let shown = fields.iter().map(|field| field.change(&mut masker, None, Some(&service.origins)));
    ServiceDeclaration {
        stack: stack.to_owned(),
        fields: shown.collect(),
        key: service.key,
        place: service.place,
        image: service.image,
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::Current;
    use super::super::declared::tests::declared;
    use super::*;
    use crate::reconciler::pass::declare;

    #[test]
    fn a_service_is_worked_out_as_the_pass_had_it() {
        let current = Current::new(declared("main", "a", &["blog", "shop"], &[]));
        let declared = Declaration::of(&current.request, None);
        let web = declared.service("shop_web").unwrap();
        assert_eq!((web.stack.as_str(), web.key.as_str()), ("shop", "web"));
        assert_eq!(web.image, "acme/web:1");
        let image = web.fields.iter().find(|field| field.path.0 == "image").unwrap();
        assert_eq!(image.place.as_ref().map(ToString::to_string).unwrap(), "shop/stack.yaml:1:27");
        let desired = declare(&current.request, &[]);
        let of_pass = &desired.stacks[&"shop".parse::<StackName>().unwrap()].services[0];
        let of_pass = declaration("shop", of_pass.clone(), &Sensitivity::default());
        assert_eq!(web.fields, of_pass.fields);
        assert!(declared.service("shop_api").is_none() && declared.service("web").is_none());
    }
}
