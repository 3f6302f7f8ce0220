//! Template drivers of configs and secrets that there are not.

use crate::model::finding::Finding;
use crate::spec::compose::ComposeFile;
use crate::spec::decode::Report;

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    let configs = file.configs.values().map(|config| ("configs", config.template_driver.as_ref()));
    let secrets = file.secrets.values().map(|secret| ("secrets", secret.template_driver.as_ref()));
    for (kind, driver) in configs.chain(secrets) {
        if let Some(driver) = driver.filter(|driver| !matches!(driver.as_str(), "golang" | "")) {
            let message =
                format!("{kind} have no template driver {}", driver.quoted(&driver.value));
            report.push(
                Finding::error("invalid-value", driver.place.clone(), message).hint("use `golang`"),
            );
        }
    }
}
