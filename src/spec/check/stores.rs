//! Configs and secrets that would be seen at one path, and template drivers that there are not.

use std::collections::HashMap;

use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::compose::ComposeFile;
use crate::spec::compose::store_refs::StoreRefs;
use crate::spec::decode::{Located, Report};

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        same_target(&format!("services.{key}.configs"), service.configs.as_ref(), report);
        same_target(&format!("services.{key}.secrets"), service.secrets.as_ref(), report);
    }
    let configs = file.configs.values().map(|config| ("configs", config.template_driver.as_ref()));
    let secrets = file.secrets.values().map(|secret| ("secrets", secret.template_driver.as_ref()));
    for (kind, driver) in configs.chain(secrets) {
        if let Some(driver) = driver.filter(|driver| !matches!(driver.as_str(), "golang" | "")) {
            let message = format!("{kind} have no template driver `{}`", driver.value);
            report.push(
                Finding::error("invalid-value", driver.place.clone(), message).hint("use `golang`"),
            );
        }
    }
}

fn same_target(path: &str, references: Option<&Located<StoreRefs>>, report: &mut Report) {
    let Some(references) = references else { return };
    let mut seen = HashMap::new();
    for reference in &references.0 {
        let target = reference.target();
        if let Some(first) = seen.get(target).copied() {
            let message = format!("{path} puts two files at `{target}`");
            report.push(
                Finding::error("same-target", reference.place.clone(), message)
                    .related(Place::clone(first), "the first one")
                    .hint("give one of them another `target`"),
            );
        } else {
            seen.insert(target, &reference.place);
        }
    }
}
