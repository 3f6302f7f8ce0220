//! The layout of a saved plan.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::document::Document;
use crate::reconciler::listed::Listed;
use crate::reconciler::policy::{Adoption, ResolveImage};

/// The version of the layout; it moves when a reader of the old one would misread the new one.
pub(super) const FORMAT_VERSION: u32 = 1;

/// What tells a saved plan from every stack file, which has no such key.
pub(super) const KIND: &str = "skep-saved-plan";

/// A plan that was saved, and what it was made from. `P` is the plan as it was shown.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "saved skep plan", rename = "SavedPlan")]
pub(super) struct File<P> {
    /// Always `skep-saved-plan`.
    pub(super) kind: String,
    /// Layout of this file.
    pub(super) format_version: u32,
    /// The version of skep that made it.
    pub(super) made_by: String,
    /// Random bytes, in hexadecimal digits, that make the `argon2id` digests of this file like no others.
    pub(super) salt: String,
    /// The installation of skep whose objects are planned.
    pub(super) fleet: String,
    /// What was read.
    pub(super) input: Input,
    /// What was allowed and asked for on the command line.
    pub(super) policy: Policy,
    /// Digests of the files that were read, by what they are.
    pub(super) sources: BTreeMap<String, String>,
    /// Digests of the variables that were used and are in none of those files, by name.
    pub(super) variables: BTreeMap<String, String>,
    /// What registries said that tags mean.
    pub(super) images: BTreeMap<String, Image>,
    /// The changes that may be made, and no others.
    pub(super) allowed: Vec<Listed>,
    /// The plan as it was shown, for those who want to read it; nothing is decided by it.
    pub(super) plan: P,
}

/// What was read, as the command line named it; relative paths begin where the command is run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Each PATH.
    pub(super) paths: Vec<String>,
    /// `--config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<String>,
    /// `--name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// `--root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<String>,
    /// Each `--profile`.
    pub(super) profiles: Vec<String>,
    /// `--strict`.
    pub(super) strict: bool,
    /// `--source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
}

/// What was allowed and asked for on the command line. What the settings say is in their file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Policy {
    /// `--prune`.
    pub(super) prune: bool,
    /// `--prune-stacks`.
    pub(super) prune_stacks: bool,
    /// `--adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adopt: Option<Adoption>,
    /// `--allow-replace`.
    pub(super) allow_replace: bool,
    /// `--now`.
    #[serde(default)]
    pub(super) now: bool,
    /// Each `--unblock`.
    pub(super) unblock: Vec<String>,
    /// `--resolve-image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resolve_image: Option<ResolveImage>,
}

/// What a registry said that a tag means.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    /// `sha256:…` of the manifest or list of manifests.
    pub(super) digest: String,
    /// The platforms that it has.
    pub(super) platforms: Vec<Platform>,
}

/// A platform that an image runs on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Platform {
    /// Such as `amd64`.
    pub(super) architecture: String,
    /// Such as `linux`.
    pub(super) os: String,
}

/// The JSON Schema of the file as it is written.
pub(in crate::cli) fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<File<Document>>()
}
