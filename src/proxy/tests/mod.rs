//! Routes of stack files as Caddy gets them, and configurations that they are put into.

mod moves;
mod objects;
mod owners;
mod properties;
mod wildcards;

use serde_json::Value;

use super::{Compiled, Features, Live, Merged, ProxyPolicy, compile, merge};
use crate::model::desired::Desired;
use crate::model::finding::Finding;
use crate::model::name::FleetName;
use crate::spec::desired::{Identity, world};
use crate::spec::discover::StackFiles;
use crate::spec::interpolate::Variables;
use crate::spec::load::{Input, Options, load};
use crate::spec::tree::MemoryTree;

pub(super) fn fleet() -> FleetName {
    "default".parse().unwrap()
}

/// The world that these stacks declare, by name and text.
fn declared(stacks: &[(&str, &str)]) -> Desired {
    let file = |name: &str| format!("{name}.yaml");
    let tree = stacks.iter().map(|(name, text)| (file(name), text.as_bytes().to_vec()));
    let tree = MemoryTree(tree.collect());
    let input = |(name, _): &(&str, &str)| Input {
        files: StackFiles {
            name: (*name).to_owned(),
            files: vec![file(name)],
            directory: String::new(),
        },
        variables: Variables::new(),
    };
    let inputs: Vec<Input> = stacks.iter().map(input).collect();
    let loaded = load(&tree, &inputs, &Options::default());
    let errors: Vec<_> = loaded.findings.iter().filter(|found| Finding::is_error(found)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let source = "cli".parse().unwrap();
    world(&loaded.stacks, &Identity { fleet: &fleet(), source: &source, key: None })
}

pub(super) fn compiled(stacks: &[(&str, &str)], policy: &ProxyPolicy) -> Compiled {
    compile(&declared(stacks), &fleet(), policy, Features::MODERN)
}

pub(super) fn live(config: Value) -> Live {
    Live { config, etag: None, features: Features::MODERN }
}

fn merged(config: Value, compiled: &Compiled, policy: &ProxyPolicy) -> Merged {
    merge(&live(config), compiled, &fleet(), &policy.servers, &|_| true).unwrap()
}
