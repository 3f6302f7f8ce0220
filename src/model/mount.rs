//! Mounts of a container.
//!
//! Field names and emptiness rules follow moby's `api/types/mount/mount.go`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elided::is_default;
use super::labels::Labels;

/// One mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`, `npipe`, `cluster` or `image`.
    #[serde(rename = "Type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Volume name or host path; empty for an anonymous volume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Path in the container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Whether it cannot be written.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// Consistency hint (ignored on Linux).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub consistency: String,
    /// For binds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_options: Option<BindOptions>,
    /// For volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_options: Option<VolumeOptions>,
    /// For images; API 1.48 and newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_options: Option<ImageOptions>,
    /// For tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs_options: Option<TmpfsOptions>,
    /// For cluster volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_options: Option<ClusterOptions>,
}

/// Options of a bind mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the shape is the Engine's")]
pub struct BindOptions {
    /// Mount propagation, such as `rslave`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub propagation: String,
    /// Whether sub-mounts are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub non_recursive: bool,
    /// Whether a missing host path is created.
    #[serde(skip_serializing_if = "is_default")]
    pub create_mountpoint: bool,
    /// Whether sub-mounts stay writable.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only_non_recursive: bool,
    /// Whether it fails when sub-mounts cannot be made read-only.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only_force_recursive: bool,
}

/// Options of a volume mount; they count only when the mount creates the volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct VolumeOptions {
    /// Whether the image's files at the target are not copied into a new volume.
    #[serde(skip_serializing_if = "is_default")]
    pub no_copy: bool,
    /// Labels of a new volume.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Path inside the volume; API 1.45 and newer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// Driver of a new volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_config: Option<DriverConfig>,
}

/// A driver and its options.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DriverConfig {
    /// The driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its options.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
}

/// Options of an image mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageOptions {
    /// Path inside the image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
}

/// Options of a tmpfs mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TmpfsOptions {
    /// Size in bytes; zero is unlimited.
    #[serde(skip_serializing_if = "is_default")]
    pub size_bytes: i64,
    /// Permission bits.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: u32,
    /// Mount options as key or key and value; API 1.46 and newer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Vec<String>>,
}

/// Options of a cluster volume mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClusterOptions {}
