//! Configs and secrets that would be seen at one path, and template drivers that there are not.

use crate::model::finding::Finding;
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
    for (index, reference) in references.0.iter().enumerate() {
        let target = reference.target();
        let earlier = references.0.iter().take(index);
        if let Some(first) = earlier.into_iter().find(|first| first.target() == target) {
            let message = format!("{path} puts two files at `{target}`");
            report.push(
                Finding::error("same-target", reference.place.clone(), message)
                    .related(first.place.clone(), "the first one")
                    .hint("give one of them another `target`"),
            );
        }
    }
}
