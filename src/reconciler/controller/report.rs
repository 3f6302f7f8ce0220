//! What the running controller tells about itself: sources, stacks, engine, the last pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diff::document::{Cause, HoldCode};
use crate::model::finding::Finding;
use crate::reconciler::status::{self, Status};
use crate::reconciler::suspension::Suspension;
use crate::sources::git::{Commit, Signature};

use super::condition::Condition;
use super::engine::EngineReport;
use super::reason::Reasons;
use super::sight::Sight;
use super::source::FetchFailure;

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// What the running controller tells about itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(title = "skep report")]
pub struct Report {
    /// Layout of this document; see [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The version of skep that runs.
    pub version: &'static str,
    /// The installation of skep that it looks after.
    pub fleet: String,
    /// Since when it runs.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Why the engine cannot be worked with, while it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// How it follows the settings.
    pub settings: SettingsReport,
    /// The engines that it may work with, in the order of preference.
    pub engines: Vec<EngineReport>,
    /// How many passes it has made.
    pub passes: u64,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pass: Option<LastPass>,
    /// Who suspended all stacks, while they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// Where stacks come from.
    pub sources: Vec<SourceReport>,
    /// Stacks that a source declares, or declared, by name.
    pub stacks: BTreeMap<String, StackReport>,
    /// How everything is, as the last pass saw it; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Arc<Status>>,
    /// What the last pass planned and what the sources declare; no part of the document.
    #[serde(skip)]
    pub sight: Option<Arc<Sight>>,
}

impl Report {
    /// The document of `skep status` with what only the controller knows below it; `None` while it has seen nothing.
    ///
    /// # Errors
    /// When it cannot be written, which would be a bug.
    pub fn document(&self) -> Result<Option<Value>, serde_json::Error> {
        serde_json::to_value(self).map(document)
    }

    /// How things are, in a line: `3 of 4 stacks ready; shop is Stalled`.
    pub fn line(&self) -> String {
        if let Some(trouble) = &self.trouble {
            return format!("the Swarm cannot be observed: {}", trouble.reason);
        }
        let ready = self.stacks.values().filter(|stack| stack.condition == Condition::Ready);
        let (ready, all) = (ready.count(), self.stacks.len());
        let failing = self.sources.iter().filter(|source| source.failure.is_some());
        let failing = failing.map(|source| format!("; source {} cannot be read", source.name));
        let worst = self.stacks.iter().max_by_key(|(_, stack)| stack.condition);
        let worst = worst.filter(|(_, stack)| stack.condition != Condition::Ready);
        let worst = worst.map(|(name, stack)| format!("; {name} is {}", stack.condition.as_str()));
        let more: String = worst.into_iter().chain(failing).collect();
        format!("{ready} of {all} stacks ready{more}")
    }
}

/// The schema of a [`Report`].
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Report>()
}

/// A report as JSON as the document of `skep status`; `None` while the controller has seen nothing.
pub fn document(report: Value) -> Option<Value> {
    let Value::Object(mut controller) = report else { return None };
    let mut document = controller.remove("status")?;
    document.as_object_mut()?.insert(status::CONTROLLER.to_owned(), controller.into());
    Some(document)
}

/// How the controller follows its settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SettingsReport {
    /// Keys that have changed since it was started and count after a restart only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_restart: Vec<&'static str>,
    /// Why the settings file is not followed, while it is not; what it said before is still in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// An engine that cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trouble {
    /// What went wrong, with its causes.
    pub reason: String,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Passes that failed in a row.
    pub failures: u32,
}

/// A pass that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastPass {
    /// When it ended.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Why it was made.
    pub reasons: Reasons,
    /// Steps that were performed.
    pub performed: usize,
    /// Steps that were tried in vain.
    pub failed: usize,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// The newest revision that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its commit, if the source is a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitReport>,
    /// When it was last looked at with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub seen_at: Option<Timestamp>,
    /// Why it cannot be looked at, while it cannot. What it declared before is still in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FetchFailure>,
    /// Since when it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub failing_since: Option<Timestamp>,
    /// When the revision was fetched, if the source could not be read since the controller was started: it may not be
    /// the newest, and only drift from it is put right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stale_since: Option<Timestamp>,
    /// What is wrong with the newest revision or doubtful.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// The commit that a source is at. Its author may have written anything; each text is one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CommitReport {
    /// The repository's URL, without its user.
    pub url: String,
    /// The branch or tag that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who wrote it, by name.
    pub author: String,
    /// When it was committed.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The first line of its message.
    pub subject: String,
    /// Who has signed it, by the list of those who may; absent where the settings ask for no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<Vec<String>>,
}

impl From<&Commit> for CommitReport {
    fn from(commit: &Commit) -> Self {
        let Commit { url, id: _, branch, tag, author, time, subject, signature } = commit;
        let signed_by = match signature {
            Signature::NotChecked => None,
            Signature::Good(signers) => {
                Some(signers.iter().map(|signer| signer.name.clone()).collect())
            }
        };
        Self {
            url: url.clone(),
            reference: tag.clone().or_else(|| branch.clone()),
            author: author.clone(),
            time: *time,
            subject: subject.clone(),
            signed_by,
        }
    }
}

/// One stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StackReport {
    /// The source that declares it.
    pub source: String,
    /// How it is getting on.
    pub condition: Condition,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The code of the hold that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<HoldCode>,
    /// Why something of it is being written, or will be once what it waits for is there; empty if nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Since when it is in this condition.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The revision that last changed what it declares, as far as this controller has seen; no part of the document.
    #[serde(skip)]
    pub release: Option<String>,
    /// The revision that passes work with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The last revision after which nothing was left to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// The last revision with which all services were healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_healthy_revision: Option<String>,
    /// Who suspended it, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// How often its objects were put right since the controller was started.
    #[serde(skip_serializing_if = "is_zero")]
    pub repairs: u64,
    /// How often each of them was, such as `service shop_web`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub repaired: BTreeMap<String, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
