//! What was asked of engines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use crate::swarm::Traffic;
use crate::swarm::traffic::Request;

/// Reads the counts of connections.
#[derive(Debug)]
pub(super) struct Requests(pub(super) Vec<Arc<Traffic>>);

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut counts: BTreeMap<Request, u64> = BTreeMap::new();
        for (request, count) in self.0.iter().flat_map(|traffic| traffic.requests()) {
            *counts.entry(request).or_default() += count;
        }
        let help = "Requests to the engine, by what they are about";
        let mut family =
            encoder.encode_descriptor("skep_engine_requests", help, None, MetricType::Counter)?;
        for (Request { method, kind, outcome }, count) in counts {
            let labels = [("method", method), ("kind", kind), ("outcome", outcome.as_str())];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
