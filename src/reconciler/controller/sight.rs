//! What the last pass planned and what the sources declare, in full: for those who look closer than a report. Shared,
//! immutable, and redacted: values are [`Shown`](crate::diff::document::Shown), which secrets never get into.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diff::document::{Document, FieldChange};
use crate::diff::mask::{Masker, Sensitivity};
use crate::diff::new_service;
use crate::model::desired::{Desired, DesiredService};
use crate::model::place::Place;

use super::declared::{Current, Stamp};
use super::routes::RoutesSight;

/// What the last pass planned and what the sources declare.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The plan of each source, in the order of the settings.
    pub plans: Vec<Arc<Document>>,
    /// What each source declares, by its name.
    pub declared: BTreeMap<String, Arc<Declaration>>,
    /// The routes.
    pub routes: RoutesSight,
}

impl Sight {
    /// What declares the service of this full name.
    pub fn service(&self, name: &str) -> Option<&ServiceDeclaration> {
        self.declared.values().find_map(|declared| declared.services.get(name))
    }

    /// The plan that has this stack in it.
    pub fn plan_of(&self, stack: &str) -> Option<&Arc<Document>> {
        let has = |plan: &&Arc<Document>| plan.stacks.iter().any(|section| section.name == stack);
        self.plans.iter().find(has)
    }
}

/// What one source declares.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    /// Services by full name.
    pub services: BTreeMap<String, ServiceDeclaration>,
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

/// What the sources declare, worked out once for each revision: most passes find what they know.
#[derive(Debug, Default)]
pub struct Catalogue(BTreeMap<String, Noted>);

/// What a source declares, and what stands for it.
#[derive(Debug)]
struct Noted {
    stamp: Stamp,
    /// Whether the fleet had its key, without which nobody knows the names of configs and secrets.
    has_key: bool,
    declared: Arc<Declaration>,
}

impl Catalogue {
    /// Whether a source declares something else than what is known, or now, that the fleet has its key, can be named.
    pub(super) fn is_behind(&self, current: &Current, has_key: bool) -> bool {
        let source = current.request.scope.source.as_str();
        let noted = self.0.get(source);
        noted.is_none_or(|noted| noted.stamp != current.stamp() || noted.has_key != has_key)
    }

    /// Notes what a source declares.
    pub(super) fn note(&mut self, current: &Current, has_key: bool, desired: &Desired) {
        let source = current.request.scope.source.to_string();
        let declared = Arc::new(declaration(desired, &current.request.view.sensitivity));
        self.0.insert(source, Noted { stamp: current.stamp(), has_key, declared });
    }

    /// Forgets the sources that are not among `known`, and gives what the others declare.
    pub(super) fn declared<'a>(
        &mut self,
        known: impl Iterator<Item = &'a str>,
    ) -> BTreeMap<String, Arc<Declaration>> {
        let mut before = std::mem::take(&mut self.0);
        self.0 = known.filter_map(|name| before.remove_entry(name)).collect();
        let declared = self.0.iter();
        declared.map(|(name, noted)| (name.clone(), Arc::clone(&noted.declared))).collect()
    }
}

fn declaration(desired: &Desired, sensitivity: &Sensitivity) -> Declaration {
    let mut declared = Declaration::default();
    for stack in desired.stacks.values() {
        let name = stack.name.as_str();
        for service in &stack.services {
            let declaration = service_declaration(name, service, sensitivity);
            declared.services.insert(service.spec.name.clone(), declaration);
        }
    }
    declared
}

fn service_declaration(
    stack: &str,
    service: &DesiredService,
    sensitivity: &Sensitivity,
) -> ServiceDeclaration {
    let mut masker = Masker::new(sensitivity.clone());
    let fields = new_service(&service.spec).fields;
    let shown = fields.iter().map(|field| field.change(&mut masker, None, Some(&service.origins)));
    ServiceDeclaration {
        stack: stack.to_owned(),
        key: service.key.clone(),
        place: service.place.clone(),
        image: service.image.clone(),
        fields: shown.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::tests::declared;
    use super::*;
    use crate::reconciler::pass::declare;

    #[test]
    fn what_a_source_declares_is_worked_out_again_only_when_it_declares_something_else() {
        let mut catalogue = Catalogue::default();
        let mut current = Current::new(declared("main", "a", &["shop"], &[]));
        assert!(catalogue.is_behind(&current, false));
        catalogue.note(&current, false, &declare(&current.request, &[]));
        assert!(!catalogue.is_behind(&current, false));
        assert!(catalogue.is_behind(&current, true), "names end with what depends on the key");
        let first = catalogue.declared(["main"].into_iter());
        let web = &first["main"].services["shop_web"];
        assert_eq!((web.stack.as_str(), web.key.as_str()), ("shop", "web"));
        assert_eq!(web.image, "acme/web:1");
        let image = web.fields.iter().find(|field| field.path.0 == "image").unwrap();
        assert_eq!(image.place.as_ref().map(ToString::to_string).unwrap(), "shop/stack.yaml:1:27");
        current.renew(declared("main", "b", &["blog", "shop"], &[]));
        assert!(catalogue.is_behind(&current, false));
        assert!(catalogue.declared(std::iter::empty()).is_empty(), "it left the settings");
    }
}
