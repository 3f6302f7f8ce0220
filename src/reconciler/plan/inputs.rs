//! What a plan depends on, and how it is shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::ShowContent;
use crate::diff::mask::Sensitivity;
use crate::model::desired::Desired;
use crate::model::finding::Finding;
use crate::model::key::ObjectKey;
use crate::model::live::Observed;
use crate::model::name::StackName;

use super::super::caddy::{ProxyRules, Sight};
use super::super::contention::Contention;
use super::super::policy::{Policy, Scope};
use super::image::Images;

/// Everything that a plan depends on. Equal inputs give equal plans.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What is declared, normalised like what is observed.
    pub desired: &'a Desired,
    /// What is observed.
    pub observed: &'a Observed,
    /// What absence means.
    pub scope: &'a Scope,
    /// What the user allows and asks for.
    pub policy: &'a Policy,
    /// What registries said.
    pub images: &'a Images,
    /// What the settings say about the proxy, if there is one.
    pub rules: Option<&'a ProxyRules>,
    /// What was seen of it.
    pub sight: &'a Sight,
    /// What this run has learned from Swarm's own answers.
    pub learned: &'a Learned,
    /// What to show and what to hide.
    pub view: &'a View,
}

/// How a plan is shown.
#[derive(Debug, Clone)]
pub struct View {
    /// The revision that is planned, such as `sha256:4f2c9e1a02bd`.
    pub revision: Option<String>,
    /// Which values are sensitive.
    pub sensitivity: Sensitivity,
    /// Whether sensitive values of the environment are shown; for terminals only.
    pub reveal: bool,
    /// How differences of config contents are shown.
    pub contents: ShowContent,
    /// The command that applies the same stacks, such as `skep apply stacks/`, to which holds add what ends them.
    pub command: String,
    /// The command that allows a refused release once more, `skep retry`, to which holds add which.
    pub retry: String,
    /// Docker's client, aimed at the same engine: `docker`.
    pub docker: String,
    /// Findings of loading, which the document repeats.
    pub findings: Vec<Finding>,
}

/// What one run has learned from Swarm's own answers. Losing it costs one more question each.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// Ids of secrets that Swarm says hold other data than the declared.
    pub different_secrets: BTreeSet<String>,
    /// Releases applied by this run, by service, until it is known how they ended.
    pub applied: BTreeMap<String, String>,
    /// Whether this run has written something, so that counts of tasks are not believed before they have lasted.
    pub has_written: bool,
    /// How often a write failed without an explanation.
    pub failures: BTreeMap<ObjectKey, u32>,
    /// Whether the Engine refuses what is to be remembered in the fleet record, so that nothing more is.
    pub record_is_refused: bool,
    /// How often in a row that failed for another reason.
    pub unnoted: u32,
    /// How often the Engine kept a network that was to go, by name.
    pub networks_kept: BTreeMap<String, u32>,
    /// Networks that were to be made again and that the Engine kept although no service was on them, with its words.
    pub networks_in_use: BTreeMap<String, String>,
    /// Writes that the Engine refused for good, with its words.
    pub refused_writes: BTreeMap<ObjectKey, String>,
    /// Stacks of which the proxy refused what belongs to them beside their routes, with its words.
    pub refused_beside: BTreeMap<StackName, String>,
    /// What it has written, and where somebody else wrote too.
    pub contention: Contention,
}

impl Learned {
    /// Whether the fleet record is not told of anything more: a run does not go on for its sake alone.
    pub fn notes_nothing(&self) -> bool {
        const PATIENCE: u32 = 3;
        self.record_is_refused || self.unnoted >= PATIENCE
    }
}
