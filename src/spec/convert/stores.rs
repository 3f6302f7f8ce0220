//! Configs and secrets to create.

use super::origins::Recorder;
use crate::model::desired::Origins;
use crate::model::fleet::{Domain, FleetKey, public_fingerprint};
use crate::model::labels::{self, Labels};
use crate::model::mount::DriverConfig;
use crate::model::secret::Redacted;
use crate::model::store::{ConfigSpec, Data, SecretSpec};
use crate::spec::compose::stores::{Config, Secret};
use crate::spec::decode::Located;

/// The bytes that tell one generation of a config from another: its data, and its template driver if it has one.
pub fn config_identity(config: &Config, data: &[u8]) -> Vec<u8> {
    let mut identity = data.to_vec();
    add(&mut identity, "template", config.template_driver.as_ref());
    identity
}

/// The bytes that tell one generation of a secret from another: its data, and its drivers if it has any.
pub fn secret_identity(secret: &Secret, data: &[u8]) -> Vec<u8> {
    let mut identity = data.to_vec();
    add(&mut identity, "template", secret.template_driver.as_ref());
    add(&mut identity, "driver", secret.driver.as_ref());
    let mut options: Vec<_> = secret.driver_opts.iter().flat_map(|options| &options.0).collect();
    options.sort_by_key(|(name, _)| *name);
    for (name, value) in options {
        add(&mut identity, name, Some(value));
    }
    identity
}

fn add(identity: &mut Vec<u8>, name: &str, value: Option<&Located<String>>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        identity.extend_from_slice(format!("\0{name}\0{}", value.value).as_bytes());
    }
}

/// A config to create.
pub(in crate::spec) fn config(
    stack: &str,
    key: &str,
    name: &str,
    compose: &Config,
    data: &[u8],
    own_labels: Labels,
) -> (ConfigSpec, Origins) {
    let mut origins = Recorder::default();
    origins.note_if("name", compose.name.as_ref());
    origins.note_if("content", compose.file.as_ref());
    origins.note_if("content", compose.environment.as_ref());
    origins.note_if("content", compose.content.as_ref());
    origins.note_if("template_driver", compose.template_driver.as_ref());
    note_labels(&mut origins, compose.labels.as_ref());
    let mut labels = user_labels(stack, key, compose.labels.as_ref());
    let fingerprint = public_fingerprint(&config_identity(compose, data));
    labels.insert(labels::FINGERPRINT.to_owned(), fingerprint);
    labels.extend(own_labels);
    let spec = ConfigSpec {
        name: name.to_owned(),
        labels,
        data: Data(data.to_vec()),
        templating: driver(compose.template_driver.as_ref(), Labels::new()),
    };
    (spec, origins.into_origins())
}

/// A secret to create.
pub(in crate::spec) fn secret(
    stack: &str,
    key: &str,
    name: &str,
    compose: &Secret,
    data: &Redacted<Vec<u8>>,
    fleet: Option<&FleetKey>,
    own_labels: Labels,
) -> (SecretSpec, Origins) {
    let mut origins = Recorder::default();
    origins.note_if("name", compose.name.as_ref());
    origins.note_if("data", compose.file.as_ref());
    origins.note_if("data", compose.environment.as_ref());
    origins.note_if("driver", compose.driver.as_ref());
    origins.note_if("driver_opts", compose.driver_opts.as_ref());
    origins.note_if("template_driver", compose.template_driver.as_ref());
    note_labels(&mut origins, compose.labels.as_ref());
    let mut labels = user_labels(stack, key, compose.labels.as_ref());
    if let Some(fleet) = fleet {
        let fingerprint =
            fleet.fingerprint(Domain::Secret, &secret_identity(compose, data.expose()));
        labels.insert(labels::FINGERPRINT.to_owned(), fingerprint);
    }
    labels.extend(own_labels);
    let options = compose.driver_opts.as_ref().map(|options| options.to_map()).unwrap_or_default();
    let driver_config = driver(compose.driver.as_ref(), options);
    let spec = SecretSpec {
        name: name.to_owned(),
        labels,
        data: driver_config.is_none().then(|| data.clone()),
        driver: driver_config,
        templating: driver(compose.template_driver.as_ref(), Labels::new()),
    };
    (spec, origins.into_origins())
}

fn driver(name: Option<&Located<String>>, options: Labels) -> Option<DriverConfig> {
    let name = name.filter(|name| !name.is_empty())?.value.clone();
    Some(DriverConfig { name, options })
}

fn user_labels(
    stack: &str,
    key: &str,
    labels: Option<&Located<crate::spec::compose::pairs::Pairs>>,
) -> Labels {
    let mut labels = labels.map(|labels| labels.to_map()).unwrap_or_default();
    labels.insert(labels::NAMESPACE.to_owned(), stack.to_owned());
    labels.insert(labels::LOGICAL.to_owned(), key.to_owned());
    labels
}

fn note_labels(
    origins: &mut Recorder,
    labels: Option<&Located<crate::spec::compose::pairs::Pairs>>,
) {
    origins.note_if("labels", labels);
    for (name, value) in labels.iter().flat_map(|labels| &labels.0) {
        origins.note(format!("labels.{name}"), &value.place);
    }
}
