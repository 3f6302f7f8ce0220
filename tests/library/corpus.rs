//! Real stack files: the specs that skep makes of them are those that docker's client sends.
//!
//! The files are under their own licences and not part of the project. They are looked for at `$SKEP_INPUTS`, else
//! at `../shared/inputs`; without them the test is skipped and says so.

#![expect(clippy::expect_used, reason = "a machine on which these fail cannot run the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use skep::sources::DirectoryTree;
use skep::spec::desired::{Identity, desired};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Loaded, Options, load};

use crate::recorded::{describe, differences, text};

/// Cases that differ from docker on purpose; each has its line in `docs/compose.md`.
const EXPLAINED: &[(&str, &str)] = &[
    ("050", "the Engine refuses the name of a service, so skep does"),
    ("051", "the Engine refuses the names of two services, so skep does"),
    ("151", "a publish mode that there is not becomes what the Engine makes of it"),
];

struct Case {
    id: String,
    folder: PathBuf,
    file: String,
    env: BTreeMap<String, String>,
    stubs: Vec<(String, String)>,
    golden: Option<Value>,
}

fn inputs() -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = std::env::var_os("SKEP_INPUTS")
        .map_or_else(|| manifest.join("../shared/inputs"), PathBuf::from);
    path.join("corpus/_cases").is_dir().then_some(path)
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn cases(inputs: &Path) -> Vec<Case> {
    let corpus = inputs.join("corpus");
    let mut files: Vec<PathBuf> = fs::read_dir(corpus.join("_cases"))
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let case = json(path).expect("a case");
            let id = text(&case, "id");
            let env = case.get("env").and_then(Value::as_object).cloned().unwrap_or_default();
            let stubs = case.get("stubs").and_then(Value::as_array).cloned().unwrap_or_default();
            Case {
                folder: corpus.join(text(&case, "dir")),
                file: text(&case, "file"),
                env: env
                    .into_iter()
                    .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
                    .collect(),
                stubs: stubs
                    .iter()
                    .map(|stub| (text(stub, "path"), text(stub, "content")))
                    .collect(),
                golden: json(&corpus.join(format!("_golden/{id}.deploy.json"))),
                id,
            }
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn load_case(case: &Case, folder: &Path) -> Loaded {
    copy(&case.folder, folder);
    for (path, content) in &case.stubs {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, content).expect("a stub");
    }
    let tree = DirectoryTree::open(folder).expect("the folder");
    let mut variables = Variables::new();
    for (name, value) in &case.env {
        variables.add(name, value, Origin::Process);
    }
    variables.add("HOME", "/home/dummy", Origin::Process);
    variables.add("PWD", "", Origin::Process);
    // Recorded with it set and blank, which the case does not say.
    variables.add("USERNAME", "", Origin::Process);
    let files = StackFiles {
        name: "sk".to_owned(),
        files: vec![case.file.clone()],
        directory: case.file.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned(),
    };
    let options = Options {
        name: "sk".parse().ok(),
        bind_root: Some(format!("/__ROOT__/{}", case.id)),
        ..Options::default()
    };
    load(&tree, &[Input { files, variables }], &options)
}

#[test]
fn real_stack_files_yield_what_docker_sends() {
    let Some(inputs) = inputs() else {
        println!("skipped: no corpus; set SKEP_INPUTS to the folder that holds it");
        return;
    };
    let scratch = tempfile::tempdir().expect("a folder");
    let mut problems = Vec::new();
    let (mut same, mut refused, mut total, mut refusable) = (0, 0, 0, 0);
    for case in cases(&inputs) {
        let loaded = load_case(&case, &scratch.path().join(&case.id));
        let Some(golden) = &case.golden else {
            refusable += 1;
            let located = loaded.findings.iter().any(|f| f.is_error() && f.place.is_some());
            if located {
                refused += 1;
            } else {
                problems.push(format!("{}: docker refuses it, skep finds nothing", case.id));
            }
            continue;
        };
        total += 1;
        let Some(stack) = loaded.stacks.first() else {
            problems.push(format!("{}: refused\n{}", case.id, describe(&loaded.findings)));
            continue;
        };
        let (fleet, source) = ("default".parse().expect("a name"), "cli".parse().expect("a name"));
        let stack = desired(stack, &Identity { fleet: &fleet, source: &source, key: None });
        let found = differences(&stack, golden);
        if found.is_empty() {
            same += 1;
        } else {
            problems.push(format!(
                "{}: {} differences\n  {}",
                case.id,
                found.len(),
                found.join("\n  ")
            ));
        }
    }
    println!(
        "{same} of {total} files yield docker's specs, {refused} of {refusable} are refused with a place"
    );
    for (id, reason) in EXPLAINED {
        let before = problems.len();
        problems.retain(|problem| !problem.starts_with(id));
        println!("{id} differs: {reason}");
        assert_eq!(before - problems.len(), 1, "{id} does not differ any more");
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What docker's client refuses, and the finding that skep has for it: its code and part of its message. `None` is
/// accepted, because the Compose specification allows what docker's schema does not; see `docs/compose.md`.
const INVALID: &[(&str, Option<(&str, &str)>)] = &[
    ("011", Some(("missing-key", "services.aria2 has no `image`"))),
    ("040", Some(("wrong-type", "services.foo.ulimits.nofile.hard"))),
    ("045", Some(("wrong-type", "services.service-01.image"))),
    ("055", Some(("interpolation", "the variable"))),
    ("056", Some(("interpolation", "the variable"))),
    ("100", Some(("duplicate-item", "services.pihole1.extra_hosts"))),
    ("116", Some(("not-on-swarm", "services.cuda.deploy.resources.reservations.devices"))),
    ("120", None),
    ("135", Some(("unknown-key", "`ulimits` in services.data.deploy.resources"))),
    ("165", Some(("yaml-syntax", "indentation"))),
    ("175", Some(("yaml-syntax", "this line is not"))),
    ("186", Some(("yaml-duplicate-key", "`networks`"))),
    ("190", Some(("yaml-duplicate-key", "`networks`"))),
    ("191", Some(("missing-file", "services.hermes.extends.file"))),
    ("195", Some(("missing-key", "services.web-a has no `image`"))),
    ("220", Some(("interpolation", "the variable"))),
    ("225", Some(("wrong-type", "volumes.registry.driver_opts"))),
    (
        "226",
        Some(("conflicting-keys", "volumes.registry is external, so it cannot have a `driver`")),
    ),
    ("250", None),
    ("251", Some(("interpolation", "begins no variable"))),
];

#[test]
fn files_that_docker_refuses_have_a_finding_at_the_right_key() {
    let Some(inputs) = inputs() else {
        println!("skipped: no corpus; set SKEP_INPUTS to the folder that holds it");
        return;
    };
    let mut seen = 0;
    for entry in fs::read_dir(inputs.join("invalid")).expect("the invalid files") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Some((_, expected)) = INVALID.iter().find(|(id, _)| name.starts_with(id)) else {
            continue;
        };
        seen += 1;
        let loaded = load_invalid(&folder);
        match expected {
            None => assert_eq!(loaded.stacks.len(), 1, "{name}\n{}", describe(&loaded.findings)),
            Some((code, message)) => assert!(
                loaded.stacks.is_empty()
                    && loaded.findings.iter().any(|finding| finding.code == *code
                        && finding.place.is_some()
                        && finding.message.contains(message)),
                "{name}\n{}",
                describe(&loaded.findings)
            ),
        }
    }
    println!("{seen} of {} files", INVALID.len());
    assert_eq!(seen, INVALID.len());
}

fn load_invalid(folder: &Path) -> Loaded {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let file = names.find(|name| [".yml", ".yaml"].iter().any(|ending| name.ends_with(ending)));
    let files = StackFiles {
        name: "sk".to_owned(),
        files: file.into_iter().collect(),
        directory: String::new(),
    };
    let tree = DirectoryTree::open(folder).expect("the folder");
    let options = Options { name: "sk".parse().ok(), ..Options::default() };
    load(&tree, &[Input { files, variables: Variables::new() }], &options)
}
