//! One test for each file of `tests/fixtures/stacks`: valid ones are without a finding even under `--strict`, and of
//! invalid ones `skep validate` says exactly what stands beside them.
//!
//! `SKEP_BLESS=1` writes `<name>.findings.txt` anew; whoever sets it reads them as the author of the file would.

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

/// Set to write the expectations anew.
const BLESS: &str = "SKEP_BLESS";

fn main() {
    let trials = files("valid").into_iter().map(|file| trial("valid", file, is_valid));
    let invalid = files("invalid").into_iter().map(|file| trial("invalid", file, has_findings));
    libtest_mimic::run(&Arguments::from_args(), trials.chain(invalid).collect()).exit();
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stacks").join(folder);
    let entries = fs::read_dir(folder).expect("the fixtures");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn trial(kind: &str, file: PathBuf, check: fn(&Path) -> Result<(), Failed>) -> Trial {
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    Trial::test(name, move || check(&file)).with_kind(kind)
}

/// What `skep validate` says of a file to somebody who stands beside it.
fn validate(file: &Path, arguments: &[&str]) -> Result<(Option<i32>, String), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(file.parent().unwrap_or(file))
        .env_clear()
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .arg("validate")
        .args(file.file_name())
        .args(arguments)
        .output()?;
    if !output.stderr.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

fn is_valid(file: &Path) -> Result<(), Failed> {
    match validate(file, &["--strict"])? {
        (Some(0), _) => Ok(()),
        (_, text) => Err(text.into()),
    }
}

fn has_findings(file: &Path) -> Result<(), Failed> {
    let (code, text) = validate(file, &[])?;
    if code != Some(1) {
        return Err(format!("exit status {code:?}\n{text}").into());
    }
    let path = file.with_extension("findings.txt");
    if env::var_os(BLESS).is_some() {
        return Ok(fs::write(path, text)?);
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == text {
        return Ok(());
    }
    let difference = similar::TextDiff::from_lines(&expected, &text);
    let mut difference = difference.unified_diff();
    let shown = difference.header("expected", "actual").to_string();
    Err(format!("{}\n{shown}\n{BLESS}=1 accepts it", path.display()).into())
}
