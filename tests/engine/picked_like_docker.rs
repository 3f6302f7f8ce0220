//! The folders of `tests/fixtures/compose`, one feature each, are the same from `docker stack deploy` and from skep.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::both_ways::Both;
use crate::engine::Engine;
use crate::stage::Stage;

/// The variables of the recordings beside the stack files.
const VARIABLES: [(&str, &str); 3] = [("HOME", "/home/dummy"), ("TAG", "1.2"), ("EMPTY", "")];

/// What an engine could not do, and what stands in its place for docker and skep alike.
const INSTEAD: [(&str, &str); 3] = [
    // skep waits for what others depend on, so that one has to start.
    ("image: db", "image: skep-demo/web:1"),
    // No test engine has a plugin for secrets.
    ("      - plugin\n", ""),
    ("  plugin: {driver: vault, driver_opts: {path: kv/app}}\n", ""),
];

/// What the folders expect to be there, and what they make under names of their own.
struct Surroundings<'e>(&'e Engine);

/// Kinds and names of objects that are there before.
const EXTERNAL: [(&str, &str); 7] = [
    ("config", "existing"),
    ("config", "other"),
    ("secret", "made-by-hand"),
    ("network", "shared"),
    ("network", "other"),
    ("network", "older"),
    ("network", "nat"),
];
/// Kinds and names of objects that a folder names itself.
const NAMED: [(&str, &str); 2] = [("config", "exact-name"), ("network", "exact-name")];

impl<'e> Surroundings<'e> {
    fn on(engine: &'e Engine) -> Self {
        let surroundings = Self(engine);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        for (kind, name) in EXTERNAL {
            match kind {
                "network" => engine.docker(&["network", "create", "--driver", "overlay", name]),
                _ => engine.docker(&[kind, "create", name, file.to_str().unwrap()]),
            };
        }
        surroundings
    }

    fn clear(&self, objects: &[(&str, &str)]) {
        for (kind, name) in objects {
            self.0.try_docker(&[kind, "rm", name]);
        }
    }
}

impl Drop for Surroundings<'_> {
    fn drop(&mut self) {
        self.clear(&NAMED);
        self.clear(&EXTERNAL);
    }
}

/// The folders by what can be deployed at the same time: those that publish ports are alone.
fn batches() -> Vec<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let (alone, together): (Vec<_>, Vec<_>) = folders.into_iter().partition(|folder| {
        fs::read_to_string(folder.join("stack.yaml")).unwrap().contains("ports:")
    });
    [together].into_iter().chain(alone.into_iter().map(|folder| vec![folder])).collect()
}

/// With what the names of the stacks begin.
const BEGINNING: &str = "p-";

/// Copies a folder into `stage` as a stack.
fn copy(stage: &Stage<'_>, folder: &Path) -> String {
    let name = format!("{BEGINNING}{}", folder.file_name().unwrap().to_str().unwrap());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        match file {
            "expected.json" => {}
            "stack.yaml" => {
                let mut text = fs::read_to_string(&path).unwrap();
                for (from, to) in INSTEAD {
                    text = text.replace(from, to);
                }
                stage.file(&name, file, text);
            }
            _ => stage.file(&name, file, fs::read(&path).unwrap()),
        }
    }
    name
}

#[test]
fn every_feature_is_the_same_from_docker_and_from_skep() {
    let Some(engine) = Engine::of_this_run() else { return };
    // Docker's client sends older engines less, and fails on the rest.
    if env::var("SKEP_TEST_VERSION").is_ok_and(|version| version != "28") {
        return;
    }
    let (mut found, mut services) = (String::new(), 0);
    for batch in batches() {
        let stage = Stage::on(&engine);
        let surroundings = Surroundings::on(&engine);
        let names: Vec<String> = batch.iter().map(|folder| copy(&stage, folder)).collect();
        let both = Both::of(&stage, &engine, BEGINNING, &names, &VARIABLES);
        services += both.from_docker.keys().filter(|key| key.starts_with("service ")).count();
        found += &both.differences(&stage, |_| String::new());
        stage.clear(BEGINNING);
        drop(surroundings);
    }
    assert!(found.is_empty(), "{found}");
    assert!(services > 70, "{services}");
}
