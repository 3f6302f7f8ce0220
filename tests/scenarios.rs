//! One test for each folder of `tests/scenarios`: the plan that the program makes of `stacks` against a recorded Swarm.
//!
//! A folder is one idea, told by its name. `live.json` is a file of `skep observe` from a real engine, to which the
//! data of configs, the key of the fleet and plain values of the environment were added: nothing in it is secret, and
//! so a plan against it is as complete as one against the engine. `args` holds further arguments of `skep plan`.
//! `SKEP_BLESS=1` writes what is expected anew, and whoever sets it reads the differences as an operator would.

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// Set to write the expectations anew.
const BLESS: &str = "SKEP_BLESS";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = fs::read_dir(root.join("tests/scenarios"))
        .expect("the scenarios")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    let trials = folders.into_iter().map(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        Trial::test(name, move || check(&folder))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn check(folder: &Path) -> Result<(), Failed> {
    let text = plan(folder, "text")?;
    let json = plan(folder, "json")?;
    if text.status.code() != json.status.code() {
        return Err("text and JSON end with different exit codes".into());
    }
    let document: Value = serde_json::from_slice(&json.stdout)?;
    satisfies_schema(&document)?;
    let shown = format!(
        "{}{}[exit status: {}]\n",
        String::from_utf8(text.stdout)?,
        section("standard error", &String::from_utf8(text.stderr)?),
        text.status.code().unwrap_or(-1),
    );
    expect(&folder.join("plan.txt"), &shown)?;
    expect(&folder.join("plan.json"), &String::from_utf8(json.stdout)?)
}

/// Runs `skep plan` in a folder, as from a shell in which nothing is set.
fn plan(folder: &Path, format: &str) -> io::Result<Output> {
    let arguments = match fs::read_to_string(folder.join("args")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .args(["plan", "stacks", "--live", "live.json", "--format", format])
        .args(arguments.split_whitespace())
        .output()
}

fn satisfies_schema(document: &Value) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/plan.schema.json");
    let schema: Value = serde_json::from_slice(&fs::read(path)?)?;
    let validator = jsonschema::validator_for(&schema)?;
    let problems: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

fn section(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("------- {title} -------\n{text}") }
}

fn expect(path: &Path, actual: &str) -> Result<(), Failed> {
    if env::var_os(BLESS).is_some() {
        return Ok(fs::write(path, actual)?);
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    let difference = similar::TextDiff::from_lines(expected.as_str(), actual);
    let mut difference = difference.unified_diff();
    let shown = difference.header("expected", "actual").to_string();
    Err(format!("{}\n{shown}\n{BLESS}=1 accepts it", path.display()).into())
}
