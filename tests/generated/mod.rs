//! Stack files made at random over everything that docker's schema has, the same for the same seed.
//!
//! What they hold is valid in docker's eyes and in the Engine's, and no task of them ever starts: a service has no
//! replicas, or no node fits it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what is not as written here is a broken test"
)]

mod blocks;
mod deploy;
mod mounts;
mod networks;
mod ports;
mod service;
mod stores;

pub(crate) use blocks::text;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

/// The seed of the stacks, unless a run has another.
pub(crate) const SEED: u64 = 28;

/// How many stacks there are.
pub(crate) const STACKS: usize = 4;

/// How many services each stack has, beside the one that others depend on.
pub(crate) const SERVICES: usize = 90;

/// The files beside each stack file.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("plain.txt", "plain\n"),
    ("template.txt", "{{ .Service.Name }}\n"),
    ("key.txt", "key\n"),
    ("a.env", "# numbers\nFROM_FILE=1\nBOTH=a\n\nQUOTED=\"x\"\nSPACED= y z \n"),
    ("b.env", "BOTH=b\nEMPTY=\n"),
];

/// The configs and secrets that a Swarm must have before.
pub(crate) const EXTERNAL: [&str; 2] = ["%outside", "%old"];

/// The variables that stacks use.
pub(crate) const VARIABLES: [(&str, &str); 2] = [("HOME", "/home/dummy"), ("SET", "from outside")];

/// The name of a stack, to be put behind the prefix.
pub(crate) fn name(stack: usize) -> String {
    format!("g{stack}")
}

/// The contents of `count` stack files with `services` services each; see [`text`]. `%` in them stands for a prefix of
/// names that the Swarm has nowhere else.
pub(crate) fn stacks(seed: u64, count: usize, services: usize) -> Vec<Value> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut make =
        |strategy: blocks::Values| strategy.new_tree(&mut runner).expect("a value").current();
    let stack = |stack| {
        let names = (0..services).map(|service| (service, format!("c{service:03}")));
        let mut services: Map<String, Value> = names
            .map(|(service, name)| (name, make(service::service(stack * services + service))))
            .collect();
        // What others depend on must be there at once.
        let base = json!({"image": "skep-demo/web:1", "deploy": {"replicas": 0}});
        services.insert("base".to_owned(), base);
        let mut content = json!({
            "version": "3.13",
            "services": services,
            "networks": make(networks::definitions(stack)),
            "volumes": make(mounts::definitions(stack)),
            "configs": make(stores::definitions("config", stack)),
            "secrets": make(stores::definitions("secret", stack)),
            "x-note": { "any": ["thing"] },
        });
        if stack % 2 == 1 {
            content.as_object_mut().expect("a mapping").remove("version");
        }
        content
    };
    (0..count).map(stack).collect()
}
