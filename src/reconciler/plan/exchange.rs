//! Ports that services exchange: each waits until another one gives its port up, so one of them has to begin.
//!
//! Swarm refuses a published port that the spec of another service has, and updates one service at a time. Who begins
//! publishes nothing in its place for a moment, and rolls twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::{Desired, DesiredService, FieldPath};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::LiveService;
use crate::model::service::{PortConfig, ServiceSpec};

use super::context::Context;
use super::draft::StackDraft;
use super::index::Index;
use super::network::replace_not_allowed;
use super::reverse::reaches;
use super::{between, gate};

type Waits<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Which services wait for each other's ports.
#[derive(Debug, Default)]
pub(super) struct Exchange<'a> {
    /// What each service waits for, by its ports and by its dependencies.
    waits: Waits<'a>,
    /// Those that give their ports up before their release goes out.
    first: BTreeSet<&'a str>,
}

impl<'a> Exchange<'a> {
    /// The exchanges between declared services that `index` has.
    pub(super) fn new(desired: &'a Desired, index: &Index<'a>) -> Self {
        let stacks = between::in_order(&desired.stacks);
        let order: Vec<&DesiredService> =
            stacks.iter().flat_map(|stack| gate::in_order(&stack.services)).collect();
        let mut ports = port_waits(&order, index);
        if ports.is_empty() {
            return Self::default();
        }
        let gates = gate_waits(desired);
        let waits = both(&ports, &gates);
        let mut open = waits.clone();
        let mut first = BTreeSet::new();
        // Those that others depend on come last, so that nobody who waits for a gate is waited for.
        while let Some(holder) =
            order.iter().rev().map(|service| service.spec.name.as_str()).find(|holder| {
                let mut waiting = ports.iter().filter(|(_, holders)| holders.contains(holder));
                waiting.any(|(waiter, _)| reaches(&open, holder, waiter))
            })
        {
            first.insert(holder);
            for holders in ports.values_mut() {
                holders.remove(holder);
            }
            open = both(&ports, &gates);
        }
        Self { waits, first }
    }

    /// Whether two services wait for each other, at first or at second hand.
    fn is_mutual(&self, one: &str, other: &str) -> bool {
        reaches(&self.waits, one, other) && reaches(&self.waits, other, one)
    }

    /// The services that wait for `name` while it waits for them; itself among them.
    fn circle(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.waits.iter().flat_map(|(name, waits)| waits.iter().chain([name]));
        let all: BTreeSet<&'a str> = all.copied().collect();
        let members: Vec<&'a str> =
            all.into_iter().filter(|other| self.is_mutual(name, other)).collect();
        members.into_iter()
    }
}

/// When a service gets a port that another one gives up with its release.
pub(super) enum Turn {
    /// It gives up its own ports before that.
    First,
    /// Once the other one has given it up.
    Later,
    /// Not as long as nobody decides something.
    Never(Hold),
}

/// Whether a service gives its ports up before its release goes out.
pub(super) fn begins(context: &Context<'_>, name: &str) -> bool {
    is_first(context, name) && !context.kept.ports.contains_key(name)
}

/// Whether a service is the one to begin, as long as nobody is held.
pub(super) fn is_first(context: &Context<'_>, name: &str) -> bool {
    context.policy.allow_replace && context.exchange.first.contains(name)
}

/// When `waiter` gets `port`, which `holder` gives up with its release.
pub(super) fn turn(context: &Context<'_>, waiter: &str, holder: &ObjectKey, port: &str) -> Turn {
    if !context.exchange.is_mutual(waiter, &holder.name) {
        return Turn::Later;
    }
    if let Some(kept) = context.kept.ports.get(waiter) {
        return Turn::Never(kept.clone());
    }
    if !context.policy.allow_replace {
        let words = format!(
            "{port} is published by {holder}, which waits for service {waiter} in turn: one of them \
             would publish nothing for a moment"
        );
        return Turn::Never(replace_not_allowed(context, &words).needs(holder.clone()));
    }
    if begins(context, waiter) { Turn::First } else { Turn::Later }
}

/// What a service is written as to give up the ports that it is not declared with, if it is the one that begins.
pub(super) fn yielding(
    context: &Context<'_>,
    desired: &ServiceSpec,
    live: &LiveService,
) -> Option<ServiceSpec> {
    if !begins(context, &live.spec.name) {
        return None;
    }
    let mut spec = live.spec.clone();
    let stay = published(desired);
    if let Some(endpoint) = &mut spec.endpoint_spec {
        endpoint.ports.retain(|port| !is_shared(port) || is_among(&stay, port));
    }
    Some(spec)
}

/// The ports that `yielded` no longer has, for people.
pub(super) fn given_up(live: &ServiceSpec, yielded: &ServiceSpec) -> String {
    let left = published(yielded);
    let gone = published(live).into_iter().filter(|port| !is_among(&left, port));
    gone.map(describe).collect::<Vec<_>>().join(" and ")
}

/// Services that cannot exchange their ports because one of them is held, each with the reason. Then nobody begins: who
/// did would be left without a port.
pub(super) fn stuck(context: &Context<'_>, drafts: &[StackDraft<'_>]) -> BTreeMap<String, Hold> {
    let mut stuck = BTreeMap::new();
    if !context.policy.allow_replace {
        return stuck;
    }
    let open =
        context.exchange.first.iter().filter(|name| !context.kept.ports.contains_key(**name));
    for name in open {
        let circle: BTreeSet<&str> = context.exchange.circle(name).collect();
        let mut members = circle.iter().filter(|member| is_held(member, drafts));
        let Some(blocker) = members.next().map(|name| ObjectKey::new(Kind::Service, *name)) else {
            continue;
        };
        let hold = Hold::new(
            HoldCode::PortTaken,
            format!(
                "services that exchange their ports wait for each other, and {blocker} is held"
            ),
        )
        .unblock(format!("end what holds {blocker}"))
        .needs(blocker);
        stuck.extend(circle.into_iter().map(|member| (member.to_owned(), hold.clone())));
    }
    stuck
}

fn is_held(service: &str, drafts: &[StackDraft<'_>]) -> bool {
    let service = ObjectKey::new(Kind::Service, service);
    drafts.iter().any(|draft| {
        let mut entries = draft.entries.iter().map(|entry| &entry.change);
        entries.any(|change| change.object == service && (draft.is_held() || change.is_standing()))
    })
}

/// Which services wait for ports that which others give up.
fn port_waits<'a>(order: &[&'a DesiredService], index: &Index<'a>) -> Waits<'a> {
    let mut freed: BTreeMap<(u32, &str), Vec<&'a str>> = BTreeMap::new();
    for holder in order {
        let Some(live) = index.services.get(holder.spec.name.as_str()) else { continue };
        let held = published(&live.spec);
        if held.is_empty() {
            continue;
        }
        let stay = published(declared_ports(holder, index));
        for port in held.into_iter().filter(|port| !is_among(&stay, port)) {
            freed.entry(place(port)).or_default().push(&holder.spec.name);
        }
    }
    let mut waits = Waits::new();
    // Without a freed port nobody waits, which is so in nearly every pass.
    for waiter in order.iter().filter(|_| !freed.is_empty()) {
        let wanted = published(declared_ports(waiter, index));
        let holders = wanted.into_iter().filter_map(|port| freed.get(&place(port))).flatten();
        for holder in holders.copied().filter(|holder| *holder != waiter.spec.name) {
            waits.entry(&waiter.spec.name).or_default().insert(holder);
        }
    }
    waits
}

/// Which services are not written before which others are healthy.
fn gate_waits(desired: &Desired) -> Waits<'_> {
    let mut waits = Waits::new();
    for stack in desired.stacks.values() {
        let needed = stack.policy.depends_on.iter().filter_map(|n| desired.stacks.get(&n.stack));
        let needed: Vec<&str> = needed
            .flat_map(|stack| stack.services.iter().map(|service| service.spec.name.as_str()))
            .collect();
        for service in &stack.services {
            let waits: &mut BTreeSet<&str> = waits.entry(&service.spec.name).or_default();
            waits.extend(&needed);
            waits.extend(service.depends_on.iter().map(|need| need.service.as_str()));
        }
    }
    waits
}

fn both<'a>(one: &Waits<'a>, other: &Waits<'a>) -> Waits<'a> {
    let mut all = one.clone();
    for (name, waits) in other {
        all.entry(name).or_default().extend(waits);
    }
    all
}

/// The spec that tells which ports a service will have: its live one where somebody else owns them.
pub(super) fn declared_ports<'a>(
    service: &'a DesiredService,
    index: &Index<'a>,
) -> &'a ServiceSpec {
    let ports = FieldPath("ports".to_owned());
    let is_ignored = service.ignore.iter().any(|ignored| ports.is_within(ignored));
    let live = index.services.get(service.spec.name.as_str()).filter(|_| is_ignored);
    live.map_or(&service.spec, |live| &live.spec)
}

/// The ports that no two services can publish.
pub(super) fn published(spec: &ServiceSpec) -> Vec<&PortConfig> {
    let ports = spec.endpoint_spec.as_ref().map_or(&[][..], |endpoint| &endpoint.ports);
    ports.iter().filter(|port| is_shared(port)).collect()
}

/// Ports of mode `host` belong to a node, where another service may or may not run.
fn is_shared(port: &PortConfig) -> bool {
    port.published_port != 0 && port.publish_mode != "host"
}

/// Whether one of `ports` is published where `port` is.
pub(super) fn is_among(ports: &[&PortConfig], port: &PortConfig) -> bool {
    ports.iter().any(|other| place(other) == place(port))
}

/// What no two services can publish: a number and a protocol.
fn place(port: &PortConfig) -> (u32, &str) {
    (port.published_port, protocol(port))
}

/// The protocol of a port; a file need not say it, and then docker does not either (moby, `api/types/swarm/network.go`).
fn protocol(port: &PortConfig) -> &str {
    if port.protocol.is_empty() { "tcp" } else { &port.protocol }
}

/// Such as `port 80/tcp`.
pub(super) fn describe(port: &PortConfig) -> String {
    format!("port {}/{}", port.published_port, protocol(port))
}
