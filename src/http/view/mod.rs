//! What is shown, as values: made from a report, and written as pages and as JSON alike. Pure.
//!
//! Everything in a view was redacted before it came here. What strangers wrote is cut and cleaned by [`words`].

mod cluster;
mod events;
mod overview;
mod routes;
mod schema;
mod service;
mod source;
mod stack;
pub mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::diff::document::{Document, StackSection};
use crate::reconciler::controller::certificates::Certificates;
use crate::reconciler::controller::report::{Report, StackReport};
use crate::reconciler::controller::scene::Scene;
use crate::reconciler::controller::sight::Sight;
use crate::reconciler::journal::News;
use crate::reconciler::status::StackStatus;

pub use cluster::ClusterView;
pub(super) use events::tidied;
pub use events::{EventsView, Wanted};
pub use overview::{Attention, Blocked, Looked, Looking, Moving, Overview, StackRow, Urgency};
pub use routes::RoutesView;
pub use schema::schema;
pub use service::{FieldView, ServiceView};
pub use source::SourceView;
pub use stack::{DriftView, ImageView, PlanView, ServiceRow, StackView};

/// What views are made from.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// What the controller tells about itself.
    pub report: &'a Report,
    /// Tasks and nodes, where somebody asked for them, or why they cannot be had.
    pub scene: Option<Result<&'a Scene, &'a str>>,
    /// What happened, where somebody remembers.
    pub news: Option<&'a News>,
    /// The certificates of routes, where somebody looks at them.
    pub certificates: Option<&'a Certificates>,
    /// Whether the controller's loop turns.
    pub is_alive: bool,
    /// The time of whoever looks.
    pub now: Timestamp,
}

/// What is known of one stack.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    name: &'a str,
    live: Option<&'a StackStatus>,
    told: Option<&'a StackReport>,
    plan: Option<(&'a Document, &'a StackSection)>,
}

impl<'a> Known<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, live: None, told: None, plan: None }
    }
}

impl<'a> Scope<'a> {
    /// All stacks that are live or declared, by name.
    fn stacks(&self) -> Vec<Known<'a>> {
        let mut all: BTreeMap<&str, Known<'a>> = BTreeMap::new();
        for live in self.live() {
            let name = live.name.as_str();
            all.entry(name).or_insert_with(|| Known::new(name)).live = Some(live);
        }
        for (name, told) in &self.report.stacks {
            all.entry(name).or_insert_with(|| Known::new(name)).told = Some(told);
        }
        for plan in self.sight().into_iter().flat_map(|sight| &sight.plans) {
            for section in &plan.stacks {
                if let Some(known) = all.get_mut(section.name.as_str()) {
                    known.plan.get_or_insert((&**plan, section));
                }
            }
        }
        all.into_values().collect()
    }

    /// The stack of this name, if it is live or declared.
    fn stack(&self, name: &str) -> Option<Known<'a>> {
        let live = self.live().find(|live| live.name == name);
        let told = self.report.stacks.get_key_value(name);
        let known =
            live.map(|live| live.name.as_str()).or_else(|| told.map(|(name, _)| name.as_str()))?;
        let told = told.map(|(_, told)| told);
        let plan = self.sight().and_then(|sight| sight.plan_of(name)).and_then(|plan| {
            Some((&**plan, plan.stacks.iter().find(|section| section.name == name)?))
        });
        Some(Known { name: known, live, told, plan })
    }

    fn live(&self) -> impl Iterator<Item = &'a StackStatus> + use<'a> {
        self.report.status.iter().flat_map(|status| &status.stacks)
    }

    fn sight(&self) -> Option<&'a Sight> {
        self.report.sight.as_deref()
    }

    fn tasks(&self) -> Option<&'a Scene> {
        self.scene.and_then(Result::ok)
    }

    fn without_tasks(&self) -> Option<String> {
        self.scene.and_then(Result::err).map(|reason| words::tidy(reason, words::SENTENCE))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diff::document::{EngineRef, FORMAT_VERSION, Summary};
    use crate::model::live::ApiVersion;
    use crate::reconciler::controller::example;

    fn plan(stacks: &[(&str, usize)]) -> Arc<Document> {
        let section = |(name, unchanged): &(&str, usize)| StackSection {
            name: (*name).to_owned(),
            file: None,
            services: 0,
            holds: Vec::new(),
            changes: Vec::new(),
            unchanged: *unchanged,
            retained: Vec::new(),
        };
        let api = ApiVersion { major: 1, minor: 51 };
        Arc::new(Document {
            format_version: FORMAT_VERSION,
            fleet: "default".to_owned(),
            source: None,
            engine: EngineRef { api, version: "28.5.2".to_owned() },
            summary: Summary::default(),
            holds: Vec::new(),
            fleet_changes: Vec::new(),
            record: None,
            stacks: stacks.iter().map(section).collect(),
            findings: Vec::new(),
        })
    }

    #[test]
    fn a_stack_is_the_same_alone_and_among_all() {
        let mut report = example::report();
        let told = report.stacks.remove("shop").unwrap();
        report.stacks.insert("new".to_owned(), told);
        let plans = vec![plan(&[("shop", 1)]), plan(&[("shop", 2), ("new", 3), ("gone", 4)])];
        report.sight = Some(Arc::new(Sight { plans, ..Sight::default() }));
        let now = Timestamp::now();
        let (scene, news, certificates) = (None, None, None);
        let scope = Scope { report: &report, scene, news, certificates, is_alive: true, now };
        let all = scope.stacks();
        let shown = all.iter().map(|known| {
            let planned = known.plan.map(|(_, section)| section.unchanged);
            (known.name, known.live.is_some(), known.told.is_some(), planned)
        });
        let expected = [
            ("blog", true, true, None),
            ("new", false, true, Some(3)),
            ("shop", true, false, Some(1)),
        ];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        for known in &all {
            assert_eq!(format!("{:?}", scope.stack(known.name).unwrap()), format!("{known:?}"));
        }
        assert!(scope.stack("gone").is_none());
    }
}
