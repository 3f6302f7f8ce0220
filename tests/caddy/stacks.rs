//! Stack files of tests, and passes that carry out their routes.

use serde_json::Value;
use skep::model::desired::Desired;
use skep::model::finding::Finding;
use skep::model::name::FleetName;
use skep::proxy::{AdminError, Compiled, Features, ProxyPolicy, compile, merge};
use skep::spec::desired::{Identity, world};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

use super::caddy::Caddy;

pub(crate) fn fleet(name: &str) -> FleetName {
    name.parse().unwrap()
}

/// The world of one stack.
pub(crate) fn declared(text: &str) -> Desired {
    declared_with(text, &[])
}

/// The world of one stack, `shop`, whose file asks for variables.
pub(crate) fn declared_with(text: &str, variables: &[(&str, &str)]) -> Desired {
    world_of(&[("shop", text)], variables)
}

/// The world of these stacks, by name and text.
pub(crate) fn declared_of(stacks: &[(&str, &str)]) -> Desired {
    world_of(stacks, &[])
}

fn world_of(stacks: &[(&str, &str)], variables: &[(&str, &str)]) -> Desired {
    let file = |name: &str| format!("{name}.yaml");
    let tree = stacks.iter().map(|(name, text)| (file(name), text.as_bytes().to_vec()));
    let tree = MemoryTree(tree.collect());
    let mut set = Variables::new();
    for (name, value) in variables {
        set.add(*name, *value, Origin::Flag);
    }
    let input = |(name, _): &(&str, &str)| Input {
        files: StackFiles {
            name: (*name).to_owned(),
            files: vec![file(name)],
            directory: String::new(),
        },
        variables: set.clone(),
    };
    let inputs: Vec<Input> = stacks.iter().map(input).collect();
    let loaded = load(&tree, &inputs, &Options::default());
    let errors: Vec<_> = loaded.findings.iter().filter(|found| Finding::is_error(found)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let source = "cli".parse().unwrap();
    world(&loaded.stacks, &Identity { fleet: &fleet("default"), source: &source, key: None })
}

/// The stack of these routes, which are no service's.
pub(crate) fn routes(routes: &str) -> String {
    format!("x-skep:\n  routes:\n{routes}\nservices: {{none: {{image: none}}}}\n")
}

pub(crate) fn compiled(text: &str, policy: &ProxyPolicy, features: Features) -> Compiled {
    let compiled = compile(&declared(text), &fleet("default"), policy, features);
    assert_eq!(compiled.refused, []);
    compiled
}

/// One pass: reads, and writes if something is not as wanted. Whether it wrote.
pub(crate) async fn pass(caddy: &Caddy, text: &str) -> Result<bool, AdminError> {
    pass_of(caddy, &declared(text), &caddy.policy()).await
}

pub(crate) async fn pass_of(
    caddy: &Caddy,
    desired: &Desired,
    policy: &ProxyPolicy,
) -> Result<bool, AdminError> {
    let admin = caddy.admin();
    let live = admin.read().await?;
    let compiled = compile(desired, &fleet("default"), policy, live.features);
    assert_eq!(compiled.refused, []);
    let merged = merge(&live, &compiled, &fleet("default"), &policy.servers, &|_| true).unwrap();
    if merged.is_changed {
        admin.write(&live, &merged.config).await?;
    }
    Ok(merged.is_changed)
}

/// The servers of a configuration that are not skep's.
pub(crate) fn foreign(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(servers) = config["apps"]["http"]["servers"].as_object_mut() {
        servers.retain(|name, _| !name.starts_with("skep-"));
    }
    config
}
