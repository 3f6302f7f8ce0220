//! Mounts.

use super::names::scoped;
use super::origins::Recorder;
use crate::model::labels::{self, Labels};
use crate::model::mount::{
    BindOptions, ClusterOptions, DriverConfig, Mount, TmpfsOptions, VolumeOptions,
};
use crate::spec::compose::mounts::{self, MountKind};
use crate::spec::compose::volumes::Volume;
use crate::spec::compose::{ComposeFile, Service};

/// The mounts of a service, in the order of the file.
pub(super) fn mounts(
    stack: &str,
    file: &ComposeFile,
    compose: &Service,
    origins: &mut Recorder,
) -> Vec<Mount> {
    origins.note_if("volumes", compose.volumes.as_ref());
    let mut converted = Vec::new();
    for mount in compose.volumes.iter().flat_map(|mounts| &mounts.0) {
        origins.note(format!("volumes.{}", mount.target), &mount.place);
        converted.push(convert(stack, file, mount));
    }
    converted
}

fn convert(stack: &str, file: &ComposeFile, mount: &mounts::Mount) -> Mount {
    let mounts::Mount { kind, source, target, read_only, consistency, bind, volume, tmpfs } = mount;
    let mut converted = Mount {
        r#type: kind.word().to_owned(),
        source: source.clone(),
        target: target.clone(),
        read_only: *read_only,
        consistency: consistency.clone(),
        ..Mount::default()
    };
    match kind {
        MountKind::Volume if source.is_empty() => {}
        MountKind::Volume => {
            let declared = file.volumes.get(source).map(|volume| &volume.value);
            converted.source = volume_name(stack, source, declared);
            converted.volume_options = Some(volume_options(stack, declared, volume.as_ref()));
        }
        MountKind::Bind | MountKind::Npipe => {
            converted.bind_options = bind.as_ref().map(bind_options);
        }
        MountKind::Tmpfs => converted.tmpfs_options = tmpfs.as_ref().map(tmpfs_options),
        MountKind::Cluster => {
            if !source.starts_with("group:") {
                let declared = file.volumes.get(source).map(|volume| &volume.value);
                converted.source = volume_name(stack, source, declared);
            }
            converted.cluster_options = Some(ClusterOptions {});
        }
    }
    converted
}

fn volume_name(stack: &str, key: &str, declared: Option<&Volume>) -> String {
    declared
        .and_then(|volume| volume.name.as_ref())
        .filter(|name| !name.is_empty())
        .map_or_else(|| scoped(stack, key), |name| name.value.clone())
}

/// A volume that exists already is taken as it is: neither labels nor driver go with it.
fn volume_options(
    stack: &str,
    declared: Option<&Volume>,
    options: Option<&mounts::VolumeOptions>,
) -> VolumeOptions {
    let mut converted = VolumeOptions {
        no_copy: options.and_then(|options| options.nocopy).unwrap_or_default(),
        subpath: options.and_then(|options| options.subpath.clone()).unwrap_or_default(),
        ..VolumeOptions::default()
    };
    let Some(volume) = declared.filter(|volume| !volume.is_external()) else { return converted };
    converted.labels = volume.labels.as_ref().map(|labels| labels.to_map()).unwrap_or_default();
    converted.labels.insert(labels::NAMESPACE.to_owned(), stack.to_owned());
    let driver = volume.driver.as_ref().map(|driver| driver.value.clone()).unwrap_or_default();
    if !driver.is_empty() || volume.driver_opts.is_some() {
        let options: Labels =
            volume.driver_opts.as_ref().map(|options| options.to_map()).unwrap_or_default();
        converted.driver_config = Some(DriverConfig { name: driver, options });
    }
    converted
}

fn bind_options(options: &mounts::BindOptions) -> BindOptions {
    let recursive = options.recursive.as_deref();
    BindOptions {
        propagation: options.propagation.clone().unwrap_or_default(),
        create_mountpoint: options.create_host_path.unwrap_or_default(),
        non_recursive: recursive == Some("disabled"),
        read_only_non_recursive: recursive == Some("writable"),
        read_only_force_recursive: recursive == Some("readonly"),
    }
}

fn tmpfs_options(options: &mounts::TmpfsOptions) -> TmpfsOptions {
    TmpfsOptions {
        size_bytes: options.size.map_or(0, |size| size.0),
        mode: options.mode.map_or(0, |mode| mode.0),
        options: Vec::new(),
    }
}
