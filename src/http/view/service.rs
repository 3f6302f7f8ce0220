//! One service: what it is made of and where each field was written, its tasks, and why they fail.

use schemars::JsonSchema;
use serde::Serialize;

use super::Scope;
use super::overview::{Blocked, Looked, blocked};
use super::source::SourceView;
use super::stack::{PlanView, ServiceRow};
use super::words::{ERROR, SENTENCE, tidy};
use crate::diff::document::{FieldChange, Shown};
use crate::diff::render::clean;
use crate::model::key::{Kind, ObjectKey};
use crate::model::place::Place;
use crate::reconciler::health::{Excerpt, TaskFailure, error};

/// How long a line of a log or a value may be, in characters.
const LINE: usize = 1000;

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServiceView {
    /// The service in a line, with its tasks.
    #[serde(flatten)]
    pub row: ServiceRow,
    /// The stack that it belongs to.
    pub stack: String,
    /// When the controller looked last.
    pub looked: Looked,
    /// Where it is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The image reference as the file has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_image: Option<String>,
    /// The revision that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The source that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<SourceView>,
    /// Every field that is set, in Compose's words.
    pub fields: Vec<FieldView>,
    /// The newest task that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<TaskFailure>,
    /// Why there are no tasks to see, where they could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_tasks: Option<String>,
    /// What is in the way of changes.
    pub blocked: Vec<Blocked>,
    /// What would change; absent where nothing would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanView>,
}

/// A field that is set.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FieldView {
    /// Which, in Compose's words.
    pub path: String,
    /// Its value; secrets are numbers.
    pub value: String,
    /// Whether the value is not shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// How a task failed, in words that can be shown.
fn tidied(failure: &TaskFailure) -> TaskFailure {
    let line = |line: &String| clean(&line.chars().take(LINE).collect::<String>());
    TaskFailure {
        node: failure.node.as_deref().map(|node| tidy(node, SENTENCE)),
        error: tidy(error(&failure.error), ERROR),
        log: failure.log.as_ref().map(|log| Excerpt {
            lines: log.lines.iter().map(line).collect(),
            note: log.note.clone(),
        }),
        ..failure.clone()
    }
}

impl From<&FieldChange> for FieldView {
    fn from(field: &FieldChange) -> Self {
        let FieldChange { path, after, place, .. } = field;
        let value = after.as_ref().map(value).unwrap_or_default();
        Self {
            path: path.to_string(),
            value: tidy(&value, LINE),
            sensitive: matches!(after, Some(Shown::Sensitive { .. } | Shown::NotComparable { .. })),
            place: place.clone(),
        }
    }
}

fn value(shown: &Shown) -> String {
    match shown {
        Shown::Bool(yes) => yes.to_string(),
        Shown::Integer(integer) => integer.to_string(),
        Shown::Number(number) => number.to_string(),
        Shown::Text(text) => text.clone(),
        Shown::List(items) => items.iter().map(value).collect::<Vec<_>>().join(" "),
        Shown::Sensitive { sensitive } => format!("(sensitive #{sensitive})"),
        Shown::NotComparable { not_comparable: _ } => "(sensitive)".to_owned(),
    }
}

impl ServiceView {
    /// The service of this full name; `None` if there is none.
    pub fn of(scope: &Scope<'_>, name: &str) -> Option<Self> {
        let stacks = scope.report.status.iter().flat_map(|status| &status.stacks);
        let (stack, service) = stacks
            .flat_map(|stack| stack.services.iter().map(move |service| (stack, service)))
            .find(|(_, service)| service.name == name)?;
        let told = scope.report.stacks.get(&stack.name);
        let declared = scope.sight().and_then(|sight| sight.service(name));
        let sources = || scope.report.sources.iter();
        let from = told.and_then(|told| sources().find(|source| source.name == told.source));
        let key = ObjectKey::new(Kind::Service, name);
        let document = scope.sight().and_then(|sight| sight.plan_of(&stack.name));
        let plan = document.and_then(|document| {
            let section = document.stacks.iter().find(|section| section.name == stack.name)?;
            let is_meant = |change: &crate::diff::document::Change| change.object == key;
            section.changes.iter().any(is_meant).then(|| PlanView::of(document, section, is_meant))
        });
        let failure = service.judged.as_ref().and_then(|judged| judged.failure.as_ref());
        let object = key.to_string();
        Some(Self {
            row: ServiceRow::of(scope, service),
            stack: stack.name.clone(),
            looked: Looked::of(scope),
            place: declared.as_ref().map(|declared| declared.place.clone()),
            declared_image: declared.as_ref().map(|declared| declared.image.clone()),
            revision: told.and_then(|told| told.last_attempted_revision.clone()),
            from: from.map(SourceView::from),
            fields: declared.iter().flat_map(|of| &of.fields).map(FieldView::from).collect(),
            failure: failure.map(tidied),
            without_tasks: scope.without_tasks(),
            blocked: blocked(stack)
                .filter(|held| held.object.as_ref().is_none_or(|held| *held == object))
                .collect(),
            plan,
        })
    }
}
