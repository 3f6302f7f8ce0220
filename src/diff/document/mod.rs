//! The published plan: serialisable, redacted, the one value behind text, Markdown and JSON.

mod change;
mod field;
mod hold;
mod summary;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::finding::Finding;
use crate::model::key::ObjectKey;
use crate::model::live::ApiVersion;

pub use change::{Action, After, Cause, Change, Content, Effect, Need, RolloutOrder};
pub use field::{FieldChange, Impact, Shown};
pub use hold::{Hold, HoldClass, HoldCode};
pub use summary::Summary;

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// What a pass would do, and what it would not do and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "skep plan")]
pub struct Document {
    /// Layout of this document; see [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The installation of skep whose objects are planned.
    pub fleet: String,
    /// Where the stacks come from, if they come from a source with a revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// The engine that was observed.
    pub engine: EngineRef,
    /// Totals over the whole plan; see [`Document::counted`].
    pub summary: Summary,
    /// What holds the whole plan, such as an empty source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Changes to objects that belong to no stack, such as the fleet record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fleet_changes: Vec<Change>,
    /// The fleet record, when what is applied is also noted there; that changes nothing that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<ObjectKey>,
    /// One section for each stack, unchanged ones too, by name.
    pub stacks: Vec<StackSection>,
    /// What is doubtful about the input or about the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A source and the revision of it that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceRef {
    /// Its name, as in `skep.yaml`, or `cli`.
    pub name: String,
    /// What was read, such as `main@sha1:4f2c9e1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// The engine that was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EngineRef {
    /// The API version that was spoken.
    #[schemars(with = "String")]
    pub api: ApiVersion,
    /// The engine's own version, such as `28.5.2`.
    pub version: String,
}

/// The part of a plan that concerns one stack.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StackSection {
    /// Name of the stack.
    pub name: String,
    /// The file that declares it; absent when nothing declares it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How many services it declares.
    pub services: usize,
    /// What holds all of its changes, such as `paused`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// What would change, in the order in which it would be done.
    pub changes: Vec<Change>,
    /// How many objects stay as they are.
    pub unchanged: usize,
    /// Superseded objects that something still needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<Retained>,
}

/// A superseded config or secret that is kept, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Retained {
    /// What is kept.
    pub object: ObjectKey,
    /// Why, as a fragment: `service shop_web can roll back to it`.
    pub reason: String,
}

impl Document {
    /// The document with its summary counted from its parts.
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.summary = Summary::count(&self.holds, &self.fleet_changes, &self.stacks);
        self
    }

    /// Every change that is done now or once what it waits for has come to pass; without those that a person must
    /// release first.
    pub fn coming(&self) -> impl Iterator<Item = &Change> {
        let held = |holds: &[Hold]| holds.iter().any(Hold::is_standing);
        let stacks = self.stacks.iter().filter(move |stack| !held(&stack.holds));
        let changes = self.fleet_changes.iter().chain(stacks.flat_map(|stack| &stack.changes));
        let nothing = held(&self.holds);
        changes.filter(move |change| !nothing && !change.is_standing())
    }

    /// Every change, those of the fleet first.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.fleet_changes.iter().chain(self.stacks.iter().flat_map(|stack| &stack.changes))
    }

    /// Every hold: of the plan, of its stacks, of their changes.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        let stacks = self.stacks.iter().flat_map(|stack| &stack.holds);
        let changes = self.changes().flat_map(|change| &change.holds);
        self.holds.iter().chain(stacks).chain(changes)
    }
}

/// The JSON Schema of the document as it is written.
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document>()
}
