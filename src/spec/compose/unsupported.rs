//! The keys that a Swarm has no place for, and what to use instead.

use crate::spec::decode::{Fields, Report};

/// A key that is known, read, and without effect on a Swarm.
#[derive(Debug, Clone, Copy)]
pub struct Unsupported {
    /// The key.
    pub key: &'static str,
    /// What to use instead.
    pub instead: &'static str,
}

/// `key`, with what to use instead.
pub(in crate::spec) const fn no(key: &'static str, instead: &'static str) -> Unsupported {
    Unsupported { key, instead }
}

const LIMITS: &str = "use `deploy.resources.limits`";
const NAMESPACES: &str = "a Swarm has no setting for namespaces; remove it";
const HOOKS: &str =
    "run it from the entry point of the image, or as a job that the service depends on";

/// Every such key of a service. `docker stack deploy` ignores some of them and refuses others.
#[rustfmt::skip]
pub const UNSUPPORTED: &[Unsupported] = &[
    no("annotations", "use `labels`"),
    no("attach", "remove it; `docker service logs` shows the output of a service"),
    no("blkio_config", "a Swarm has no limits for disks; remove it"),
    no("build", "build and push the image before, and name it with `image`"),
    no("cgroup", NAMESPACES),
    no("cgroup_parent", NAMESPACES),
    no("cgroupns_mode", NAMESPACES),
    no("container_name", "a Swarm names containers itself; use the name of the service"),
    no("cpu_count", LIMITS),
    no("cpu_percent", LIMITS),
    no("cpu_period", LIMITS),
    no("cpu_quota", LIMITS),
    no("cpu_rt_period", LIMITS),
    no("cpu_rt_runtime", LIMITS),
    no("cpu_shares", LIMITS),
    no("cpuset", LIMITS),
    no("develop", "it is for `docker compose watch`; a Swarm does not need it"),
    no("device_cgroup_rules", "a Swarm gives no devices to containers; bind-mount the device if its files are enough"),
    no("devices", "a Swarm gives no devices to containers; bind-mount the device if its files are enough"),
    no("domainname", "use `hostname` with a full name"),
    no("expose", "services on one network reach all ports of each other; remove it"),
    no("external_links", "attach both services to one network"),
    no("gpus", "declare the GPUs on the nodes as generic resources and reserve them"),
    no("ipc", NAMESPACES),
    no("links", "services on one network reach each other by name; remove it"),
    no("mac_address", "a Swarm gives addresses itself; remove it"),
    no("mem_swappiness", LIMITS),
    no("memswap_limit", LIMITS),
    no("models", "run the model as a service"),
    no("network_mode", "use `networks`; for the host's network declare one with `external: true` and `name: host`"),
    no("oom_kill_disable", "a Swarm cannot switch it off; use `oom_score_adj`"),
    no("pid", NAMESPACES),
    no("platform", "use a placement constraint such as `node.platform.arch == x86_64`"),
    no("post_start", HOOKS),
    no("pre_start", HOOKS),
    no("pre_stop", HOOKS),
    no("provider", "run the program before, or as a service"),
    no("pull_policy", "a Swarm pulls what a node does not have; name the image by digest to be exact"),
    no("pull_refresh_after", "a Swarm pulls what a node does not have"),
    no("runtime", "make it the default runtime of the nodes and constrain the service to them"),
    no("security_opt", "make it the default of the nodes' engines"),
    no("shm_size", "mount a tmpfs at /dev/shm: `volumes` with `type: tmpfs`"),
    no("storage_opt", "a Swarm has no limits for disks; remove it"),
    no("tmpfs", "docker ignores it too; use `volumes` with `type: tmpfs`"),
    no("use_api_socket", "bind-mount the socket, if the service may control the engine"),
    no("userns_mode", NAMESPACES),
    no("uts", NAMESPACES),
    no("volume_driver", "give the driver below the top-level `volumes`"),
    no("volumes_from", "mount one named volume in both services"),
];

/// One warning for each key of `unsupported` that is there.
pub(super) fn warn(fields: &mut Fields<'_>, unsupported: &[Unsupported], report: &mut Report) {
    for Unsupported { key, instead } in unsupported {
        fields.warn_if_present(key, "not-on-swarm", "does nothing on a Swarm", instead, report);
    }
}
