//! Stacks to the objects that they ask for.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::compose::Service;
use super::convert::{self, Names, StoreName, network_name, scoped, used_networks};
use super::decode::Located;
use super::stack::Stack;
use crate::model::desired::{
    Dependency, Desired, DesiredObject, DesiredService, DesiredStack, External, FieldPath,
    StackDependency, StackPolicy,
};
use crate::model::fleet::FleetKey;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::name::{FleetName, SourceName, StackName};
use crate::model::network::NetworkSpec;
use crate::model::store::{ConfigSpec, SecretSpec};

/// On whose behalf stacks are turned into objects.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The installation.
    pub fleet: &'a FleetName,
    /// The source of the stacks.
    pub source: &'a SourceName,
    /// The key of the fleet; without it the hashes of secrets are unknown.
    pub key: Option<&'a FleetKey>,
}

/// The objects that `stacks` ask for. An external config or secret that another of the stacks declares means its
/// current generation.
pub fn world<S: Borrow<Stack>>(stacks: &[S], identity: &Identity<'_>) -> Desired {
    let generations = Generations::of(stacks, identity);
    let stacks = stacks.iter().map(Borrow::borrow).map(|stack: &Stack| {
        let names = generations.names(stack, identity);
        (stack.name.clone(), build(stack, &names, identity))
    });
    Desired { stacks: stacks.collect() }
}

/// The service of this full name alone, as [`world`] has it, and the stack that asks for it.
pub fn service<'s, S: Borrow<Stack>>(
    stacks: &'s [S],
    identity: &Identity<'_>,
    name: &str,
) -> Option<(&'s StackName, DesiredService)> {
    let mut all = stacks.iter().map(Borrow::borrow).flat_map(|stack: &Stack| {
        stack.compose.services.iter().map(move |(key, service)| (stack, key, service))
    });
    let (stack, key, service) =
        all.find(|(stack, key, _)| scoped(stack.name.as_str(), key) == name)?;
    let names = Generations::of(stacks, identity).names(stack, identity);
    Some((&stack.name, desired_service(stack, &names, identity, key, service)))
}

/// The full names of the configs and secrets that stacks create, by their plain ones.
struct Generations {
    configs: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

impl Generations {
    fn of<S: Borrow<Stack>>(stacks: &[S], identity: &Identity<'_>) -> Self {
        let (mut configs, mut secrets) = (BTreeMap::new(), BTreeMap::new());
        for stack in stacks.iter().map(Borrow::borrow) {
            let names = Names::new(stack, identity.key);
            let external =
                |external: bool, name: StoreName| (!external).then_some((name.plain, name.full));
            for (key, name) in names.configs {
                let known =
                    stack.compose.configs.get(&key).is_some_and(|config| config.is_external());
                configs.extend(external(known, name));
            }
            for (key, name) in names.secrets {
                let known =
                    stack.compose.secrets.get(&key).is_some_and(|secret| secret.is_external());
                secrets.extend(external(known, name));
            }
        }
        Self { configs, secrets }
    }

    /// The names in `stack`, those of generations that other stacks declare included.
    fn names(&self, stack: &Stack, identity: &Identity<'_>) -> Names {
        let mut names = Names::new(stack, identity.key);
        for name in names.configs.values_mut() {
            current(name, &self.configs);
        }
        for name in names.secrets.values_mut() {
            current(name, &self.secrets);
        }
        names
    }
}

/// The objects that one stack asks for.
pub fn desired(stack: &Stack, identity: &Identity<'_>) -> DesiredStack {
    build(stack, &Names::new(stack, identity.key), identity)
}

/// Replaces a plain name by that of the generation which a stack of the same source declares.
fn current(name: &mut StoreName, generations: &BTreeMap<String, String>) {
    if name.full == name.plain
        && let Some(full) = generations.get(&name.plain)
    {
        name.full.clone_from(full);
    }
}

fn build(stack: &Stack, names: &Names, identity: &Identity<'_>) -> DesiredStack {
    DesiredStack {
        name: stack.name.clone(),
        source: identity.source.clone(),
        file: stack.file.clone(),
        policy: policy(stack),
        networks: networks(stack, identity),
        configs: configs(stack, names, identity),
        secrets: secrets(stack, names, identity),
        services: services(stack, names, identity),
        routes: convert::routes(stack),
        externals: externals(stack, names),
    }
}

fn policy(stack: &Stack) -> StackPolicy {
    let extension = stack.compose.x_skep.clone().unwrap_or_default();
    StackPolicy {
        paused: extension.paused.unwrap_or_default(),
        prune: extension.prune,
        protect: extension.protect.unwrap_or_default(),
        previous_name: extension.previous_name,
        depends_on: extension
            .depends_on
            .into_iter()
            .flatten()
            .map(|Located { value: stack, place, interpolated: _ }| StackDependency {
                stack,
                place,
            })
            .collect(),
    }
}

/// skep's labels on an object of `stack`.
fn own_labels(stack: &Stack, identity: &Identity<'_>, kind: Kind, name: &str) -> Labels {
    Labels::from([
        (labels::FLEET.to_owned(), identity.fleet.to_string()),
        (labels::SOURCE.to_owned(), identity.source.to_string()),
        (labels::STACK.to_owned(), stack.name.to_string()),
        (labels::OBJECT.to_owned(), ObjectKey::new(kind, name).to_string()),
    ])
}

fn networks(stack: &Stack, identity: &Identity<'_>) -> Vec<DesiredObject<NetworkSpec>> {
    let mut networks = Vec::new();
    for key in used_networks(&stack.compose) {
        let declared = stack.compose.networks.get(&key);
        if declared.is_some_and(|network| network.is_external()) {
            continue;
        }
        let undeclared = super::compose::networks::Network::default();
        let network = declared.map_or(&undeclared, |network| &network.value);
        let name = network_name(stack.name.as_str(), &key, Some(network));
        let own = own_labels(stack, identity, Kind::Network, &name);
        let (spec, origins) = convert::network(stack.name.as_str(), &key, network, own);
        let place = declared.map_or_else(
            || crate::model::place::Place::file(stack.file.clone()),
            |network| network.place.clone(),
        );
        networks.push(DesiredObject { key, spec, place, origins });
    }
    networks
}

fn configs(
    stack: &Stack,
    names: &Names,
    identity: &Identity<'_>,
) -> Vec<DesiredObject<ConfigSpec>> {
    let own = stack.compose.configs.iter().filter(|(_, config)| !config.is_external());
    sorted(own.filter_map(|(key, config)| {
        let name = &names.configs.get(key)?.full;
        let data = stack.configs.get(key)?;
        let labels = own_labels(stack, identity, Kind::Config, name);
        let (spec, origins) = convert::config(stack.name.as_str(), key, name, config, data, labels);
        Some(DesiredObject { key: key.clone(), spec, place: config.place.clone(), origins })
    }))
}

fn secrets(
    stack: &Stack,
    names: &Names,
    identity: &Identity<'_>,
) -> Vec<DesiredObject<SecretSpec>> {
    let own = stack.compose.secrets.iter().filter(|(_, secret)| !secret.is_external());
    sorted(own.filter_map(|(key, secret)| {
        let name = &names.secrets.get(key)?.full;
        let data = stack.secrets.get(key)?;
        let labels = own_labels(stack, identity, Kind::Secret, name);
        let (spec, origins) =
            convert::secret(stack.name.as_str(), key, name, secret, data, identity.key, labels);
        Some(DesiredObject { key: key.clone(), spec, place: secret.place.clone(), origins })
    }))
}

fn sorted<S>(objects: impl Iterator<Item = DesiredObject<S>>) -> Vec<DesiredObject<S>> {
    let mut objects: Vec<_> = objects.collect();
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    objects
}

fn services(stack: &Stack, names: &Names, identity: &Identity<'_>) -> Vec<DesiredService> {
    let mut services: Vec<_> = stack
        .compose
        .services
        .iter()
        .map(|(key, service)| desired_service(stack, names, identity, key, service))
        .collect();
    services.sort_by(|a, b| a.key.cmp(&b.key));
    services
}

fn desired_service(
    stack: &Stack,
    names: &Names,
    identity: &Identity<'_>,
    key: &str,
    service: &Located<Service>,
) -> DesiredService {
    let scope = |key: &str| scoped(stack.name.as_str(), key);
    let extension = service.x_skep.clone().unwrap_or_default();
    let ignore: Vec<FieldPath> =
        extension.ignore.into_iter().flatten().map(|field| FieldPath(field.value)).collect();
    let mut own = own_labels(stack, identity, Kind::Service, &scope(key));
    if policy(stack).protect {
        own.insert(labels::PROTECT.to_owned(), "true".to_owned());
    }
    if !ignore.is_empty() {
        own.insert(labels::IGNORE.to_owned(), FieldPath::join(&ignore));
    }
    let (spec, origins) = convert::service(stack, names, key, service, own);
    let needs = service.depends_on.iter().flat_map(|needs| &needs.0);
    DesiredService {
        key: key.to_owned(),
        spec,
        place: service.place.clone(),
        origins,
        image: service.image.as_ref().map(|image| image.value.clone()).unwrap_or_default(),
        depends_on: needs
            .filter(|(need, _)| *need != key && stack.compose.services.contains_key(*need))
            .map(|(key, need)| Dependency {
                service: scope(key),
                condition: need.condition,
                place: need.place.clone(),
            })
            .collect(),
        ignore,
        previous_name: extension.previous_name.map(|previous| scope(&previous)),
    }
}

/// What the services of the stack use and the stack does not create.
fn externals(stack: &Stack, names: &Names) -> Vec<External> {
    let file = &stack.compose;
    let mut externals = Vec::new();
    for key in used_networks(file) {
        if let Some(network) = file.networks.get(&key).filter(|network| network.is_external()) {
            let name = network_name(stack.name.as_str(), &key, Some(network));
            externals.push(External {
                object: ObjectKey::new(Kind::Network, name),
                place: network.place.clone(),
            });
        }
    }
    for (key, config) in file.configs.iter().filter(|(_, config)| config.is_external()) {
        if let Some(name) = names.configs.get(key).filter(|_| uses(file, key, |s| &s.configs)) {
            let object = ObjectKey::new(Kind::Config, &name.full);
            externals.push(External { object, place: config.place.clone() });
        }
    }
    for (key, secret) in file.secrets.iter().filter(|(_, secret)| secret.is_external()) {
        if let Some(name) = names.secrets.get(key).filter(|_| uses(file, key, |s| &s.secrets)) {
            let object = ObjectKey::new(Kind::Secret, &name.full);
            externals.push(External { object, place: secret.place.clone() });
        }
    }
    externals.sort_by(|a, b| a.object.cmp(&b.object));
    externals.dedup_by(|a, b| a.object == b.object);
    externals
}

fn uses(
    file: &super::compose::ComposeFile,
    key: &str,
    list: impl Fn(&Service) -> &Option<Located<super::compose::store_refs::StoreRefs>>,
) -> bool {
    file.services.values().any(|service| {
        let credentials = service.credential_spec.as_ref().and_then(|spec| spec.config.as_ref());
        list(service).iter().flat_map(|refs| &refs.0).any(|reference| reference.source.value == key)
            || credentials.is_some_and(|config| config.value == key)
    })
}
