//! Defaults of a mount.

use crate::model::mount::{
    BindOptions, ClusterOptions, ImageOptions, Mount, TmpfsOptions, VolumeOptions,
};

use super::{fill, unless_default};

pub(super) fn mount(mount: &mut Mount) {
    let Mount {
        r#type,
        source: _,
        target: _,
        read_only: _,
        consistency,
        bind_options,
        volume_options,
        image_options,
        tmpfs_options,
        cluster_options,
    } = mount;
    r#type.make_ascii_lowercase();
    fill(r#type, "bind");
    // A hint for Docker Desktop; swarm drops it.
    consistency.clear();
    if let Some(options) = bind_options {
        bind(options);
    }
    unless_default(bind_options);
    if let Some(VolumeOptions { no_copy: _, labels: _, subpath: _, driver_config }) = volume_options
    {
        unless_default(driver_config);
    }
    unless_default(volume_options);
    if let Some(ImageOptions { subpath: _ }) = image_options {
        unless_default(image_options);
    }
    if let Some(TmpfsOptions { size_bytes: _, mode: _, options: _ }) = tmpfs_options {
        unless_default(tmpfs_options);
    }
    if let Some(ClusterOptions {}) = cluster_options {
        *cluster_options = None;
    }
}

fn bind(options: &mut BindOptions) {
    let BindOptions {
        propagation,
        non_recursive: _,
        create_mountpoint: _,
        read_only_non_recursive: _,
        read_only_force_recursive: _,
    } = options;
    // The Engine's default, which it writes out as soon as there is any other option.
    if propagation == "rprivate" {
        propagation.clear();
    }
}
