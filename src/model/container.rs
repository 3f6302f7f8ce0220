//! The container of a task: image, command, environment, files and limits of its process.
//!
//! Field names and emptiness rules follow moby's `api/types/swarm/container.go`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elided::is_default;
use super::labels::Labels;
use super::mount::Mount;
use super::nanos::Nanos;
use super::secret::EnvVar;

/// What a task runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerSpec {
    /// Image reference, with a digest once it is resolved.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Labels of the container; changing one restarts tasks.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The entry point (Compose `entrypoint`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its arguments (Compose `command`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Host name; may hold a template such as `{{.Node.Hostname}}`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub env: Vec<EnvVar>,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// User, with an optional group: `1000:1000`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Additional groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Security options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Privileges>,
    /// Whether an init process runs as process 1; the daemon's setting if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// The signal that stops it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Whether it has a terminal.
    #[serde(rename = "TTY", skip_serializing_if = "is_default")]
    pub tty: bool,
    /// Whether its standard input stays open.
    #[serde(skip_serializing_if = "is_default")]
    pub open_stdin: bool,
    /// Whether its root file system is read-only.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// Mounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// How long it may take to stop before it is killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<Nanos>,
    /// How its health is probed. bollard's models read this field under another name and lose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Entries of `/etc/hosts`, as `address name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Resolver settings.
    #[serde(rename = "DNSConfig", skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<DnsConfig>,
    /// Secrets that it sees as files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretReference>,
    /// Configs that it sees as files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<ConfigReference>,
    /// Isolation technology (Windows).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub isolation: String,
    /// Kernel parameters of its namespaces.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub sysctls: Labels,
    /// Capabilities to add, as `CAP_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_add: Vec<String>,
    /// Capabilities to drop, as `CAP_…` or `ALL`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_drop: Vec<String>,
    /// Resource limits of its processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// Adjustment of its out-of-memory score.
    #[serde(skip_serializing_if = "is_default")]
    pub oom_score_adj: i64,
}

/// Security options of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Privileges {
    /// Credential specification (Windows).
    pub credential_spec: Option<CredentialSpec>,
    /// SELinux labels.
    #[serde(rename = "SELinuxContext")]
    pub se_linux_context: Option<SeLinuxContext>,
    /// Seccomp profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<Seccomp>,
    /// AppArmor mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_armor: Option<AppArmor>,
    /// Whether its processes can gain no privileges.
    pub no_new_privileges: bool,
}

/// Where a Windows credential specification comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct CredentialSpec {
    /// The id of a config; `render` and comparison hold the name of the config.
    pub config: String,
    /// A file below docker's data folder.
    pub file: String,
    /// A value of the Windows registry.
    pub registry: String,
}

/// SELinux labels of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SeLinuxContext {
    /// Whether SELinux is off.
    pub disable: bool,
    /// User label.
    pub user: String,
    /// Role label.
    pub role: String,
    /// Type label.
    #[serde(rename = "Type")]
    pub r#type: String,
    /// Level label.
    pub level: String,
}

/// A seccomp profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Seccomp {
    /// `default`, `unconfined` or `custom`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// The custom profile, base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
}

/// An AppArmor mode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct AppArmor {
    /// `default` or `disabled`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
}

/// How a container's health is probed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", "…"]`, or `["NONE"]` to switch the image's probe off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Time between probes; zero takes the image's or the Engine's 30 s.
    #[serde(skip_serializing_if = "is_default")]
    pub interval: Nanos,
    /// Time a probe may take; zero takes the Engine's 30 s.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Nanos,
    /// Time in which failures do not count.
    #[serde(skip_serializing_if = "is_default")]
    pub start_period: Nanos,
    /// Time between probes in the start period; API 1.44 and newer.
    #[serde(skip_serializing_if = "is_default")]
    pub start_interval: Nanos,
    /// Failures in a row that make it unhealthy; zero takes the Engine's 3.
    #[serde(skip_serializing_if = "is_default")]
    pub retries: i64,
}

/// Resolver settings of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DnsConfig {
    /// Name servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// Search domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Resolver options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// The file as which a config or secret is seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct FileTarget {
    /// Path; a relative one is below `/run/secrets/` for secrets and `/` for configs.
    pub name: String,
    /// Numeric owner.
    #[serde(rename = "UID")]
    pub uid: String,
    /// Numeric group.
    #[serde(rename = "GID")]
    pub gid: String,
    /// Permission bits.
    pub mode: u32,
}

/// A secret that a container sees.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecretReference {
    /// As which file.
    pub file: Option<FileTarget>,
    /// The Engine's id; empty until a request is made, and never compared.
    #[serde(rename = "SecretID", skip_serializing_if = "String::is_empty")]
    pub secret_id: String,
    /// The name of the secret in the Swarm.
    pub secret_name: String,
}

/// A config that a container sees.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigReference {
    /// As which file; `None` when the runtime uses it (credential specifications).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileTarget>,
    /// That the runtime, not the container, uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeTarget>,
    /// The Engine's id; empty until a request is made, and never compared.
    #[serde(rename = "ConfigID", skip_serializing_if = "String::is_empty")]
    pub config_id: String,
    /// The name of the config in the Swarm.
    pub config_name: String,
}

/// Marks a config that only the runtime uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuntimeTarget {}

/// A resource limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ulimit {
    /// Its name, such as `nofile`.
    pub name: String,
    /// Hard limit.
    pub hard: i64,
    /// Soft limit.
    pub soft: i64,
}
