//! Preflight: what would fail in the Swarm, found before anything is written.

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::{DesiredService, DesiredStack, FieldPath};
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::LiveService;
use crate::model::service::ServiceSpec;
use crate::swarm::floors::Dropped;

use super::constraint;
use super::context::Context;
use super::exchange::{self, Turn, declared_ports, is_among, published};
use super::network::replace_not_allowed;
use super::removal;

/// The hold on a service that refers to an object which nobody creates.
pub(super) fn missing(context: &Context<'_>, stack: &DesiredStack, object: &ObjectKey) -> Hold {
    let by_other_stack = context
        .desired
        .stacks
        .values()
        .any(|other| other.name != stack.name && other.keys().any(|key| key == *object));
    if by_other_stack {
        return Hold::new(HoldCode::WaitsForObject, format!("waits until {object} exists"))
            .needs(object.clone());
    }
    let create = match object.kind {
        // Nothing in a service refers to them.
        Kind::Route | Kind::Proxy => "skep apply".to_owned(),
        Kind::Network => format!("docker network create --driver overlay {}", object.name),
        Kind::Config => format!("docker config create {} FILE", object.name),
        Kind::Secret => format!("docker secret create {} FILE", object.name),
        Kind::Service => format!("docker service create --name {}", object.name),
    };
    Hold::new(
        HoldCode::MissingExternal,
        format!("{object} is declared as external and does not exist"),
    )
    .unblock(create)
    .needs(object.clone())
}

/// A published port that another service has.
pub(super) struct Taken<'a> {
    pub(super) holder: &'a LiveService,
    /// Such as `port 80/tcp`.
    pub(super) port: String,
    release: Release,
}

/// Whether the plan takes a port from the service that has it.
enum Release {
    Never,
    /// With its next release, which does not publish it.
    Updated,
    /// With its removal.
    Removed,
}

impl Taken<'_> {
    /// The hold on `waiter`, which needs the port; nothing if it gives up its own ports before it takes this one.
    pub(super) fn hold(&self, context: &Context<'_>, waiter: &str) -> Option<Hold> {
        let Self { holder, port, release } = self;
        let name = &holder.spec.name;
        let holder = ObjectKey::new(Kind::Service, name);
        match release {
            Release::Never => {
                let words = format!("{port} is published by {holder}");
                let hold = Hold::new(HoldCode::PortTaken, words)
                    .unblock(format!("publish another port, or remove {name}"));
                return Some(hold.needs(holder));
            }
            Release::Removed if !context.policy.allow_replace => {
                let words = format!(
                    "{port} is published by {holder}, which has to go first: until this one runs nothing publishes it"
                );
                return Some(replace_not_allowed(context, &words).needs(holder));
            }
            Release::Removed => {
                let words = format!("waits until {holder} is gone, which publishes {port}");
                return Some(Hold::new(HoldCode::WaitsForObject, words).needs(holder));
            }
            Release::Updated => {}
        }
        match exchange::turn(context, waiter, &holder, port) {
            Turn::First => None,
            Turn::Never(hold) => Some(hold),
            Turn::Later => {
                let words = format!("waits until {holder} gives up {port}");
                Some(Hold::new(HoldCode::WaitsForObject, words).needs(holder))
            }
        }
    }
}

/// The published ports of `spec` that other services have.
pub(super) fn taken_ports<'a>(context: &Context<'a>, spec: &ServiceSpec) -> Vec<Taken<'a>> {
    let ports = published(spec);
    if ports.is_empty() {
        return Vec::new();
    }
    let others = context.index.services.values().copied();
    let mut taken = Vec::new();
    for holder in others.filter(|live| live.spec.name != spec.name) {
        for port in published(&holder.spec) {
            if !is_among(&ports, port) {
                continue;
            }
            let release = match context.declared(&holder.spec.name) {
                Some(declared) => {
                    let ports = published(declared_ports(declared, &context.index));
                    if is_among(&ports, port) { Release::Never } else { Release::Updated }
                }
                None if removal::goes(context, holder) => Release::Removed,
                None => Release::Never,
            };
            taken.push(Taken { holder, port: exchange::describe(port), release });
        }
    }
    taken
}

/// Warns of fields that this Engine accepts and drops.
pub(super) fn warn_of_dropped(
    context: &Context<'_>,
    service: &DesiredService,
    dropped: &[Dropped],
) {
    let api = context.observed.engine.api;
    for dropped in dropped {
        let needs = dropped.since.map_or_else(
            || "no engine keeps it for services".to_owned(),
            |since| format!("it needs API {since}"),
        );
        let place = service.origins.place(&dropped.field).unwrap_or(&service.place).clone();
        context.find(
            Finding::warning(
                "engine-drops-field",
                place,
                format!(
                    "this engine drops {} of service {} (API {api}): {needs}",
                    dropped.field, service.spec.name
                ),
            )
            .hint("everything else is applied; newer engines keep it"),
        );
    }
}

/// Warns of placements that no node satisfies; they would wait for ever.
pub(super) fn check_placement(context: &Context<'_>, service: &DesiredService) {
    let Some(workload) = &context.observed.workload else { return };
    let template = &service.spec.task_template;
    let active = || workload.nodes.iter().filter(|node| node.is_usable());
    let constraints =
        template.placement.as_ref().map_or(&[][..], |placement| &placement.constraints);
    let name = &service.spec.name;
    let known = |field: &str| service.origins.place(&FieldPath(field.to_owned())).cloned();
    let place = |field: &str| known(field).unwrap_or_else(|| service.place.clone());
    if !active().any(|node| constraint::all_allow(constraints, node)) {
        context.find(
            Finding::warning(
                "no-suitable-node",
                place("deploy.placement.constraints"),
                format!("no active node satisfies the constraints of service {name}"),
            )
            .hint(format!("its tasks would stay pending: {}", constraints.join(", "))),
        );
        return;
    }
    let reservations =
        template.resources.as_ref().and_then(|resources| resources.reservations.as_ref());
    if let Some(reservations) = reservations
        && !active()
            .filter(|node| constraint::all_allow(constraints, node))
            .any(|node| constraint::fits(reservations, node))
    {
        context.find(
            Finding::warning(
                "no-node-large-enough",
                known("deploy.resources.reservations.memory")
                    .unwrap_or_else(|| place("deploy.resources.reservations.cpus")),
                format!("no node can hold what service {name} reserves"),
            )
            .hint("its tasks would stay pending; reserve less or add a larger node"),
        );
    }
}
