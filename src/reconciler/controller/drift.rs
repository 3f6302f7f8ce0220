//! What becomes of changes that somebody made by hand.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::name::StackName;

/// What becomes of changes that somebody made by hand.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum DriftMode {
    /// They are put right.
    #[default]
    Correct,
    /// They are shown, and stay until the files change.
    Report,
    /// They are not even shown.
    Off,
}

/// The mode of every stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriftModes {
    /// Of stacks that have none of their own.
    pub default: DriftMode,
    /// Of single stacks.
    pub stacks: BTreeMap<StackName, DriftMode>,
}

impl DriftModes {
    /// The mode of the stack of this name.
    pub fn of_stack(&self, stack: &str) -> DriftMode {
        let own = self.stacks.iter().find(|(name, _)| name.as_str() == stack);
        own.map_or(self.default, |(_, mode)| *mode)
    }
}
