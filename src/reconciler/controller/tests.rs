//! The loop on a clock that tests move: sources and passes are scripted, everything else is real.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::agenda::Timing;
use super::ask::{Ask, Until};
use super::bell::{Bell, Trigger};
use super::engine::EngineReport;
use super::metrics::Metrics;
use super::pass::{Manner, Memory, Passed, Work};
use super::passes::Passes;
use super::pulse::Pulse;
use super::reason::Reason;
use super::report::{Report, SettingsReport};
use super::run::{Controller, Identity, Instruments};
use super::source::{FetchFailure, Remedy};
use super::sources::{Look, Otherwise, Plan, Planned, Sources};
use crate::diff::document::EngineRef;
use crate::model::live::ApiVersion;
use crate::model::name::SourceName;
use crate::reconciler::status::{self, Health, Status, Sync};
use crate::reconciler::suspension::Suspensions;
use crate::swarm::{Failure, SwarmError};

/// What happened, by seconds since the start.
type Diary = Arc<Mutex<Vec<(&'static str, f64)>>>;

/// A source that takes two seconds to say that it has nothing.
struct Script {
    begun: Instant,
    diary: Diary,
    sources: &'static [&'static str],
}

impl Script {
    fn note(&self, what: &'static str) {
        self.diary.lock().unwrap().push((what, self.begun.elapsed().as_secs_f64()));
    }
}

impl Sources for Script {
    fn look(&self, _: &SourceName, _: Instant, _: Otherwise) -> Look {
        self.note("look");
        Box::pin(async {
            sleep(Duration::from_secs(2)).await;
            let reason = "there is nothing".to_owned();
            Err(FetchFailure { reason, hint: None, remedy: Remedy::Change })
        })
    }

    fn reload(&mut self) -> Plan {
        let timing = Timing::default();
        let planned = |name: &&str| Planned { name: name.parse().unwrap(), poll: timing.poll };
        let sources = self.sources.iter().map(planned).collect();
        Plan { sources, timing, settings: SettingsReport::default() }
    }
}

/// An engine that answers after a second, or not at all.
struct Engine {
    script: Script,
    is_gone: watch::Receiver<bool>,
    moving: watch::Receiver<bool>,
    is_stuck: watch::Receiver<bool>,
}

impl Passes for Engine {
    async fn pass(
        &mut self,
        _: &mut [Work<'_>],
        _: &mut Memory,
        _: Manner<'_>,
        _: &watch::Receiver<bool>,
    ) -> Result<Option<Passed>, SwarmError> {
        self.script.note("pass");
        if *self.is_stuck.borrow() {
            std::future::pending::<()>().await;
        }
        sleep(Duration::from_millis(1)).await;
        if *self.is_gone.borrow() {
            let failure = Failure::NoLeader { message: "none".to_owned() };
            return Err(SwarmError { operation: "list services".into(), failure });
        }
        let status = Status {
            format_version: status::FORMAT_VERSION,
            fleet: "f".to_owned(),
            engine: EngineRef { api: ApiVersion { major: 1, minor: 51 }, version: String::new() },
            observed_at: Timestamp::UNIX_EPOCH,
            sync: Sync::Synced,
            health: Health::Healthy,
            stacks: Vec::new(),
        };
        Ok(Some(Passed {
            sources: Vec::new(),
            status,
            sight: Arc::default(),
            suspensions: Suspensions::default(),
            performed: 0,
            failed: 0,
            moving: *self.moving.borrow(),
            again: None,
        }))
    }

    fn engines(&self) -> Vec<EngineReport> {
        Vec::new()
    }
}

/// A controller on a scripted world, and the ways to it.
struct Stage {
    bell: Bell,
    asks: mpsc::Sender<Ask>,
    stop: watch::Sender<bool>,
    is_gone: watch::Sender<bool>,
    moving: watch::Sender<bool>,
    is_stuck: watch::Sender<bool>,
    pulse: Pulse,
    reports: watch::Receiver<Arc<Report>>,
    diary: Diary,
    run: tokio::task::JoinHandle<()>,
}

impl Stage {
    fn begin() -> Self {
        Self::of(&["main"], || 0.5)
    }

    fn of(sources: &'static [&'static str], chance: fn() -> f64) -> Self {
        let (diary, begun) = (Diary::default(), Instant::now());
        let script = || Script { begun, diary: Arc::clone(&diary), sources };
        let ((is_gone, gone), (moving, moves)) = (watch::channel(false), watch::channel(false));
        let (is_stuck, stuck) = watch::channel(false);
        let engine = Engine { script: script(), is_gone: gone, moving: moves, is_stuck: stuck };
        let fleet = "f".parse().unwrap();
        let identity = Identity { fleet, resume: "skep resume".to_owned(), chance };
        let pulse = Pulse::new(Arc::default());
        let instruments = Instruments { metrics: Metrics::default(), pulse: pulse.clone() };
        let (controller, reports) = Controller::new(identity, script(), engine, instruments);
        let (bell, (asks, asked), (stop, stopped)) =
            (Bell::default(), mpsc::channel(4), watch::channel(false));
        let heard = bell.clone();
        let run = tokio::spawn(async move { controller.run(&heard, asked, stopped).await });
        Self { bell, asks, stop, is_gone, moving, is_stuck, pulse, reports, diary, run }
    }

    /// What happened since the last call, after this many more seconds.
    async fn after(&self, seconds: f64) -> Vec<(&'static str, f64)> {
        sleep(Duration::from_secs_f64(seconds)).await;
        std::mem::take(&mut *self.diary.lock().unwrap())
    }
}

fn passes(diary: &[(&'static str, f64)]) -> Vec<f64> {
    let passes = diary.iter().filter(|(what, _)| *what == "pass");
    passes.map(|(_, at)| (at * 10.0).round() / 10.0).collect()
}

#[tokio::test(start_paused = true)]
async fn an_idle_controller_looks_every_minute_and_compares_every_five() {
    let stage = Stage::begin();
    let diary = stage.after(950.0).await;
    assert_eq!(passes(&diary), [2.0, 302.0, 602.0, 902.0]);
    let looks = diary.iter().filter(|(what, _)| *what == "look").count();
    assert!((15..=16).contains(&looks), "{looks} looks: {diary:?}");
}

/// As uneven as can be.
fn uneven() -> f64 {
    static TURN: AtomicBool = AtomicBool::new(false);
    f64::from(u8::from(TURN.fetch_xor(true, Ordering::SeqCst)))
}

#[tokio::test(start_paused = true)]
async fn sources_are_looked_at_together_although_their_times_are_spread() {
    let stage = Stage::of(&["a", "b"], uneven);
    let diary = stage.after(3_600.0).await;
    let looks: Vec<f64> =
        diary.iter().filter(|(what, _)| *what == "look").map(|(_, at)| *at).collect();
    assert!((110..=126).contains(&looks.len()), "{}", looks.len());
    let apart = looks.chunks(2).find(|pair| pair.first() != pair.last());
    assert_eq!(apart, None);
}

#[tokio::test(start_paused = true)]
async fn an_ask_is_answered_by_a_look_and_a_pass_that_began_after_it() {
    let stage = Stage::begin();
    // A look of before is under way, and does not count.
    stage.after(1.0).await;
    let (answer, answered) = oneshot::channel();
    let ask = Ask { stacks: Vec::new(), until: Until::Passed, answer };
    stage.asks.send(ask).await.unwrap();
    let begun = Instant::now();
    let report = answered.await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
    let last = report.last_pass.as_ref().unwrap();
    assert!(last.reasons.has(Reason::Asked), "{}", last.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_gone_is_asked_less_and_less_often_and_at_once_when_it_is_back() {
    let stage = Stage::begin();
    stage.is_gone.send_replace(true);
    let diary = stage.after(40.0).await;
    let gaps: Vec<f64> =
        passes(&diary).windows(2).map(|pair| (pair[1] - pair[0]).round()).collect();
    assert_eq!(gaps, [1.0, 2.0, 4.0, 7.0, 14.0]);
    assert!(stage.reports.borrow().trouble.is_some());
    // Events without end do not make it come sooner.
    for _ in 0..20 {
        stage.bell.ring(Trigger::Pass(Reason::Event));
        assert!(passes(&stage.after(0.1).await).is_empty());
    }
    stage.is_gone.send_replace(false);
    stage.bell.ring(Trigger::Pass(Reason::Gap));
    assert_eq!(passes(&stage.after(0.1).await).len(), 1);
    assert!(stage.reports.borrow().trouble.is_none());
}

#[tokio::test(start_paused = true)]
async fn events_without_end_make_two_passes_a_second_at_most() {
    let stage = Stage::begin();
    stage.after(3.0).await;
    let mut passes_made = 0;
    for _ in 0..100 {
        stage.bell.ring(Trigger::Pass(Reason::Event));
        passes_made += passes(&stage.after(0.05).await).len();
    }
    assert!((9..=10).contains(&passes_made), "{passes_made} passes in five seconds");
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_looked_at_until_it_has_arrived() {
    let stage = Stage::begin();
    stage.moving.send_replace(true);
    let made = passes(&stage.after(25.0).await);
    assert_eq!(made, [2.0, 4.0, 8.0, 13.0, 18.0, 23.0]);
    stage.moving.send_replace(false);
    assert_eq!(passes(&stage.after(250.0).await).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_it_while_it_waits_for_a_source() {
    let stage = Stage::begin();
    stage.after(0.5).await;
    stage.stop.send_replace(true);
    stage.run.await.unwrap();
    assert!(stage.diary.lock().unwrap().iter().all(|(what, _)| *what == "look"));
}

#[tokio::test(start_paused = true)]
async fn the_pulse_is_felt_while_there_is_nothing_to_do_and_not_in_a_pass_that_hangs() {
    let stage = Stage::begin();
    for _ in 0..100 {
        stage.after(3.0).await;
        assert!(stage.pulse.silence() <= Duration::from_secs(10), "{:?}", stage.pulse.silence());
    }
    stage.is_stuck.send_replace(true);
    stage.bell.ring(Trigger::Everything);
    stage.after(100.0).await;
    assert!(stage.pulse.is_felt(), "an engine may take its time");
    stage.after(30.0).await;
    assert!(!stage.pulse.is_felt());
}
