//! Everything that is counted and known, as text for whoever collects it.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::counts::Metrics;
use super::process::Process;
use super::requests::Requests;
use super::state::State;
use crate::reconciler::controller::report::Report;
use crate::swarm::Traffic;

/// The media type of [`Exposition::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one controller.
#[derive(Debug)]
pub struct Exposition(Registry);

impl Exposition {
    /// What `metrics` count, what the newest of `reports` says, and what was asked of engines in each of `traffic`.
    pub fn new(
        metrics: &Metrics,
        reports: watch::Receiver<Arc<Report>>,
        traffic: Vec<Arc<Traffic>>,
    ) -> Self {
        let mut registry = Registry::default();
        metrics.register(registry.sub_registry_with_prefix("skep"));
        registry.register_collector(Box::new(State(reports.clone())));
        registry.register_collector(Box::new(Requests(traffic)));
        registry.register_collector(Box::new(Process(reports)));
        Self(registry)
    }

    /// The values of now.
    ///
    /// # Errors
    /// When a value cannot be written, which would be a bug.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}
