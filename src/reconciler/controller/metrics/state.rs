//! How things are, from the newest report.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use tokio::sync::watch;

use crate::model::finding::Finding;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::report::{Report, SourceReport};
use crate::reconciler::status::StackStatus;

/// Reads the report.
#[derive(Debug)]
pub(super) struct State(pub(super) watch::Receiver<Arc<Report>>);

/// One value with its labels.
type Sample<L> = (L, f64);

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let report = Arc::clone(&self.0.borrow());
        let encoder = &mut encoder;
        build(&report, encoder)?;
        engine(&report, encoder)?;
        sources(&report, encoder)?;
        stacks(&report, encoder)
    }
}

fn build(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let labels = [("version", report.version), ("fleet", report.fleet.as_str())];
    info(encoder, "skep_build", "The skep that runs, and its fleet", &[labels])
}

fn engine(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let is_up = report.trouble.is_none() && report.status.is_some();
    let help = "Whether the last pass could observe the Swarm";
    encoder
        .encode_descriptor("skep_engine_up", help, None, MetricType::Gauge)?
        .encode_gauge(&number(is_up))?;
    let in_use: Vec<_> = report
        .engines
        .iter()
        .map(|engine| ([("engine", engine.address.as_str())], number(engine.in_use)))
        .collect();
    let help = "Whether the engine is the one that is worked with";
    gauge(encoder, "skep_engine_in_use", help, &in_use)?;
    let status = report.status.iter();
    let versions: Vec<_> =
        status.map(|status| [("version", status.engine.version.as_str())]).collect();
    info(encoder, "skep_engine", "The engine that was observed", &versions)
}

fn sources(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    fn each(
        report: &Report,
        value: impl Fn(&SourceReport) -> Option<f64>,
    ) -> Vec<Sample<[(&str, &str); 1]>> {
        let sources = report.sources.iter();
        sources
            .filter_map(|source| Some(([("source", source.name.as_str())], value(source)?)))
            .collect()
    }
    let is_up =
        |source: &SourceReport| Some(number(source.failure.is_none() && source.revision.is_some()));
    gauge(
        encoder,
        "skep_source_up",
        "Whether the last look at the source succeeded",
        &each(report, is_up),
    )?;
    gauge(
        encoder,
        "skep_source_seen_timestamp_seconds",
        "When the source was last looked at with success",
        &each(report, |source| source.seen_at.map(seconds)),
    )?;
    let errors = |source: &SourceReport| {
        Some(count(source.findings.iter().filter(|finding| finding.is_error())))
    };
    gauge(
        encoder,
        "skep_source_errors",
        "Errors in the newest revision of the source",
        &each(report, errors),
    )?;
    let revisions: Vec<_> = report
        .sources
        .iter()
        .filter_map(|source| {
            Some([("source", source.name.as_str()), ("revision", source.revision.as_deref()?)])
        })
        .collect();
    info(encoder, "skep_source", "The newest revision of the source", &revisions)
}

fn stacks(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let live: BTreeMap<&str, &StackStatus> = report
        .status
        .iter()
        .flat_map(|status| &status.stacks)
        .map(|stack| (stack.name.as_str(), stack))
        .collect();
    let words: BTreeMap<&str, (String, String)> = live
        .iter()
        .map(|(name, stack)| (*name, (stack.sync.to_string(), stack.health.to_string())))
        .collect();
    let mut infos = Vec::new();
    let mut ready = Vec::new();
    for (name, stack) in &report.stacks {
        let Some((sync, health)) = words.get(name.as_str()) else { continue };
        let condition = stack.condition.as_str();
        let labels = [("source", stack.source.as_str()), ("stack", name.as_str())];
        let [source, own] = labels;
        infos.push([source, own, ("sync", sync), ("health", health), ("condition", condition)]);
        ready.push((labels, number(stack.condition == Condition::Ready)));
    }
    info(encoder, "skep_stack", "How a stack is", &infos)?;
    gauge(encoder, "skep_stack_ready", "Whether a stack is as declared and healthy", &ready)?;
    let mut all: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (sync, health) in words.values() {
        *all.entry((sync, health)).or_default() += 1;
    }
    let all: Vec<_> = all
        .into_iter()
        .map(|((sync, health), stacks)| ([("sync", sync), ("health", health)], f64::from(stacks)))
        .collect();
    gauge(encoder, "skep_stacks", "Stacks of the fleet, by how they are", &all)
}

fn gauge<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: &[Sample<L>],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    samples.iter().try_for_each(|(labels, value)| family.encode_family(labels)?.encode_gauge(value))
}

fn info<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: &[L],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Info)?;
    samples.iter().try_for_each(|labels| family.encode_info(labels))
}

fn number(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn count<'a>(findings: impl Iterator<Item = &'a Finding>) -> f64 {
    f64::from(u32::try_from(findings.count()).unwrap_or(u32::MAX))
}

fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}
