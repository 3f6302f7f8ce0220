//! Windows credential specifications.

use super::names::Names;
use crate::model::container::CredentialSpec;
use crate::spec::compose::credential_spec;

/// The credential specification; a config is referred to by its name in the Swarm.
pub(super) fn credential_spec(
    names: &Names,
    compose: &credential_spec::CredentialSpec,
) -> Option<CredentialSpec> {
    let credential_spec::CredentialSpec { config, file, registry } = compose;
    let config = config.as_ref().and_then(|config| names.configs.get(&config.value));
    let converted = CredentialSpec {
        config: config.map(|name| name.full.clone()).unwrap_or_default(),
        file: file.clone().unwrap_or_default(),
        registry: registry.clone().unwrap_or_default(),
    };
    (converted != CredentialSpec::default()).then_some(converted)
}
