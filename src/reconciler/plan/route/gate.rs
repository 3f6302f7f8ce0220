//! Gates: what a route waits for before requests go to its service.

use crate::diff::document::{Action, After, Change, Effect, Hold, HoldClass, HoldCode, Need};
use crate::model::key::{Kind, ObjectKey};

use super::super::super::health::describe;
use super::super::context::Context;
use super::super::draft::StackDraft;

/// What is to become of requests for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// They go where they went.
    None,
    /// They go to another service or port than before, or are answered for the first time.
    New,
    /// They go where they went until the proxy lost the route.
    Back,
}

/// What the route waits for, if it does.
pub(super) fn check(
    context: &Context<'_>,
    service: &str,
    turn: Turn,
    draft: &StackDraft<'_>,
) -> Option<(After, Hold)> {
    let object = ObjectKey::new(Kind::Service, service);
    let health = context.health.get(service);
    let need = match turn {
        Turn::None => return None,
        Turn::Back if health.is_some_and(|health| health.running > 0) => return None,
        Turn::Back => Need::Started,
        Turn::New => Need::Healthy,
    };
    let hold = |class: HoldClass, words: String| {
        let hold = Hold { class, ..Hold::new(HoldCode::WaitsForHealth, words) };
        Some((After { object: object.clone(), need }, hold.needs(object.clone())))
    };
    let mut entries = draft.entries.iter().map(|entry| &entry.change);
    let pending = entries.find(|change| change.object == object && starts_tasks(change));
    match (pending, health) {
        (Some(change), _) if change.is_standing() || draft.is_held() => {
            hold(HoldClass::Standing, format!("waits for {object}, which is held"))
        }
        (Some(_), _) => hold(HoldClass::Waiting, format!("waits until {object} {need}")),
        (None, None) => hold(HoldClass::Waiting, format!("waits until {object} exists")),
        (None, Some(health)) if turn == Turn::New && health.proven > 0 => None,
        (None, Some(health)) => {
            let is_progressing = health.verdict.is_progressing();
            let class = if is_progressing { HoldClass::Waiting } else { HoldClass::Standing };
            hold(class, format!("waits for {object}: {}", describe(health)))
        }
    }
}

/// Whether other tasks than those that run now come with a change.
fn starts_tasks(change: &Change) -> bool {
    change.action != Action::Remove
        && match change.effect {
            Effect::None | Effect::InPlace { .. } => change.action == Action::Replace,
            Effect::Starts { .. }
            | Effect::Rolls { .. }
            | Effect::RunsJob { .. }
            | Effect::Downtime { .. }
            | Effect::Stops { .. } => true,
        }
}
