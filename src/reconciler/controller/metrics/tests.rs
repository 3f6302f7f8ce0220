//! The text that is served, and the page that explains it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::sync::watch;
use tokio::time::{Instant, advance};

use super::counts::{Metrics, PassOutcome};
use super::deliveries::Deliveries;
use super::exposition::Exposition;
use super::tally::Tally;
use crate::diff::document::HoldCode;
use crate::model::key::{Kind, ObjectKey};
use crate::reconciler::controller::example;
use crate::reconciler::controller::reason::Reasons;
use crate::reconciler::controller::source::Looked;
use crate::reconciler::event::Event;
use crate::swarm::Traffic;

/// What a controller tells after everything has happened once.
fn told() -> String {
    let metrics = Metrics::default();
    metrics.pass("revision", PassOutcome::Changed, Duration::from_millis(40));
    metrics.pass("resync", PassOutcome::Unobservable, Duration::from_secs(30));
    let object = ObjectKey::new(Kind::Service, "shop_web");
    let done =
        Event::Performed { done: "updated", object: &object, again: false, warnings: Vec::new() };
    metrics.step(&done, Some(("main", "shop")));
    let reason = "no".to_owned();
    metrics.step(&Event::Failed { object: &object, reason }, Some(("main", "shop")));
    metrics.found_drift("main", "shop");
    metrics.hold([("main", HoldCode::Suspended), ("main", HoldCode::Suspended)].into_iter());
    metrics.looked("main", Looked::New);
    metrics.superseded("main");
    metrics.ready("main", Duration::from_secs(7));
    metrics.heard();
    metrics.notified("chat", "sent");
    metrics.history_is_up(true);
    metrics.history_lost(2);
    let traffic: Arc<Traffic> = Arc::default();
    traffic.ended(&Method::GET, "/v1.51/services", Some(StatusCode::OK));
    traffic.ended(&Method::POST, "/v1.51/services/x/update", Some(StatusCode::CONFLICT));
    let (_, reports) = watch::channel(Arc::new(example::report()));
    Exposition::new(&metrics, reports, vec![Arc::clone(&traffic), traffic]).text().unwrap()
}

/// What is told of one metric: its type, and the names of its labels.
type Told = BTreeMap<String, (String, BTreeSet<String>)>;

fn parsed(text: &str) -> Told {
    let mut all = Told::new();
    let mut current = (String::new(), String::new());
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("# TYPE ") {
            let (family, kind) = line.split_once(' ').unwrap();
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            current = (format!("{family}{suffix}"), kind.to_owned());
        } else if !line.starts_with('#') {
            let (name, labels) = line.split_once('{').unwrap_or((line, "}"));
            let name = name.split(' ').next().unwrap();
            let own = name.strip_prefix(current.0.as_str());
            assert!(
                own.is_some_and(|rest| ["", "_sum", "_count", "_bucket"].contains(&rest)),
                "{line}"
            );
            let entry = all.entry(current.0.clone());
            let (_, names) = entry.or_insert_with(|| (current.1.clone(), BTreeSet::new()));
            let labels = labels.split('}').next().unwrap().split(',');
            let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            names.extend(labels.filter(|label| label != "le"));
        }
    }
    all
}

fn documented() -> Told {
    let page = include_str!("../../../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        let [name, kind, labels, ..] = cells.as_slice() else { return None };
        let labels = labels.split(", ").map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        Some((name.trim_end_matches('`').to_owned(), ((*kind).to_owned(), labels)))
    });
    rows.filter(|(name, _)| name.starts_with("skep_") || name.starts_with("process_")).collect()
}

#[test]
fn what_is_served_is_what_the_page_says() {
    assert_eq!(parsed(&told()), documented());
}

#[test]
fn the_text_is_as_it_is() {
    let volatile = |line: &&str| {
        !line.starts_with("process_") && !line.starts_with("skep_last_success_timestamp_seconds ")
    };
    let text = told();
    let mut lines: Vec<&str> = text.lines().filter(volatile).collect();
    // Only buckets have an order; that of other samples of a metric is chance.
    let is_free = |line: &&str| !line.starts_with('#') && !line.contains("le=");
    for samples in lines.chunk_by_mut(|a, b| is_free(a) && is_free(b)) {
        samples.sort_unstable();
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// The names of metrics of ours in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("skep_"));
    words.map(|name| name.strip_suffix("_bucket").unwrap_or(name)).collect()
}

#[test]
fn examples_ask_for_metrics_that_there_are() {
    let known = documented();
    let alerts = include_str!("../../../../examples/prometheus/alerts.yml");
    let dashboard = include_str!("../../../../examples/grafana/skep.json");
    for text in [alerts, dashboard] {
        let named = named(text);
        assert!(named.len() > 5, "{named:?}");
        let unknown: Vec<_> = named.into_iter().filter(|name| !known.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
    let page = include_str!("../../../../docs/metrics.md");
    let (_, worth_having) = page.split_once("## Alerts worth having").unwrap();
    let missing: Vec<_> = named(worth_having).difference(&named(alerts)).copied().collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_happens_for_the_first_time_is_an_increase() {
    let metrics = Metrics::default();
    let (_, reports) = watch::channel(Arc::new(example::report()));
    let exposition = Exposition::new(&metrics, reports, Vec::new());
    metrics.begin_target("chat");
    let mut tally = Tally::new(metrics);
    tally.passed(
        &Reasons::default(),
        Instant::now(),
        (0, 0),
        std::iter::empty(),
        &example::report().stacks,
    );
    let text = exposition.text().unwrap();
    for zero in [
        r#"skep_notifications_total{target="chat",outcome="failed"} 0"#,
        r#"skep_notifications_total{target="chat",outcome="dropped"} 0"#,
        r#"skep_drift_found_total{source="main",stack="shop"} 0"#,
        r#"skep_drift_repaired_total{source="main",stack="shop"} 0"#,
    ] {
        assert!(text.lines().any(|line| line == zero), "{zero}\n{text}");
    }
}

/// One of Prometheus's programs: that which `scripts/prometheus` has fetched, else that of this machine. `None` where there
/// is none.
fn promtool(arguments: &[&str]) -> Option<Child> {
    let folder = std::env::var_os("SKEP_TEST_PROMETHEUS").unwrap_or_default();
    let promtool = Command::new(Path::new(&folder).join("promtool"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match promtool {
        Ok(promtool) => Some(promtool),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: there is no promtool (scripts/prometheus fetches one)");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_first_message_that_is_lost_raises_an_alert_which_ends_after_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/prometheus/alerts.yml");
    let file = folder.path().join("test.yml");
    let text = r#"
rule_files: ['RULES']
tests:
  - interval: 1m
    input_series:
      - { series: 'skep_notifications_total{target="chat",outcome="sent"}', values: '0+1x105' }
      - { series: 'skep_notifications_total{target="chat",outcome="failed"}', values: '0x5 1x100' }
    alert_rule_test:
      - { alertname: SkepMessagesLost, eval_time: 4m }
      - alertname: SkepMessagesLost
        eval_time: 8m
        exp_alerts:
          - exp_labels: { severity: warning, target: chat, outcome: failed }
            exp_annotations:
              summary: Messages to chat do not arrive
              description: They were given up, or too many of them wait. The log of skep says why.
      - { alertname: SkepMessagesLost, eval_time: 70m }
"#;
    fs::write(&file, text.replace("RULES", rules.to_str().unwrap())).unwrap();
    let Some(promtool) = promtool(&["test", "rules", file.to_str().unwrap()]) else { return };
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Prometheus's own checker knows the older text form, in which a counter's name ends in `_total` everywhere.
#[test]
fn prometheus_finds_no_fault_with_names_and_texts() {
    let text = told();
    let counters: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let infos: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" info"))
        .collect();
    let older = |line: &str| -> String {
        let Some((of, rest)) =
            ["# TYPE ", "# HELP "].iter().find_map(|word| Some((*word, line.strip_prefix(word)?)))
        else {
            return line.to_owned();
        };
        let (name, rest) = rest.split_once(' ').unwrap();
        if counters.contains(&name) {
            format!("{of}{name}_total {rest}")
        } else if infos.contains(&name) {
            format!("{of}{name}_info {}", rest.replace("info", "gauge"))
        } else {
            line.to_owned()
        }
    };
    let is_known = |line: &&str| !line.starts_with("# UNIT ") && *line != "# EOF";
    let older: Vec<String> = text.lines().filter(is_known).map(older).collect();
    let older = older.join("\n") + "\n";
    let Some(mut promtool) = promtool(&["check", "metrics"]) else { return };
    promtool.stdin.take().unwrap().write_all(older.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8(said).unwrap(), "", "{older}");
    assert!(output.status.success());
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_on_its_way_until_everything_is_ready_or_the_next_one_comes() {
    let mut deliveries = Deliveries::default();
    let source = "main".parse().unwrap();
    let first = Instant::now();
    assert_eq!(deliveries.ready(&source, first), None);
    assert!(!deliveries.found(&source, first));
    advance(Duration::from_secs(5)).await;
    assert!(deliveries.found(&source, Instant::now()), "the first one never arrived");
    advance(Duration::from_secs(3)).await;
    assert_eq!(deliveries.ready(&source, Instant::now()), Some(Duration::from_secs(3)));
    assert_eq!(deliveries.ready(&source, Instant::now()), None, "it arrives once");
}
