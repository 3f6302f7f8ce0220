//! What is asked and answered on the local socket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::name::StackName;
use crate::reconciler::controller::report;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub enum Question {
    /// How are things?
    Status {
        /// Stacks that are meant; all if there are none.
        stacks: Vec<StackName>,
        /// How the answer is to be shown.
        shown: Shown,
    },
    /// Look at every source and make a pass. The answer comes when that is done.
    Sync {
        /// Stacks that are meant; all if there are none.
        stacks: Vec<StackName>,
        /// Whether the answer is to come only once the stacks have come to an end, good or bad.
        settled: bool,
        /// How the answer is to be shown.
        shown: Shown,
    },
    /// Where does a service come from?
    Trace {
        /// Its full name.
        service: String,
        /// How the answer is to be shown.
        shown: Shown,
    },
}

/// How an answer is shown to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether it has colours.
    pub color: bool,
    /// Whether it has more than ASCII.
    pub unicode: bool,
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(title = "skep answer")]
pub enum Answer {
    /// How things are.
    Report {
        /// For programs.
        // Text: as a tree of values it would take the controller many times the memory.
        #[schemars(with = "report::Report")]
        document: Box<RawValue>,
        /// For people.
        text: String,
        /// How the process that asks is to end.
        exit: u8,
    },
    /// Why there is no answer.
    Refused(String),
}

/// The schema of an [`Answer`].
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Answer>()
}
