//! One test for each folder of `tests/fixtures/compose`: skep makes of its stack what docker's client was recorded
//! to send (docker/cli 28.2.2, `docker stack deploy --resolve-image never`).

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use skep::sources::DirectoryTree;
use skep::spec::desired::{Identity, desired};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};

mod recorded;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    let trials = cases.into_iter().map(|case| {
        let name = case.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let run = name.clone();
        Trial::test(name, move || compare(&case, &run))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn compare(case: &Path, name: &str) -> Result<(), Failed> {
    let tree = DirectoryTree::open(case)?;
    let mut variables = Variables::new();
    // The environment of the recording.
    for (name, value) in [("HOME", "/home/dummy"), ("TAG", "1.2"), ("EMPTY", "")] {
        variables.add(name, value, Origin::Flag);
    }
    let files = StackFiles {
        name: "sk".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let options = Options { bind_root: Some(format!("/srv/stacks/{name}")), ..Options::default() };
    let loaded = load(&tree, &[Input { files, variables }], &options);
    let Some(stack) = loaded.stacks.first() else {
        return Err(recorded::describe(&loaded.findings).into());
    };
    let (fleet, source) = ("default".parse()?, "cli".parse()?);
    let stack = desired(stack, &Identity { fleet: &fleet, source: &source, key: None });
    let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json"))?)?;
    let differences = recorded::differences(&stack, &expected);
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n").into()) }
}
