//! One stack: its services and their tasks, what would change, what is in the way.

use schemars::JsonSchema;
use serde::Serialize;

use super::overview::{Blocked, Looked, StackRow, blocked};
use super::routes::routes;
use super::source::SourceView;
use super::words::{ERROR, SENTENCE, tidy};
use super::{Known, Scope, events};
use crate::diff::document::{Cause, Change, Document, StackSection, Summary};
use crate::diff::render::{Glyphs, Look, Palette, text};
use crate::reconciler::controller::scene::TaskSight;
use crate::reconciler::health;
use crate::reconciler::journal::Entry;
use crate::reconciler::route_status::RouteStatus;
use crate::reconciler::status::{Health, Mode, ServiceStatus, Sync};

/// Columns of a plan, as on a wide terminal.
const WIDTH: usize = 110;

/// One stack.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StackView {
    /// The stack in a line.
    #[serde(flatten)]
    pub row: StackRow,
    /// When the controller looked last.
    pub looked: Looked,
    /// The file that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The last revision after which nothing was left to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// The last revision with which all services were healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_healthy_revision: Option<String>,
    /// The source that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<SourceView>,
    /// Its services, by name.
    pub services: Vec<ServiceRow>,
    /// Why there are no tasks to see, where they could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_tasks: Option<String>,
    /// What is in the way of changes.
    pub blocked: Vec<Blocked>,
    /// What would change; absent where nothing is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanView>,
    /// What somebody changed by hand.
    pub drift: Vec<DriftView>,
    /// What became of its newest revisions, the newest first.
    pub history: Vec<Entry>,
    /// Its routes.
    pub routes: Vec<RouteStatus>,
}

/// What would change in a stack, or in one object.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlanView {
    /// Totals.
    pub summary: Summary,
    /// The plan as `skep plan` prints it.
    pub text: String,
    /// The same with the escape sequences of a terminal's colours; for pages.
    #[serde(skip)]
    pub coloured: String,
}

/// An object that somebody changed by hand.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DriftView {
    /// Which.
    pub object: String,
    /// Its fields that differ.
    pub fields: Vec<String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImageView {
    /// Name and tag.
    pub reference: String,
    /// The digest that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// One service of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServiceRow {
    /// Its full name.
    pub name: String,
    /// `replicated`, `global`, `replicated-job` or `global-job`; absent when it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The image that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageView>,
    /// Whether it is as declared.
    pub sync: Sync,
    /// Whether it works.
    pub health: Health,
    /// What that means: `rolling (2/6, batch 2 of 3)`.
    pub state: String,
    /// Tasks of the current spec that run and are healthy.
    pub ready: u64,
    /// Tasks that are wanted.
    pub wanted: u64,
    /// What goes wrong, in Swarm's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Its tasks: those that are wanted, and the newest that have ended.
    pub tasks: Vec<TaskSight>,
}

impl ServiceRow {
    pub(super) fn of(scope: &Scope<'_>, service: &ServiceStatus) -> Self {
        let ServiceStatus { name, mode, image, sync, health, state, judged } = service;
        let tasks = scope.tasks().and_then(|scene| scene.tasks.get(name));
        let problem = judged.as_ref().filter(|judged| !judged.verdict.is_healthy());
        let problem = problem.and_then(|judged| {
            let words = health::describe(judged);
            let rest = words.strip_prefix(&health::state(judged))?.strip_prefix(": ")?;
            Some(tidy(rest, ERROR))
        });
        Self {
            name: name.clone(),
            mode: *mode,
            image: image.as_deref().map(ImageView::of),
            sync: *sync,
            health: *health,
            state: tidy(state, SENTENCE),
            ready: judged.as_ref().map_or(0, |judged| judged.ready),
            wanted: judged.as_ref().map_or(0, |judged| judged.wanted),
            problem,
            tasks: tasks.into_iter().flatten().map(tidied).collect(),
        }
    }

    /// Its name without that of its stack.
    pub fn short_name(&self, stack: &str) -> &str {
        let short = self.name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('_'));
        short.unwrap_or(&self.name)
    }
}

/// A task with words that can be shown.
fn tidied(task: &TaskSight) -> TaskSight {
    let error = task.error.as_ref().map(|error| tidy(error, ERROR));
    TaskSight { error, ..task.clone() }
}

impl ImageView {
    /// The parts of an image reference.
    pub fn of(image: &str) -> Self {
        let (reference, digest) =
            image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
        Self { reference: tidy(reference, SENTENCE), digest: digest.map(str::to_owned) }
    }
}

impl PlanView {
    /// What `document` has to say about the changes of `section` that are meant. Nothing else of it is copied: there may
    /// be a whole fleet in it.
    pub(super) fn of(
        document: &Document,
        section: &StackSection,
        is_meant: impl Fn(&Change) -> bool,
    ) -> Self {
        let changes = section.changes.iter().filter(|change| is_meant(change)).cloned().collect();
        let StackSection { name, file, services, holds, changes: _, unchanged, retained } = section;
        let section = StackSection {
            name: name.clone(),
            file: file.clone(),
            services: *services,
            holds: holds.clone(),
            changes,
            unchanged: *unchanged,
            retained: retained.clone(),
        };
        let document = Document {
            format_version: document.format_version,
            fleet: document.fleet.clone(),
            source: document.source.clone(),
            engine: document.engine.clone(),
            summary: Summary::default(),
            holds: document.holds.clone(),
            fleet_changes: Vec::new(),
            record: None,
            stacks: vec![section],
            findings: Vec::new(),
        }
        .counted();
        let look = |palette| Look { width: WIDTH, palette, glyphs: Glyphs::Unicode };
        Self {
            summary: document.summary,
            text: text(&document, look(Palette::Plain)),
            coloured: text(&document, look(Palette::Ansi)),
        }
    }

    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        let Summary { create, roll, rerun, in_place, replace, remove, adopt, moved, held, .. } =
            self.summary;
        create + roll + rerun + in_place + replace + remove + adopt + moved + held == 0
    }
}

impl StackView {
    /// The stack of this name; `None` if there is none.
    pub fn of(scope: &Scope<'_>, name: &str) -> Option<Self> {
        let known = scope.stack(name)?;
        let Known { name: _, live, told, plan } = known;
        let row = StackRow::of(known);
        let sources = || scope.report.sources.iter();
        let from = row.source.as_ref().and_then(|of| sources().find(|source| source.name == *of));
        let services = live.into_iter().flat_map(|live| &live.services);
        Some(Self {
            looked: Looked::of(scope),
            file: live.and_then(|live| live.file.clone()),
            last_applied_revision: told.and_then(|told| told.last_applied_revision.clone()),
            last_healthy_revision: told.and_then(|told| told.last_healthy_revision.clone()),
            from: from.map(SourceView::from),
            services: services.map(|service| ServiceRow::of(scope, service)).collect(),
            without_tasks: scope.without_tasks(),
            blocked: live.into_iter().flat_map(blocked).collect(),
            plan: plan.map(|(document, section)| PlanView::of(document, section, |_| true)),
            drift: plan.map(|(_, section)| drift(section)).unwrap_or_default(),
            history: events::history(scope, name),
            routes: routes(scope, |route| route.stack == name),
            row,
        })
    }
}

/// What somebody changed by hand.
fn drift(section: &StackSection) -> Vec<DriftView> {
    let by_hand = section.changes.iter().filter(|change| change.causes.contains(&Cause::Drift));
    let shown = by_hand.map(|change| {
        let drifted = change
            .fields
            .iter()
            .filter(|field| field.cause.is_none_or(|cause| cause == Cause::Drift));
        DriftView {
            object: change.object.to_string(),
            fields: drifted.map(|field| field.path.to_string()).collect(),
        }
    });
    shown.collect()
}
