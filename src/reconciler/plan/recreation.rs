//! Networks that are made again: all of their services leave them, and come back once they are there.
//!
//! Swarm cannot change a network, nor remove one that the spec of a service names. A service that only left it would
//! roll while it cannot reach what it needs, fail its health check, and be rolled back onto the network by Swarm. So it
//! leaves with all of its tasks, and starts them when it comes back: that costs one restart instead of two.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::FieldPath;
use crate::model::key::{Kind, ObjectKey};
use crate::model::service::{ModeKind, ServiceMode, ServiceSpec};

use super::context::Context;
use super::draft::StackDraft;

/// A constraint that no node satisfies (a node's id is made by Swarm, of letters and digits).
const NOWHERE: &str = "node.id == none-at-all";

/// How a service gets out of the way of networks that are made again.
#[derive(Debug)]
pub(super) enum Parting {
    /// It is written without the networks; its tasks stop, and start when it comes back.
    Stops(Box<ServiceSpec>),
    /// It is written without the networks and rolls, because somebody else owns the fields that would stop its tasks.
    Rolls(Box<ServiceSpec>),
    /// A job runs again with every write: it goes, and is made again.
    Goes,
}

/// How a service that is to become `spec` leaves `networks`, without touching what `ignore` names.
pub(super) fn parting(
    spec: &ServiceSpec,
    networks: &BTreeSet<String>,
    ignore: &[FieldPath],
) -> Parting {
    let mut spec = Box::new(spec.clone());
    spec.task_template.networks.retain(|network| !networks.contains(&network.target));
    let is_ignored = |field: &str| {
        let field = FieldPath(field.to_owned());
        ignore.iter().any(|ignored| field.is_within(ignored))
    };
    match spec.mode.kind() {
        ModeKind::ReplicatedJob | ModeKind::GlobalJob => Parting::Goes,
        ModeKind::Replicated if is_ignored("deploy.replicas") => Parting::Rolls(spec),
        ModeKind::Global if is_ignored("deploy.placement.constraints") => Parting::Rolls(spec),
        ModeKind::Replicated => {
            spec.mode = ServiceMode::replicated(Some(0));
            Parting::Stops(spec)
        }
        ModeKind::Global => {
            let placement = spec.task_template.placement.get_or_insert_default();
            placement.constraints.push(NOWHERE.to_owned());
            Parting::Stops(spec)
        }
    }
}

/// The hold on what needs a network that is made again.
pub(super) fn away(network: &ObjectKey) -> Hold {
    Hold::new(HoldCode::WaitsForObject, format!("waits until {network} is made again"))
        .needs(network.clone())
}

/// Holds the replacement of a network until nobody uses it, and says who is known to keep it.
pub(super) fn wait_for_users(context: &Context<'_>, network: &ObjectKey) -> Vec<Hold> {
    let users = context.index.users(network);
    let waits = |reason: String| Hold::new(HoldCode::WaitsForTasksGone, reason);
    if users.current.is_empty() {
        let tasks = users.tasks.iter();
        let last =
            tasks.map(|name| waits(format!("waits until the last task of {name} has left it")));
        return last.collect();
    }
    let services = users.current.iter().map(|name| ObjectKey::new(Kind::Service, *name));
    services.map(|user| waits(format!("waits until {user} has left it")).needs(user)).collect()
}

/// The hold on a network that the Engine did not remove although no service is on it any more. A container that somebody
/// attached by hand stands in no list.
pub(super) fn in_use(context: &Context<'_>, network: &ObjectKey, words: &str) -> Hold {
    let reason = format!("{network} cannot be made again: {words}");
    Hold::new(HoldCode::NetworkInUse, reason).unblock(format!(
        "look who else is attached ({} network inspect --verbose {}), remove that, and apply again",
        context.view.docker, network.name
    ))
}

/// Networks that would be made again, and stay because a service of theirs cannot leave them now, each with the reason.
/// Then none of their services must leave: those that did would be cut off from the one that did not.
pub(super) fn stuck(context: &Context<'_>, drafts: &[StackDraft<'_>]) -> BTreeMap<String, Hold> {
    let networks = drafts.iter().flat_map(|draft| &draft.replaced_networks);
    let networks: BTreeSet<&String> = networks.collect();
    let stuck = networks.into_iter().filter_map(|name| {
        let network = ObjectKey::new(Kind::Network, name);
        let users = context.index.users(&network).current;
        let hold = users.iter().find_map(|user| keeper(context, &network, user, drafts))?;
        Some((name.clone(), hold))
    });
    stuck.collect()
}

/// The hold for a service that would have to leave `network`, and does not.
fn keeper(
    context: &Context<'_>,
    network: &ObjectKey,
    user: &str,
    drafts: &[StackDraft<'_>],
) -> Option<Hold> {
    let docker = &context.view.docker;
    let user = ObjectKey::new(Kind::Service, user);
    let mut entries = drafts
        .iter()
        .flat_map(|draft| draft.entries.iter().map(move |entry| (draft, &entry.change)))
        .filter(|(_, change)| change.object == user);
    let hold = |reason: String, unblock: String| {
        let reason = format!("{network} cannot be made again: {reason}");
        Some(Hold::new(HoldCode::NetworkInUse, reason).unblock(unblock).needs(user.clone()))
    };
    match entries.next() {
        None => hold(
            format!("{user} is attached to it, and is not declared here"),
            format!(
                "include its stack, or let it go: {docker} service update --network-rm {} {}",
                network.name, user.name
            ),
        ),
        Some((draft, change)) if draft.is_held() || change.is_standing() => hold(
            format!("{user} would have to leave it, and is held itself"),
            format!("end what holds {user}"),
        ),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::{Global, ReplicatedJob};
    use crate::model::task::{NetworkAttachment, TaskTemplate};

    #[test]
    fn a_service_leaves_with_its_tasks_unless_somebody_else_owns_their_number() {
        let attachment = |target: &str| NetworkAttachment {
            target: target.to_owned(),
            ..NetworkAttachment::default()
        };
        let spec = |mode: ServiceMode| ServiceSpec {
            mode,
            task_template: TaskTemplate {
                networks: vec![attachment("front"), attachment("back")],
                ..TaskTemplate::default()
            },
            ..ServiceSpec::default()
        };
        let leave = |mode: ServiceMode, ignore: &[&str]| {
            let ignore: Vec<FieldPath> =
                ignore.iter().map(|field| FieldPath((*field).to_owned())).collect();
            parting(&spec(mode), &["back".to_owned()].into(), &ignore)
        };
        let global = || ServiceMode { global: Some(Global::default()), ..ServiceMode::default() };
        let job = || ServiceMode {
            replicated_job: Some(ReplicatedJob::default()),
            ..ServiceMode::default()
        };
        let targets = |spec: &ServiceSpec| {
            let networks = spec.task_template.networks.iter();
            networks.map(|network| network.target.clone()).collect::<Vec<_>>()
        };

        let Parting::Stops(stopped) = leave(ServiceMode::replicated(Some(3)), &[]) else {
            panic!("replicas")
        };
        assert_eq!((stopped.mode.replicas(), targets(&stopped)), (0, vec!["front".to_owned()]));
        let Parting::Stops(stopped) = leave(global(), &["deploy.replicas"]) else {
            panic!("global")
        };
        assert_eq!(stopped.task_template.placement.unwrap().constraints, [NOWHERE]);
        for (mode, ignored) in
            [(ServiceMode::replicated(Some(3)), "deploy.replicas"), (global(), "deploy.placement")]
        {
            let Parting::Rolls(rolled) = leave(mode.clone(), &[ignored]) else {
                panic!("{ignored}")
            };
            assert_eq!((&rolled.mode, targets(&rolled)), (&mode, vec!["front".to_owned()]));
        }
        assert!(matches!(leave(job(), &[]), Parting::Goes));
    }
}
