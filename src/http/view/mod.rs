//! What is shown, as values: made from a report, and written as pages and as JSON alike. Pure.
//!
//! Everything in a view was redacted before it came here. What strangers wrote is cut and cleaned by [`words`].

mod cluster;
mod events;
mod overview;
mod schema;
mod service;
mod source;
mod stack;
pub mod words;

use jiff::Timestamp;

use crate::reconciler::controller::report::{Report, StackReport};
use crate::reconciler::controller::scene::Scene;
use crate::reconciler::controller::sight::Sight;
use crate::reconciler::journal::News;
use crate::reconciler::status::StackStatus;

pub use cluster::{ClusterView, RouteView, RoutesView};
pub(super) use events::tidied;
pub use events::{EventsView, Wanted};
pub use overview::{Attention, Blocked, Looked, Looking, Moving, Overview, StackRow, Urgency};
pub use schema::schema;
pub use service::{FailureView, FieldView, ServiceView};
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
    /// Whether the controller's loop turns.
    pub is_alive: bool,
    /// The time of whoever looks.
    pub now: Timestamp,
}

impl<'a> Scope<'a> {
    /// All stacks that are live or declared, by name, with what is known of each.
    fn stacks(&self) -> Vec<(&'a str, Option<&'a StackStatus>, Option<&'a StackReport>)> {
        let live = self.report.status.iter().flat_map(|status| &status.stacks);
        let mut all: Vec<_> = live
            .map(|live| {
                let told = self.report.stacks.get(&live.name);
                (live.name.as_str(), Some(live), told)
            })
            .collect();
        let is_live = |name: &str| all.iter().any(|(live, ..)| *live == name);
        let rest = self.report.stacks.iter().filter(|(name, _)| !is_live(name));
        let rest: Vec<_> = rest.map(|(name, told)| (name.as_str(), None, Some(told))).collect();
        all.extend(rest);
        all.sort_by_key(|(name, ..)| *name);
        all
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
