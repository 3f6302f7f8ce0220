//! Configs and secrets as containers see them.

use super::names::Names;
use super::origins::Recorder;
use crate::model::container::{ConfigReference, FileTarget, RuntimeTarget, SecretReference};
use crate::spec::compose::Service;
use crate::spec::compose::store_refs::StoreRef;

/// The permission bits of a file that the stack file says nothing about.
const DEFAULT_MODE: u32 = 0o444;

/// The configs of a service, sorted by the name that docker would give them, so that a new hash moves none.
pub(super) fn configs(
    names: &Names,
    compose: &Service,
    origins: &mut Recorder,
) -> Vec<ConfigReference> {
    origins.note_if("configs", compose.configs.as_ref());
    let mut references = Vec::new();
    for reference in compose.configs.iter().flat_map(|configs| &configs.0) {
        let Some(name) = names.configs.get(&reference.source.value) else { continue };
        origins.note(format!("configs.{}", reference.target()), &reference.place);
        references.push((
            &name.plain,
            ConfigReference {
                file: Some(file(reference)),
                config_name: name.full.clone(),
                ..ConfigReference::default()
            },
        ));
    }
    let credentials = compose.credential_spec.as_ref().and_then(|spec| spec.config.as_ref());
    if let Some(name) = credentials.and_then(|config| names.configs.get(&config.value)) {
        references.push((
            &name.plain,
            ConfigReference {
                runtime: Some(RuntimeTarget {}),
                config_name: name.full.clone(),
                ..ConfigReference::default()
            },
        ));
    }
    references.sort_by_key(|(plain, _)| *plain);
    references.into_iter().map(|(_, reference)| reference).collect()
}

/// The secrets of a service, sorted by the name that docker would give them, so that a new hash moves none.
pub(super) fn secrets(
    names: &Names,
    compose: &Service,
    origins: &mut Recorder,
) -> Vec<SecretReference> {
    origins.note_if("secrets", compose.secrets.as_ref());
    let mut references = Vec::new();
    for reference in compose.secrets.iter().flat_map(|secrets| &secrets.0) {
        let Some(name) = names.secrets.get(&reference.source.value) else { continue };
        origins.note(format!("secrets.{}", reference.target()), &reference.place);
        references.push((
            &name.plain,
            SecretReference {
                file: Some(file(reference)),
                secret_name: name.full.clone(),
                ..SecretReference::default()
            },
        ));
    }
    // docker leaves the order of one secret in two places to chance; here the path decides.
    references.sort_by(|(a, left), (b, right)| (a, path(left)).cmp(&(b, path(right))));
    references.into_iter().map(|(_, reference)| reference).collect()
}

fn path(reference: &SecretReference) -> Option<&str> {
    reference.file.as_ref().map(|file| file.name.as_str())
}

fn file(reference: &StoreRef) -> FileTarget {
    let number = |id: &Option<crate::spec::decode::Located<String>>| {
        let id = id.as_ref().map(|id| id.value.clone()).filter(|id| !id.is_empty());
        id.unwrap_or_else(|| "0".to_owned())
    };
    FileTarget {
        name: reference.target().to_owned(),
        uid: number(&reference.uid),
        gid: number(&reference.gid),
        mode: reference.mode.as_ref().map_or(DEFAULT_MODE, |mode| mode.value.0),
    }
}
