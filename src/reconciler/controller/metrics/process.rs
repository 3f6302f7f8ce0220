//! What the process costs, under the names that all programs use for it.

use std::fmt;
use std::fs;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use tokio::sync::watch;

use crate::reconciler::controller::report::Report;

/// Linux tells times of processes in this unit (`USER_HZ`, proc(5)).
const TICKS_A_SECOND: f64 = 100.0;

/// Reads what the system knows of this process. Where it tells nothing, nothing is told.
#[derive(Debug)]
pub(super) struct Process(pub(super) watch::Receiver<Arc<Report>>);

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let started = self.0.borrow().started_at.as_second();
        let mut gauge = |name: &str, help: &str, value: i64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            family.encode_gauge(&value)
        };
        gauge("process_start_time_seconds", "When the controller was started", started)?;
        if let Some(bytes) = memory() {
            gauge("process_resident_memory_bytes", "Memory that is resident", bytes)?;
        }
        if let Some(descriptors) = descriptors() {
            gauge("process_open_fds", "Open file descriptors", descriptors)?;
        }
        if let Some(seconds) = processor() {
            let help = "Time on processors, of the process and in the kernel for it";
            let family = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?;
            ConstCounter::new(seconds).encode(family)?;
        }
        Ok(())
    }
}

fn memory() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn descriptors() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

fn processor() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, kernel) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some((f64::from(user) + f64::from(kernel)) / TICKS_A_SECOND)
}
