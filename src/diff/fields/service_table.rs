//! The fields of a service: Engine path, Compose path, notation, and what a change costs.

use std::sync::OnceLock;

use crate::diff::document::Impact;

use super::format::Format;
use super::format::Format::{
    Bool, Bytes, Cpus, Duration, Env, FileItem, Host, Marker, MountItem, NetworkItem, Number,
    Octal, Open, OpenTexts, Options, Platforms, PortItem, Profile, Ratio, Resources, Spread, Text,
    Texts, UlimitItem,
};
use super::keyed::ListKey;
use super::shape::{Field, List, Shape};

/// A service.
pub(in crate::diff) static SERVICE: Shape = Shape {
    lists: &[
        list("TaskTemplate.ContainerSpec.Env", ListKey::BeforeEquals),
        list("TaskTemplate.ContainerSpec.Mounts", ListKey::Text("Target")),
        list("TaskTemplate.ContainerSpec.Hosts", ListKey::HostName),
        list("TaskTemplate.ContainerSpec.Secrets", ListKey::File("SecretName")),
        list("TaskTemplate.ContainerSpec.Configs", ListKey::File("ConfigName")),
        list("TaskTemplate.ContainerSpec.Ulimits", ListKey::Text("Name")),
        list("TaskTemplate.Networks", ListKey::Text("Target")),
        list("EndpointSpec.Ports", ListKey::Port),
    ],
    fields: FIELDS,
    // Ids are the Engine's own names for what is compared by name; the counter belongs to whoever restarts tasks.
    uncompared: &[
        "TaskTemplate.ContainerSpec.Secrets.*.SecretID",
        "TaskTemplate.ContainerSpec.Configs.*.ConfigID",
        "TaskTemplate.ForceUpdate",
    ],
    impact,
    tree: OnceLock::new(),
};

const fn list(engine: &'static str, key: ListKey) -> List {
    List { engine, key }
}

const fn field(engine: &'static str, compose: &'static str, format: Format) -> Field {
    Field { engine, compose, format }
}

/// swarmkit's rule for services that are no jobs: template and endpoint restart tasks, placement where the node no
/// longer satisfies it (`manager/orchestrator/task.go`); name and mode cannot be changed at all.
fn impact(path: &[&str]) -> Impact {
    match path {
        ["TaskTemplate", "Placement", ..] => Impact::Placement,
        ["Name"] | ["Mode", "Kind"] => Impact::Replace,
        ["Labels" | "Mode" | "UpdateConfig" | "RollbackConfig", ..] => Impact::InPlace,
        _ => Impact::Roll,
    }
}

#[rustfmt::skip]
static FIELDS: &[Field] = &[
    field("Name", "name", Open),
    field("Labels.*", "deploy.labels.*", Text),

    field("TaskTemplate.ContainerSpec.Image", "image", Open),
    field("TaskTemplate.ContainerSpec.Labels.*", "labels.*", Text),
    field("TaskTemplate.ContainerSpec.Command", "entrypoint", Texts),
    field("TaskTemplate.ContainerSpec.Args", "command", Texts),
    field("TaskTemplate.ContainerSpec.Hostname", "hostname", Text),
    field("TaskTemplate.ContainerSpec.Env.*", "environment.*", Env),
    field("TaskTemplate.ContainerSpec.Dir", "working_dir", Text),
    field("TaskTemplate.ContainerSpec.User", "user", Text),
    field("TaskTemplate.ContainerSpec.Groups", "group_add", Texts),
    field("TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Config", "credential_spec.config", Text),
    field("TaskTemplate.ContainerSpec.Privileges.CredentialSpec.File", "credential_spec.file", Text),
    field("TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Registry", "credential_spec.registry", Text),
    field("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Disable", "security_opt.label.disable", Bool),
    field("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.User", "security_opt.label.user", Text),
    field("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Role", "security_opt.label.role", Text),
    field("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Type", "security_opt.label.type", Text),
    field("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Level", "security_opt.label.level", Text),
    field("TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode", "security_opt.seccomp", Text),
    field("TaskTemplate.ContainerSpec.Privileges.Seccomp.Profile", "security_opt.seccomp.profile", Profile),
    field("TaskTemplate.ContainerSpec.Privileges.AppArmor.Mode", "security_opt.apparmor", Text),
    field("TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges", "security_opt.no-new-privileges", Bool),
    field("TaskTemplate.ContainerSpec.Init", "init", Bool),
    field("TaskTemplate.ContainerSpec.StopSignal", "stop_signal", Text),
    field("TaskTemplate.ContainerSpec.TTY", "tty", Bool),
    field("TaskTemplate.ContainerSpec.OpenStdin", "stdin_open", Bool),
    field("TaskTemplate.ContainerSpec.ReadOnly", "read_only", Bool),
    field("TaskTemplate.ContainerSpec.StopGracePeriod", "stop_grace_period", Duration),
    field("TaskTemplate.ContainerSpec.Healthcheck.Test", "healthcheck.test", Texts),
    field("TaskTemplate.ContainerSpec.Healthcheck.Interval", "healthcheck.interval", Duration),
    field("TaskTemplate.ContainerSpec.Healthcheck.Timeout", "healthcheck.timeout", Duration),
    field("TaskTemplate.ContainerSpec.Healthcheck.StartPeriod", "healthcheck.start_period", Duration),
    field("TaskTemplate.ContainerSpec.Healthcheck.StartInterval", "healthcheck.start_interval", Duration),
    field("TaskTemplate.ContainerSpec.Healthcheck.Retries", "healthcheck.retries", Number),
    field("TaskTemplate.ContainerSpec.Hosts.*", "extra_hosts.*", Host),
    field("TaskTemplate.ContainerSpec.DNSConfig.Nameservers", "dns", Texts),
    field("TaskTemplate.ContainerSpec.DNSConfig.Search", "dns_search", Texts),
    field("TaskTemplate.ContainerSpec.DNSConfig.Options", "dns_opt", Texts),
    field("TaskTemplate.ContainerSpec.Isolation", "isolation", Text),
    field("TaskTemplate.ContainerSpec.Sysctls.*", "sysctls.*", Text),
    field("TaskTemplate.ContainerSpec.CapabilityAdd", "cap_add", Texts),
    field("TaskTemplate.ContainerSpec.CapabilityDrop", "cap_drop", Texts),
    field("TaskTemplate.ContainerSpec.OomScoreAdj", "oom_score_adj", Number),

    field("TaskTemplate.ContainerSpec.Mounts.*", "volumes.*", MountItem),
    field("TaskTemplate.ContainerSpec.Mounts.*.Type", "volumes.*.type", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.Source", "volumes.*.source", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.Target", "volumes.*.target", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.ReadOnly", "volumes.*.read_only", Bool),
    field("TaskTemplate.ContainerSpec.Mounts.*.Consistency", "volumes.*.consistency", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.BindOptions.Propagation", "volumes.*.bind.propagation", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.BindOptions.NonRecursive", "volumes.*.bind.non_recursive", Bool),
    field("TaskTemplate.ContainerSpec.Mounts.*.BindOptions.CreateMountpoint", "volumes.*.bind.create_host_path", Bool),
    field("TaskTemplate.ContainerSpec.Mounts.*.BindOptions.ReadOnlyNonRecursive", "volumes.*.bind.read_only_non_recursive", Bool),
    field("TaskTemplate.ContainerSpec.Mounts.*.BindOptions.ReadOnlyForceRecursive", "volumes.*.bind.read_only_force_recursive", Bool),
    field("TaskTemplate.ContainerSpec.Mounts.*.VolumeOptions.NoCopy", "volumes.*.volume.nocopy", Bool),
    field("TaskTemplate.ContainerSpec.Mounts.*.VolumeOptions.Labels.*", "volumes.*.volume.labels.*", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.VolumeOptions.Subpath", "volumes.*.volume.subpath", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.VolumeOptions.DriverConfig.Name", "volumes.*.volume.driver", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.VolumeOptions.DriverConfig.Options.*", "volumes.*.volume.driver_opts.*", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.ImageOptions.Subpath", "volumes.*.image.subpath", Text),
    field("TaskTemplate.ContainerSpec.Mounts.*.TmpfsOptions.SizeBytes", "volumes.*.tmpfs.size", Bytes),
    field("TaskTemplate.ContainerSpec.Mounts.*.TmpfsOptions.Mode", "volumes.*.tmpfs.mode", Octal),
    field("TaskTemplate.ContainerSpec.Mounts.*.TmpfsOptions.Options", "volumes.*.tmpfs.options", Options),

    field("TaskTemplate.ContainerSpec.Secrets.*", "secrets.*", FileItem),
    field("TaskTemplate.ContainerSpec.Secrets.*.SecretName", "secrets.*.source", Open),
    field("TaskTemplate.ContainerSpec.Secrets.*.File.Name", "secrets.*.target", Open),
    field("TaskTemplate.ContainerSpec.Secrets.*.File.UID", "secrets.*.uid", Text),
    field("TaskTemplate.ContainerSpec.Secrets.*.File.GID", "secrets.*.gid", Text),
    field("TaskTemplate.ContainerSpec.Secrets.*.File.Mode", "secrets.*.mode", Octal),
    field("TaskTemplate.ContainerSpec.Configs.*", "configs.*", FileItem),
    field("TaskTemplate.ContainerSpec.Configs.*.ConfigName", "configs.*.source", Open),
    field("TaskTemplate.ContainerSpec.Configs.*.File.Name", "configs.*.target", Open),
    field("TaskTemplate.ContainerSpec.Configs.*.File.UID", "configs.*.uid", Text),
    field("TaskTemplate.ContainerSpec.Configs.*.File.GID", "configs.*.gid", Text),
    field("TaskTemplate.ContainerSpec.Configs.*.File.Mode", "configs.*.mode", Octal),
    field("TaskTemplate.ContainerSpec.Configs.*.Runtime", "configs.*.runtime", Marker),
    field("TaskTemplate.ContainerSpec.Ulimits.*", "ulimits.*", UlimitItem),
    field("TaskTemplate.ContainerSpec.Ulimits.*.Hard", "ulimits.*.hard", Number),
    field("TaskTemplate.ContainerSpec.Ulimits.*.Soft", "ulimits.*.soft", Number),

    field("TaskTemplate.Resources.Limits.NanoCPUs", "deploy.resources.limits.cpus", Cpus),
    field("TaskTemplate.Resources.Limits.MemoryBytes", "deploy.resources.limits.memory", Bytes),
    field("TaskTemplate.Resources.Limits.Pids", "deploy.resources.limits.pids", Number),
    field("TaskTemplate.Resources.Reservations.NanoCPUs", "deploy.resources.reservations.cpus", Cpus),
    field("TaskTemplate.Resources.Reservations.MemoryBytes", "deploy.resources.reservations.memory", Bytes),
    field("TaskTemplate.Resources.Reservations.GenericResources", "deploy.resources.reservations.generic_resources", Resources),
    field("TaskTemplate.Resources.SwapBytes", "TaskTemplate.Resources.SwapBytes", Bytes),
    field("TaskTemplate.RestartPolicy.Condition", "deploy.restart_policy.condition", Text),
    field("TaskTemplate.RestartPolicy.Delay", "deploy.restart_policy.delay", Duration),
    field("TaskTemplate.RestartPolicy.MaxAttempts", "deploy.restart_policy.max_attempts", Number),
    field("TaskTemplate.RestartPolicy.Window", "deploy.restart_policy.window", Duration),
    field("TaskTemplate.Placement.Constraints", "deploy.placement.constraints", OpenTexts),
    field("TaskTemplate.Placement.Preferences", "deploy.placement.preferences", Spread),
    field("TaskTemplate.Placement.MaxReplicas", "deploy.placement.max_replicas_per_node", Number),
    field("TaskTemplate.Placement.Platforms", "TaskTemplate.Placement.Platforms", Platforms),
    field("TaskTemplate.Networks.*", "networks.*", NetworkItem),
    field("TaskTemplate.Networks.*.Aliases", "networks.*.aliases", Texts),
    field("TaskTemplate.Networks.*.DriverOpts.*", "networks.*.driver_opts.*", Text),
    field("TaskTemplate.LogDriver.Name", "logging.driver", Text),
    field("TaskTemplate.LogDriver.Options.*", "logging.options.*", Text),

    field("Mode.Kind", "deploy.mode", Text),
    field("Mode.Replicated.Replicas", "deploy.replicas", Number),
    field("Mode.ReplicatedJob.TotalCompletions", "deploy.replicas", Number),
    field("Mode.ReplicatedJob.MaxConcurrent", "deploy.replicas.max_concurrent", Number),

    field("UpdateConfig.Parallelism", "deploy.update_config.parallelism", Number),
    field("UpdateConfig.Delay", "deploy.update_config.delay", Duration),
    field("UpdateConfig.FailureAction", "deploy.update_config.failure_action", Text),
    field("UpdateConfig.Monitor", "deploy.update_config.monitor", Duration),
    field("UpdateConfig.MaxFailureRatio", "deploy.update_config.max_failure_ratio", Ratio),
    field("UpdateConfig.Order", "deploy.update_config.order", Text),
    field("RollbackConfig.Parallelism", "deploy.rollback_config.parallelism", Number),
    field("RollbackConfig.Delay", "deploy.rollback_config.delay", Duration),
    field("RollbackConfig.FailureAction", "deploy.rollback_config.failure_action", Text),
    field("RollbackConfig.Monitor", "deploy.rollback_config.monitor", Duration),
    field("RollbackConfig.MaxFailureRatio", "deploy.rollback_config.max_failure_ratio", Ratio),
    field("RollbackConfig.Order", "deploy.rollback_config.order", Text),

    field("EndpointSpec.Mode", "deploy.endpoint_mode", Text),
    field("EndpointSpec.Ports.*", "ports.*", PortItem),
];
