//! Fields that an engine accepts and silently drops, because it is older than they are.
//!
//! From moby's `adjustForAPIVersion` (`daemon/server/router/swarm/helpers.go`) and its conversions
//! (`daemon/cluster/convert`); each row was created on Docker 20.10, 26.1 and 28.5 and read back
//! (`tests/engine/floors.rs`).

use crate::model::container::{ContainerSpec, Healthcheck, Privileges};
use crate::model::desired::FieldPath;
use crate::model::live::ApiVersion;
use crate::model::mount::{BindOptions, Mount, TmpfsOptions, VolumeOptions};
use crate::model::network::{Ipam, NetworkSpec};
use crate::model::service::ServiceSpec;
use crate::model::task::Resources;

const V1_44: Option<ApiVersion> = Some(ApiVersion { major: 1, minor: 44 });
const V1_45: Option<ApiVersion> = Some(ApiVersion { major: 1, minor: 45 });
const V1_46: Option<ApiVersion> = Some(ApiVersion { major: 1, minor: 46 });
const V1_52: Option<ApiVersion> = Some(ApiVersion { major: 1, minor: 52 });
/// No engine that skep speaks with keeps it.
const NEVER: Option<ApiVersion> = None;

/// A declared field that the engine drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The field.
    pub field: FieldPath,
    /// The API version that first keeps it; `None` when none is known that does for swarm services.
    pub since: Option<ApiVersion>,
}

/// Takes out of `spec` what an engine that speaks `api` drops, and says what it took.
///
/// For the comparison with what is live, and for findings. What is written may keep these fields.
pub fn strip_service(spec: &mut ServiceSpec, api: ApiVersion) -> Vec<Dropped> {
    let mut floors = Floors { api, dropped: Vec::new() };
    if let Some(container) = &mut spec.task_template.container_spec {
        floors.container(container);
    }
    if let Some(resources) = &mut spec.task_template.resources {
        let Resources { limits: _, reservations: _, swap_bytes, memory_swappiness } = resources;
        floors.check("TaskTemplate.Resources.SwapBytes", V1_52, swap_bytes);
        floors.check("TaskTemplate.Resources.MemorySwappiness", V1_52, memory_swappiness);
    }
    floors.dropped
}

/// The same for a network.
pub fn strip_network(spec: &mut NetworkSpec, api: ApiVersion) -> Vec<Dropped> {
    let mut floors = Floors { api, dropped: Vec::new() };
    // From API 1.48 on, swarm networks without IPv4 are refused.
    if spec.enable_ipv4 == Some(false) && api < (ApiVersion { major: 1, minor: 48 }) {
        floors.check("enable_ipv4", NEVER, &mut spec.enable_ipv4);
    }
    if let Some(Ipam { driver: _, options: _, config }) = &mut spec.ipam {
        for pool in config {
            floors.check("ipam.config.aux_addresses", NEVER, &mut pool.aux_address);
        }
    }
    floors.dropped
}

struct Floors {
    api: ApiVersion,
    dropped: Vec<Dropped>,
}

impl Floors {
    /// Clears `value` if it is set and the engine is below `since`.
    fn check<T: Default + PartialEq>(
        &mut self,
        field: impl Into<String>,
        since: Option<ApiVersion>,
        value: &mut T,
    ) {
        let kept = since.is_some_and(|since| self.api >= since);
        if !kept && *value != T::default() {
            *value = T::default();
            self.dropped.push(Dropped { field: FieldPath(field.into()), since });
        }
    }

    fn container(&mut self, container: &mut ContainerSpec) {
        if let Some(privileges) = &mut container.privileges {
            let Privileges {
                credential_spec: _,
                se_linux_context: _,
                seccomp,
                app_armor,
                no_new_privileges,
            } = privileges;
            self.check("security_opt.seccomp", V1_44, seccomp);
            self.check("security_opt.apparmor", V1_44, app_armor);
            self.check("security_opt.no-new-privileges", V1_44, no_new_privileges);
        }
        if let Some(Healthcheck { start_interval, .. }) = &mut container.healthcheck {
            self.check("healthcheck.start_interval", V1_44, start_interval);
        }
        self.check("oom_score_adj", V1_46, &mut container.oom_score_adj);
        for mount in &mut container.mounts {
            self.mount(mount);
        }
    }

    fn mount(&mut self, mount: &mut Mount) {
        let at = |option: &str| format!("volumes.{}.{option}", mount.target);
        if let Some(options) = &mut mount.bind_options {
            let BindOptions {
                propagation: _,
                non_recursive: _,
                create_mountpoint,
                read_only_non_recursive,
                read_only_force_recursive,
            } = options;
            self.check(at("bind.create_host_path"), NEVER, create_mountpoint);
            self.check(at("bind.read_only_non_recursive"), NEVER, read_only_non_recursive);
            self.check(at("bind.read_only_force_recursive"), NEVER, read_only_force_recursive);
        }
        if let Some(VolumeOptions { subpath, .. }) = &mut mount.volume_options {
            self.check(at("volume.subpath"), V1_45, subpath);
        }
        if let Some(TmpfsOptions { options, .. }) = &mut mount.tmpfs_options {
            self.check(at("tmpfs.options"), V1_46, options);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_told_from_one_that_knows_a_field() {
        let spec: ServiceSpec = serde_json::from_str(
            r#"{"TaskTemplate": {"ContainerSpec": {"OomScoreAdj": 5,
                "Healthcheck": {"Test": ["CMD", "x"], "StartInterval": 1},
                "Mounts": [{"Type": "volume", "Target": "/v", "VolumeOptions": {"Subpath": "s"}}]}}}"#,
        )
        .unwrap();
        let dropped = |minor| {
            let mut spec = spec.clone();
            let dropped = strip_service(&mut spec, ApiVersion { major: 1, minor });
            assert_eq!(strip_service(&mut spec, ApiVersion { major: 1, minor }), []);
            dropped.into_iter().map(|dropped| dropped.field.0).collect::<Vec<_>>()
        };
        assert_eq!(
            dropped(41),
            ["healthcheck.start_interval", "oom_score_adj", "volumes./v.volume.subpath"]
        );
        assert_eq!(dropped(45), ["oom_score_adj"]);
        assert_eq!(dropped(46), Vec::<String>::new());
    }
}
