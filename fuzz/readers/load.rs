//! A whole directory of stacks, from its bytes to the objects that the Engine would be sent, and the findings as they
//! are shown.
//!
//! The input is the file `s/stack.yaml`. A line `=== PATH` in it begins another file.

use std::collections::BTreeMap;

use skep::cli::findings::{self, Look};
use skep::diff::mask::Sensitivity;
use skep::model::finding::Finding;
use skep::spec::desired::{Identity, world};
use skep::spec::discover::{Start, discover};
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::{MemoryTree, Tree as _, join};

pub(crate) fn read(bytes: &[u8]) {
    let tree = tree(bytes);
    let mut variables = Variables::new();
    variables.add("HOME", "/home/dummy", Origin::Flag);
    variables.add("TAG", "1.2", Origin::Flag);
    let discovery = discover(&tree, &Start::Directory(String::new()));
    let inputs: Vec<Input> = discovery
        .stacks
        .into_iter()
        .map(|files| Input { files, variables: variables.clone() })
        .collect();
    let options = Options { bind_root: Some("/srv".to_owned()), ..Options::default() };
    let loaded = load(&tree, &inputs, &options);
    assert_eq!(loaded.stacks.len() + loaded.failed.len(), inputs.len());
    for failed in &loaded.failed {
        assert!(failed.findings.iter().any(Finding::is_error), "failed without an error");
    }

    let (fleet, source) = ("default".parse().expect("a name"), "cli".parse().expect("a name"));
    let identity = Identity { fleet: &fleet, source: &source, key: None };
    for stack in world(&loaded.stacks, &identity).stacks.values() {
        for service in &stack.services {
            serde_json::to_string(&service.spec).expect("JSON");
        }
        for network in &stack.networks {
            serde_json::to_string(&network.spec).expect("JSON");
        }
    }

    let found = [discovery.findings, loaded.findings].concat();
    let (shown, _) = findings::shortened(&found);
    let read = |path: &str| tree.read(path, u64::MAX).ok();
    for look in [Look { color: false, width: 100 }, Look { color: true, width: 40 }] {
        findings::text(&shown, &read, &Sensitivity::default(), look);
    }
    serde_json::to_string(&findings::document(Vec::new(), &found)).expect("JSON");
    findings::github(&found);
}

fn tree(bytes: &[u8]) -> MemoryTree {
    let mut files = BTreeMap::new();
    let mut path = "s/stack.yaml".to_owned();
    let mut content = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let next = line.strip_prefix(b"=== ").and_then(|name| str::from_utf8(name).ok());
        match next.and_then(|name| join("", name.trim()).ok()).filter(|name| !name.is_empty()) {
            None => content.extend_from_slice(line),
            Some(next) => {
                files.insert(std::mem::replace(&mut path, next), std::mem::take(&mut content));
            }
        }
    }
    files.insert(path, content);
    MemoryTree(files)
}
