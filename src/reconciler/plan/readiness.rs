//! What a declared stack lacks before it is as declared and healthy.

use crate::diff::document::{Action, HoldClass};
use crate::model::desired::DesiredStack;
use crate::model::key::{Kind, ObjectKey};

use super::super::health;
use super::context::Context;
use super::draft::StackDraft;

/// The first thing that a stack lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lack {
    /// Who can end it.
    pub(super) class: HoldClass,
    /// What is not as it should be.
    pub(super) object: ObjectKey,
    /// In what way.
    pub(super) way: Way,
}

/// In what way an object is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It is to be written, and this many other objects as well.
    Unwritten(usize),
    /// It is not healthy; its state in a few words.
    Unhealthy(String),
}

/// What `stack`, planned in `draft`, lacks; removals and routes do not count.
pub(super) fn lack(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &StackDraft<'_>,
) -> Option<Lack> {
    let mut written = draft.entries.iter().filter(|entry| {
        entry.change.action != Action::Remove && entry.change.object.kind != Kind::Route
    });
    if let Some(entry) = written.next() {
        let is_standing = entry.change.is_standing();
        return Some(Lack {
            class: if is_standing { HoldClass::Standing } else { HoldClass::Waiting },
            object: entry.change.object.clone(),
            way: Way::Unwritten(written.count()),
        });
    }
    let unhealthy = |name: &str| {
        let health = context.health.get(name)?.clone().where_live_is_declared();
        let is_progressing = health.verdict.is_progressing();
        (is_progressing || !health.verdict.is_healthy()).then(|| Lack {
            class: if is_progressing { HoldClass::Waiting } else { HoldClass::Standing },
            object: ObjectKey::new(Kind::Service, name),
            way: Way::Unhealthy(health::describe(&health)),
        })
    };
    stack.services.iter().find_map(|service| unhealthy(&service.spec.name))
}

impl Lack {
    /// The object and the others that are to be written with it: `service shop_web and 1 other change`.
    pub(super) fn objects(&self) -> String {
        let Self { class: _, object, way } = self;
        match way {
            Way::Unhealthy(_) | Way::Unwritten(0) => object.to_string(),
            Way::Unwritten(1) => format!("{object} and 1 other change"),
            Way::Unwritten(others) => format!("{object} and {others} other changes"),
        }
    }
}
