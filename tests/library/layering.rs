//! Keeps the layers: a module uses only those below it, and foreign types stay behind their door.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the top. A module may use itself and everything further down.
const LAYERS: &[&str] = &[
    "cli",
    "http",
    "local",
    "settings",
    "notify",
    "history",
    "reconciler",
    "proxy",
    "diff",
    "swarm",
    "sources",
    "spec",
    "model",
];

/// Crates whose types stay in one place, and that place.
const DOORS: &[(&str, &[&str])] = &[
    ("bollard::", &["src/swarm/"]),
    ("hyper::", &["src/swarm/", "src/sources/git/wire/", "src/http/"]),
    ("hyper_util::", &["src/swarm/", "src/sources/git/wire/", "src/http/"]),
    ("socket2::", &["src/swarm/connect/"]),
    ("axum::", &["src/http/"]),
    ("maud::", &["src/http/"]),
    ("rust_embed::", &["src/http/"]),
    ("prometheus_client::", &["src/reconciler/controller/metrics/"]),
    ("rusqlite::", &["src/history/"]),
    ("lettre::", &["src/notify/target/email.rs", "src/notify/smtp.rs"]),
    ("git2::", &["src/sources/git/"]),
    ("russh::", &["src/sources/git/"]),
    ("pgp::", &["src/sources/git/signature/"]),
    ("rustls::", &["src/sources/git/wire/", "src/swarm/", "src/proxy/", "src/notify/"]),
    ("reqwest::", &["src/notify/", "src/proxy/"]),
    ("notify::", &["src/sources/watch/"]),
    ("granit_parser::", &["src/spec/yaml/"]),
    ("serde_yaml::", &["src/cli/", "src/spec/yaml/", "src/settings/"]),
    ("annotate_snippets::", &["src/cli/"]),
    ("clap::", &["src/cli/", "src/reconciler/policy.rs", "src/reconciler/controller/drift.rs"]),
    ("sd_notify::", &["src/cli/controller/"]),
    ("tracing_subscriber::", &["src/cli/"]),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file below `src`, by its path from the package, with its text.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        (name, fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

/// The modules of the crate that `text` names.
fn used(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut modules = Vec::new();
    for line in code {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            modules.push(name);
        }
    }
    modules
}

#[test]
fn dependencies_point_down_only() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        let Some(layer) = LAYERS.iter().position(|layer| *layer == module) else { continue };
        for name in used(&text) {
            match LAYERS.iter().position(|layer| *layer == name) {
                Some(other) if other < layer => wrong.push(format!("{file} uses {name}")),
                // `crate::{a, b}` would hide what it names.
                None if name.is_empty() => wrong.push(format!("{file} groups modules")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_of_the_crate_is_a_layer() {
    let (_, lib) = files().into_iter().find(|(file, _)| file == "src/lib.rs").unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod "));
    for module in modules.map(|module| module.trim_end_matches(';')) {
        assert!(LAYERS.contains(&module), "{module} has no place among the layers");
    }
}

#[test]
fn foreign_types_stop_at_the_door() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        for (name, doors) in DOORS {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let names_it = code.into_iter().any(|line| {
                line.match_indices(name).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|c| c.is_whitespace() || "(<&[{!|".contains(c))
                })
            });
            if names_it && !doors.iter().any(|door| file.starts_with(door)) {
                wrong.push(format!("{file} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn planning_is_never_handed_anything_that_can_write() {
    let planning = [
        "src/reconciler/plan/",
        "src/reconciler/health/",
        "src/reconciler/placement/",
        "src/diff/",
        "src/spec/",
    ];
    for (file, text) in files() {
        if planning.iter().any(|prefix| file.starts_with(prefix)) {
            for name in ["Actuator", "Connection", "Observer", "async fn", ".await", "std::fs"] {
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let found = code.into_iter().any(|line| line.contains(name));
                assert!(!found, "{file} mentions {name}");
            }
        }
    }
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for (file, text) in files() {
        assert!(text.starts_with("//! "), "{file}");
    }
}
