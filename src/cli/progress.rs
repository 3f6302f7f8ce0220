//! What is seen while plans are carried out: a small block that redraws itself on a terminal, plain lines elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use crate::diff::document::{HoldClass, StackSection};
use crate::diff::render::{Glyphs, Look, Role, clean};
use crate::model::key::{Kind, ObjectKey};
use crate::reconciler::event::Event;
use crate::reconciler::health::{self, ServiceHealth, Verdict};
use crate::reconciler::plan::Plan;

use super::trouble;

/// How many services the block shows at most.
const MAX_ROWS: usize = 12;
/// Lines of a terminal that the block leaves alone: what cannot be seen cannot be taken back.
const LINES_ABOVE: usize = 3;
/// One turn of the sign of work.
const UNICODE_TURN: [&str; 8] = ["⣷", "⣯", "⣟", "⡿", "⢿", "⣻", "⣽", "⣾"];
/// The same where there is only ASCII.
const ASCII_TURN: [&str; 4] = ["|", "/", "-", "\\"];

/// Turns events into text for standard error.
#[derive(Debug)]
pub(super) struct Progress {
    look: Look,
    /// Whether there is a block that redraws itself.
    live: bool,
    /// How many services there is room for.
    room: usize,
    /// How many lines of the block stand on the screen.
    drawn: usize,
    turn: usize,
    rows: BTreeMap<String, Row>,
    /// What was said of each service since it was last well, where each news is a line.
    said: BTreeMap<String, BTreeSet<String>>,
    tally: Tally,
    /// Whether the engine was out of reach when last asked.
    blind: bool,
}

/// How many steps ended in which way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Steps that were performed, by what was done: `created`.
    pub(super) done: BTreeMap<&'static str, usize>,
    /// Steps that the Engine refused for good.
    pub(super) failed: usize,
    /// Objects that may have been written although the answer was lost.
    pub(super) unanswered: BTreeSet<ObjectKey>,
    /// Objects whose steps a later pass must look at again.
    pub(super) deferred: BTreeSet<ObjectKey>,
}

/// What is said of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    state: State,
    /// `rolling (2/6, batch 2 of 3)`
    words: String,
    /// What goes wrong, in Swarm's words.
    trouble: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Bad,
    Working,
    Waiting,
    Good,
}

impl Row {
    /// What makes it another news than one before: each step forward, but of a failure only what fails, and neither the
    /// task nor the node.
    fn essence(&self) -> String {
        let Self { state, words, trouble } = self;
        let Some(trouble) = trouble else { return words.clone() };
        let error = trouble.split_once(": ").map_or(trouble.as_str(), |(_, error)| error);
        format!("{state:?}: {error}")
    }
}

impl Progress {
    /// A progress with a block if `live`.
    pub(super) fn new(look: Look, live: bool) -> Self {
        Self {
            look,
            live,
            room: MAX_ROWS,
            drawn: 0,
            turn: 0,
            rows: BTreeMap::new(),
            said: BTreeMap::new(),
            tally: Tally::default(),
            blind: false,
        }
    }

    /// Fits the block, when it is next drawn, into a terminal of this size.
    pub(super) fn fit(&mut self, columns: usize, lines: usize) {
        self.look.width = columns;
        self.room = lines.saturating_sub(LINES_ABOVE).clamp(1, MAX_ROWS);
    }

    /// How the steps ended so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The text for an event.
    pub(super) fn event(&mut self, event: &Event<'_>) -> String {
        match event {
            Event::Planned { pass: _, plan } => {
                let again =
                    if self.blind { self.say("the engine answers again\n") } else { String::new() };
                self.blind = false;
                let news = self.update(plan);
                again + &if self.live { self.redraw() } else { news }
            }
            Event::Performed { done, object, again, warnings } => {
                *self.tally.done.entry(done).or_default() += 1;
                self.tally.deferred.remove(object);
                self.tally.unanswered.remove(object);
                let again =
                    if *again { " again: somebody else changed it after this run" } else { "" };
                let mut text = format!("{} {object}{again}\n", self.paint(Role::Added, done));
                for warning in warnings {
                    let _ = writeln!(text, "  the engine warns: {}", clean(warning));
                }
                self.say(&text)
            }
            Event::Deferred { object, reason, may_have_happened } => {
                if *may_have_happened {
                    self.tally.unanswered.insert((*object).clone());
                }
                if !self.tally.deferred.insert((*object).clone()) {
                    return String::new();
                }
                let reason = clean(reason);
                self.say(&format!("{} {object}: {reason}\n", self.paint(Role::Waiting, "deferred")))
            }
            Event::Failed { object, reason } => {
                self.tally.failed += 1;
                self.tally.deferred.remove(object);
                let reason = clean(reason);
                self.say(&format!("{} {object}: {reason}\n", self.paint(Role::Removed, "failed")))
            }
            Event::Unreachable { reason: _ } if self.blind => String::new(),
            Event::Unreachable { reason } => {
                self.blind = true;
                let word = self.paint(Role::Costly, "unreachable");
                self.say(&format!("{word} {}; trying again\n", clean(reason)))
            }
        }
    }

    /// The text that moves the sign of work on.
    pub(super) fn tick(&mut self) -> String {
        if !self.live || self.drawn == 0 {
            return String::new();
        }
        self.turn += 1;
        self.redraw()
    }

    /// A line of somebody else, above the block.
    pub(super) fn say(&mut self, line: &str) -> String {
        let mut text = self.erase();
        text.push_str(line);
        text.push_str(&self.block());
        text
    }

    /// The text that takes the block away.
    pub(super) fn erase(&mut self) -> String {
        let lines = std::mem::take(&mut self.drawn);
        match (self.live, lines) {
            (false, _) => String::new(),
            // The cursor may stand behind keys that the terminal has echoed, such as ^C.
            (true, 0) => "\r".to_owned(),
            (true, _) => format!("\r\u{1b}[{lines}A\u{1b}[J"),
        }
    }

    fn redraw(&mut self) -> String {
        let mut text = self.erase();
        text.push_str(&self.block());
        text
    }

    /// Takes over what a plan says of its services; returns a line for each that says something new. A service that fails
    /// again and again, now on this node, now on that one, is said to once.
    fn update(&mut self, plan: &Plan) -> String {
        let mut news = String::new();
        for (name, row) in rows(plan) {
            let known = self.rows.get(&name);
            if known == Some(&row) || (known.is_none() && row.state == State::Good) {
                continue;
            }
            let said = self.said.entry(name.clone()).or_default();
            if row.state == State::Good {
                said.clear();
            }
            if said.insert(row.essence()) {
                let Row { state: _, words, trouble } = &row;
                let trouble = trouble.as_ref().map_or_else(String::new, |gist| format!(": {gist}"));
                let _ = writeln!(news, "service {name}: {words}{trouble}");
            }
            self.rows.insert(name, row);
        }
        news
    }

    fn block(&mut self) -> String {
        if !self.live || self.rows.values().all(|row| row.state == State::Good) {
            return String::new();
        }
        let mut rows: Vec<(&String, &Row)> = self.rows.iter().collect();
        rows.sort_by_key(|(name, row)| (row.state, *name));
        let width = rows.iter().take(self.room).map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, row) in rows.iter().take(self.room) {
            text.push_str(&self.line(name, width, row));
            text.push('\n');
        }
        self.drawn = rows.len().min(self.room);
        if let Some(more) = rows.len().checked_sub(self.room).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more");
            self.drawn += 1;
        }
        text
    }

    /// One line, never longer than the terminal is wide: a wrapped one would break the redrawing.
    fn line(&self, name: &str, width: usize, row: &Row) -> String {
        let Row { state, words, trouble } = row;
        let (role, sign) = match (state, self.look.glyphs) {
            (State::Good, Glyphs::Unicode) => (Role::Added, "✓"),
            (State::Good, Glyphs::Ascii) => (Role::Added, "+"),
            (State::Bad, Glyphs::Unicode) => (Role::Removed, "✗"),
            (State::Bad, Glyphs::Ascii) => (Role::Removed, "x"),
            (State::Waiting, Glyphs::Unicode) => (Role::Quiet, "…"),
            (State::Waiting, Glyphs::Ascii) => (Role::Quiet, "."),
            (State::Working, Glyphs::Unicode) => (Role::Waiting, turned(&UNICODE_TURN, self.turn)),
            (State::Working, Glyphs::Ascii) => (Role::Waiting, turned(&ASCII_TURN, self.turn)),
        };
        let mut rest = self.look.width.saturating_sub(1);
        let head = cut(&format!("  {name:width$}  "), &mut rest);
        let sign = cut(sign, &mut rest);
        let words = cut(&format!(" {words}"), &mut rest);
        let trouble = trouble.as_ref().map_or_else(String::new, |gist| format!("   {gist}"));
        let trouble = cut(&trouble, &mut rest);
        format!("{head}{}{words}{}", self.paint(role, &sign), self.paint(Role::Removed, &trouble))
    }

    fn paint(&self, role: Role, text: &str) -> String {
        self.look.palette.paint(role, text)
    }
}

fn turned(turn: &[&'static str], at: usize) -> &'static str {
    turn.iter().cycle().nth(at % turn.len().max(1)).copied().unwrap_or_default()
}

/// As much of `text` as fits into `rest` columns, which are taken away from it.
fn cut(text: &str, rest: &mut usize) -> String {
    let mut fitting = String::with_capacity(text.len());
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if columns > *rest {
            *rest = 0;
            break;
        }
        *rest -= columns;
        fitting.push(c);
    }
    fitting
}

/// What a plan says of its services: how they are, and what they wait for.
fn rows(plan: &Plan) -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> =
        plan.health.iter().map(|(name, health)| (name.clone(), row(health))).collect();
    let changes = plan.document.stacks.iter().flat_map(|StackSection { changes, .. }| changes);
    for change in changes.filter(|change| change.object.kind == Kind::Service) {
        let mut waiting = change.holds.iter().filter(|hold| hold.class == HoldClass::Waiting);
        if let Some(hold) = waiting.next().filter(|_| !change.is_standing()) {
            let words = clean(&hold.reason);
            let row = Row { state: State::Waiting, words, trouble: None };
            rows.insert(change.object.name.clone(), row);
        }
    }
    rows
}

fn row(health: &ServiceHealth) -> Row {
    let state = match health.verdict {
        Verdict::Converged | Verdict::JobComplete => State::Good,
        Verdict::Rolling
        | Verdict::RollingBack
        | Verdict::Struggling
        | Verdict::Pending
        | Verdict::JobRunning => State::Working,
        Verdict::RolledBack
        | Verdict::Paused
        | Verdict::Failing
        | Verdict::TimedOut
        | Verdict::JobFailed => State::Bad,
    };
    Row { state, words: health::state(health), trouble: trouble::gist(health) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diff::document::{
        Action, Change, Document, Effect, EngineRef, FORMAT_VERSION, Hold, HoldCode, Summary,
    };
    use crate::diff::render::Palette;
    use crate::model::live::{ApiVersion, TaskState};
    use crate::reconciler::health::TaskFailure;

    fn health(verdict: Verdict, ready: u64, failure: Option<&str>) -> ServiceHealth {
        let failure = failure.map(|error| TaskFailure {
            task: "id".to_owned(),
            slot: 2,
            node: Some("node1".to_owned()),
            state: TaskState::Failed,
            error: error.to_owned(),
            exit_code: Some(1),
            at: jiff::Timestamp::UNIX_EPOCH,
            log: None,
        });
        let reason = failure.as_ref().map(|_| health::Reason::TaskEnded);
        ServiceHealth {
            verdict,
            reason,
            ready,
            proven: ready,
            wanted: 3,
            running: ready,
            rollout: None,
            message: None,
            failure,
            obstacles: Vec::new(),
        }
    }

    fn plan(health: &[(&str, ServiceHealth)], waiting: &[&str]) -> Plan {
        let changes = waiting.iter().map(|name| {
            let object = ObjectKey::new(Kind::Service, *name);
            let mut change = Change::new(object, Action::Create, Effect::None, Vec::new());
            change.holds.push(Hold::new(HoldCode::WaitsForHealth, "waits for service shop_db"));
            change
        });
        let shop = StackSection {
            name: "shop".to_owned(),
            file: None,
            services: 0,
            holds: Vec::new(),
            changes: changes.collect(),
            unchanged: 0,
            retained: Vec::new(),
        };
        let document = Document {
            format_version: FORMAT_VERSION,
            fleet: "default".to_owned(),
            source: None,
            engine: EngineRef { api: ApiVersion { major: 1, minor: 51 }, version: String::new() },
            summary: Summary::default(),
            holds: Vec::new(),
            fleet_changes: Vec::new(),
            record: None,
            stacks: vec![shop],
            findings: Vec::new(),
        };
        let health = health.iter().map(|(name, health)| ((*name).to_owned(), health.clone()));
        Plan {
            document,
            steps: Vec::new(),
            later: Vec::new(),
            images: BTreeMap::new(),
            health: health.collect(),
            routes: BTreeMap::new(),
            proxy: None,
            compiled: Arc::default(),
        }
    }

    /// What a run of a few passes prints.
    fn shown(live: bool, width: usize) -> String {
        let look = Look { width, palette: Palette::Plain, glyphs: Glyphs::Unicode };
        let mut progress = Progress::new(look, live);
        let db = ObjectKey::new(Kind::Service, "shop_db");
        let passes = [
            plan(&[("shop_old", health(Verdict::Converged, 3, None))], &["shop_db", "shop_web"]),
            plan(&[("shop_db", health(Verdict::Rolling, 1, None))], &["shop_web"]),
            plan(
                &[("shop_db", health(Verdict::Struggling, 1, Some("task: non-zero exit (1)")))],
                &["shop_web"],
            ),
            plan(&[("shop_db", health(Verdict::Converged, 3, None))], &[]),
        ];
        let mut text = String::new();
        for (pass, plan) in (1..).zip(&passes) {
            text.push_str(&progress.event(&Event::Planned { pass, plan }));
            if pass == 2 {
                for _ in 0..2 {
                    let reason = "no engine listens".to_owned();
                    text.push_str(&progress.event(&Event::Unreachable { reason }));
                }
            }
            if pass == 1 {
                let done = "created";
                let performed =
                    Event::Performed { done, object: &db, again: false, warnings: Vec::new() };
                text.push_str(&progress.event(&performed));
            }
            text.push_str(&progress.tick());
        }
        text.push_str(&progress.erase());
        text.replace('\u{1b}', "␛").replace('\r', "␍")
    }

    #[test]
    fn elsewhere_than_on_a_terminal_each_news_is_a_line() {
        insta::assert_snapshot!(shown(false, 80));
    }

    #[test]
    fn a_service_that_crashes_again_and_again_is_said_to_once() {
        let look = Look { width: 80, palette: Palette::Plain, glyphs: Glyphs::Unicode };
        let mut progress = Progress::new(look, false);
        let mut text = String::new();
        for round in 0..60 {
            let mut crashing =
                health(Verdict::Struggling, round % 3, Some("task: non-zero exit (3)"));
            if let Some(failure) = &mut crashing.failure {
                failure.slot = round % 3;
                failure.node = Some(format!("node{}", round % 5));
            }
            for health in [crashing, health(Verdict::Rolling, round % 3, None)] {
                let plan = plan(&[("shop_web", health)], &[]);
                text.push_str(&progress.event(&Event::Planned { pass: 1, plan: &plan }));
            }
        }
        let well = plan(&[("shop_web", health(Verdict::Converged, 3, None))], &[]);
        text.push_str(&progress.event(&Event::Planned { pass: 1, plan: &well }));
        insta::assert_snapshot!(text, @r"
        service shop_web: failing (0/3, a task ended), may recover: task on node0 failed: non-zero exit (3)
        service shop_web: rolling (0/3)
        service shop_web: rolling (1/3)
        service shop_web: rolling (2/3)
        service shop_web: 3/3 tasks healthy
        ");
    }

    #[test]
    fn on_a_terminal_a_block_redraws_itself_and_never_wraps() {
        insta::assert_snapshot!(shown(true, 40));
        let shown = shown(true, 40);
        let lines = shown.lines().map(|line| line.rsplit('J').next().unwrap_or(line));
        let block = lines.filter(|line| line.starts_with("  "));
        assert!(block.map(|line| line.chars().count()).max() < Some(40));
    }
}
