//! The last words of an apply: what was done, what is not healthy, what is held and how to go on.

use std::fmt::Write as _;

use crate::diff::document::{Change, Document, Hold, HoldCode};
use crate::diff::render::{Look, Role, clean};
use crate::model::key::{Kind, ObjectKey};
use crate::reconciler::health::{self, ServiceHealth, Verdict as Judgement};
use crate::reconciler::outcome::{self, Verdict};
use crate::reconciler::pass::{Ended, Wait};
use crate::reconciler::plan::Plan;

use super::exit::ExitCode;
use super::paragraph::{item, paragraph};
use super::progress::Tally;
use super::trouble;

/// How a run ended, for the shell.
pub(super) fn exit(ended: &Ended, wait: Wait, tally: &Tally, invalid: bool) -> ExitCode {
    if ended.interrupted {
        return ExitCode::Interrupted;
    }
    let mut code = if invalid { ExitCode::Failed } else { ExitCode::Fine };
    if !ended.stale.is_empty() {
        code = code.worst(ExitCode::StalePlan);
    }
    if ended.stalled {
        code = code.worst(ExitCode::NotHealthy);
    }
    let is_well = known(&ended.plan, wait).all(|(_, health)| health.verdict.is_healthy());
    let health = if is_well { Verdict::Done } else { Verdict::Unhealthy };
    let verdict = outcome::of_holds(&ended.plan.document).max(health);
    if wait == Wait::No {
        if tally.failed > 0 {
            code = code.worst(ExitCode::Failed);
        }
        if !tally.deferred.is_empty() {
            code = code.worst(ExitCode::NotHealthy);
        }
    }
    code.worst(match verdict {
        Verdict::Done => ExitCode::Fine,
        Verdict::Unhealthy => ExitCode::NotHealthy,
        Verdict::Blocked => ExitCode::Blocked,
        Verdict::Failed => ExitCode::Failed,
    })
}

/// How the services are, as far as the last plan can know. That of a single pass is older than its writes: it knows of those
/// that it does not write and that will not become healthy by waiting.
fn known(plan: &Plan, wait: Wait) -> impl Iterator<Item = (&String, &ServiceHealth)> {
    let is_written = |name: &String| {
        let mut steps = plan.steps.iter().map(|step| &step.object);
        steps.any(|object| object.kind == Kind::Service && object.name == *name)
    };
    plan.health.iter().filter(move |(name, health)| match wait {
        Wait::UntilSettled => true,
        Wait::No => {
            !health.verdict.is_healthy() && !health.verdict.is_progressing() && !is_written(name)
        }
    })
}

/// The last words as text.
pub(super) fn text(ended: &Ended, wait: Wait, tally: &Tally, look: Look) -> String {
    let Ended { plan, observed: _, performed: _, interrupted, stalled, stale } = ended;
    let mut text = headline(ended, wait, tally, look);
    for (name, health) in known(plan, wait).filter(|(_, health)| !health.verdict.is_healthy()) {
        let name = look.palette.paint(Role::Strong, name);
        let _ = writeln!(text, "  service {name}: {}", health::state(health));
        text.push_str(&trouble::paragraphs(health, None, look));
    }
    if *stalled {
        text.push_str("  nothing has moved for too long; what still waits is below\n");
    }
    for stale in stale {
        let _ = writeln!(text, "  {}", clean(&stale.to_string()));
    }
    if !stale.is_empty() {
        text.push_str("Plan again to see what would change now.\n");
    }
    text.push_str(&holds(&plan.document, look));
    if *interrupted {
        text.push_str(
            "Interrupted. Nothing is half-written; the next skep apply goes on from here.\n",
        );
    }
    text
}

fn headline(ended: &Ended, wait: Wait, tally: &Tally, look: Look) -> String {
    let strong = |words: &str| look.palette.paint(Role::Strong, words);
    let mut done: Vec<String> =
        tally.done.iter().map(|(done, count)| format!("{count} {done}")).collect();
    if !tally.unanswered.is_empty() {
        done.push(format!("{} without an answer", tally.unanswered.len()));
    }
    let wrote = if done.is_empty() {
        "Nothing was written.".to_owned()
    } else {
        format!("Applied: {}.", done.join(", "))
    };
    let services = ended.plan.health.len();
    let bad = ended.plan.health.values().filter(|health| !health.verdict.is_healthy()).count();
    let broken = known(&ended.plan, wait).count();
    let restored = ended.plan.health.values().filter(|health| is_restored(health)).count();
    let health = match (wait, services, bad) {
        (Wait::No, _, _) => {
            let waited = if done.is_empty() { "" } else { " Not waited for health." };
            let broken = match broken {
                0 => String::new(),
                1 => " 1 service is not healthy.".to_owned(),
                broken => format!(" {broken} services are not healthy."),
            };
            format!("{waited}{broken}")
        }
        (Wait::UntilSettled, 0, _) => String::new(),
        (Wait::UntilSettled, 1, 0) => " The service is healthy.".to_owned(),
        (Wait::UntilSettled, _, 0) => format!(" All {services} services are healthy."),
        (Wait::UntilSettled, _, _) if ended.interrupted => {
            format!(" {bad} of {services} services were not healthy yet.")
        }
        (Wait::UntilSettled, 1, _) if restored == 1 => {
            " The release failed; the one before it serves again.".to_owned()
        }
        (Wait::UntilSettled, 1, _) => " The service is not healthy.".to_owned(),
        (Wait::UntilSettled, _, _) if restored == bad => {
            format!(
                " The releases of {bad} of {services} services failed; those before serve again."
            )
        }
        (Wait::UntilSettled, _, _) => format!(" {bad} of {services} services are not healthy."),
    };
    format!("{}{health}\n", strong(&wrote))
}

/// Whether a release failed and the one before it runs as it should.
fn is_restored(health: &ServiceHealth) -> bool {
    health.verdict == Judgement::RolledBack && health.ready >= health.wanted
}

/// Every hold with the object that it concerns and how to end it.
fn holds(document: &Document, look: Look) -> String {
    let mut text = String::new();
    let mut line = |what: Option<&Change>, hold: &Hold| {
        text.push_str(&held(what.map(|change| &change.object), hold, look));
    };
    for hold in &document.holds {
        line(None, hold);
    }
    for change in &document.fleet_changes {
        for hold in &change.holds {
            line(Some(change), hold);
        }
    }
    for stack in &document.stacks {
        for hold in &stack.holds {
            line(None, hold);
        }
        for change in &stack.changes {
            // What holds the whole stack was said once.
            let own = change.holds.iter().filter(|hold| hold.code != HoldCode::Paused);
            for hold in own {
                line(Some(change), hold);
            }
        }
    }
    text
}

/// One hold with the object that it concerns and how to end it.
pub(super) fn held(object: Option<&ObjectKey>, hold: &Hold, look: Look) -> String {
    let object = object.map_or_else(String::new, |object| format!("{object}: "));
    let (role, word) =
        if hold.is_standing() { (Role::Standing, "held") } else { (Role::Waiting, "waits") };
    let mut text = item((role, word), &format!("{object}{}", hold.reason), look);
    if let Some(unblock) = &hold.unblock {
        text.push_str(&paragraph(unblock, 4, Role::Command, look));
    }
    text
}
