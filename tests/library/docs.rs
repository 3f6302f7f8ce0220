//! The documentation against the code: every hold code and exit code is explained, and no link is dead.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skep::diff::document::{HoldClass, HoldCode};
use skep::model::labels;
use skep::reconciler::journal::{EventKind, Outcome};
use skep::reconciler::plan::Shortfall;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first two columns of every row below the heading `heading`, without backticks.
fn rows(text: &str, heading: &str) -> BTreeMap<String, String> {
    let section =
        text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| code "))
        .map(|line| {
            let mut cells =
                line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`').to_owned());
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        })
        .collect()
}

#[test]
fn every_hold_code_is_explained_with_its_class_and_no_other_is() {
    let documented = rows(&read("docs/plan.md"), "## Holds: what is not done now, and why");
    let expected: BTreeMap<String, String> = HoldCode::ALL
        .iter()
        .map(|code| {
            let class = match code.class() {
                HoldClass::Waiting => "waiting",
                HoldClass::Standing => "standing",
            };
            (code.to_string(), class.to_owned())
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_kind_of_event_and_every_outcome_is_explained_and_no_other_is() {
    let page = read("docs/events.md");
    let is_row = |(name, _): &(String, String)| name != "kind" && !name.starts_with('-');
    let documented: Vec<_> = rows(&page, "## Events").into_iter().filter(is_row).collect();
    let mut expected: Vec<(String, String)> =
        EventKind::ALL.iter().map(|kind| (kind.to_string(), kind.severity().to_string())).collect();
    expected.sort_unstable();
    assert_eq!(documented, expected);
    for kind in EventKind::ALL {
        let ends = if kind.is_problem() { "| yes |" } else { "| |" };
        let row = format!("\n| `{kind}` | {} {ends}", kind.severity());
        assert!(page.contains(&row), "{row}");
    }
    let outcomes = rows(&page, "## History");
    for outcome in Outcome::ALL {
        assert!(outcomes.contains_key(outcome.as_str()), "{outcome}");
        assert_eq!(serde_json::json!(outcome), outcome.as_str());
    }
}

/// The first text behind each of `openings` in the sources, tests left out.
fn codes_in(directory: &Path, openings: &[&str], codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, openings, codes);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for opening in openings {
            let after = text.split(opening).skip(1);
            let literals = after.filter_map(|rest| rest.trim_start().strip_prefix('"'));
            let codes_here =
                literals.filter_map(|rest| rest.split_once("\",")).map(|found| found.0);
            codes.extend(codes_here.filter(|code| is_code(code)).map(str::to_owned));
        }
    }
}

fn is_code(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

#[test]
fn every_finding_code_is_explained_and_no_other_is() {
    let page = read("docs/findings.md");
    let documented: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    let mut used = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in ["cli", "notify", "reconciler", "settings", "spec", "sources"] {
        let openings = ["error(", "warning(", "finding("];
        codes_in(&source.join(layer), &openings, &mut used);
    }
    // One code stands behind the key that it is about.
    used.insert("not-on-swarm".to_owned());
    assert!(used.len() > 60, "{used:?}");
    assert_eq!(documented, used);
}

#[test]
fn every_finding_that_tests_have_seen_is_explained() {
    let page = read("docs/findings.md");
    let seen = recorded("tests").into_iter().chain(recorded("src"));
    let seen: BTreeSet<String> = seen
        .flat_map(|text| {
            let after = text.split("error[").skip(1).chain(text.split("warning[").skip(1));
            let codes = after.filter_map(|rest| rest.split_once(']'));
            codes.map(|(code, _)| code.to_owned()).collect::<Vec<_>>()
        })
        .filter(|code| is_code(code))
        .collect();
    assert!(seen.len() > 40, "{seen:?}");
    let unexplained: Vec<&String> =
        seen.iter().filter(|code| !page.contains(&format!("\n### {code}\n"))).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

/// The texts of all snapshots below a directory.
fn recorded(directory: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy();
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(".snap") || name.ends_with("plan.txt") {
                texts.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

#[test]
fn the_exit_codes_are_the_same_on_both_pages() {
    let codes = |page: &str, heading: &str| -> Vec<u8> {
        let mut codes: Vec<u8> =
            rows(&read(page), heading).keys().filter_map(|code| code.parse().ok()).collect();
        codes.sort_unstable();
        codes
    };
    let expected = [0, 1, 2, 3, 4, 5, 64, 70, 130];
    assert_eq!(codes("docs/plan.md", "## Exit codes"), expected);
    assert_eq!(codes("README.md", "## Commands"), expected);
}

#[test]
fn every_label_of_skep_is_explained() {
    let page = read("docs/ownership.md");
    for label in [
        labels::NAMESPACE,
        labels::IMAGE,
        labels::FLEET,
        labels::SOURCE,
        labels::STACK,
        labels::OBJECT,
        labels::FINGERPRINT,
        labels::LOGICAL,
        labels::APPLIED,
        labels::REGISTRY_LOGIN,
        labels::PROTECT,
        labels::IGNORE,
        labels::DEPENDS_ON,
        labels::BESIDE,
        labels::ROLE,
        labels::RECORD,
    ] {
        assert!(page.contains(&format!("\n| `{label}` |")), "{label} has no row");
    }
}

#[test]
fn every_pattern_of_sensitive_names_is_listed() {
    use skep::diff::mask::{PLAIN, SENSITIVE};
    let page = read("docs/configs-and-secrets.md");
    let words: Vec<&str> = page.split_whitespace().collect();
    for pattern in SENSITIVE {
        assert!(words.contains(pattern), "{pattern} is not listed");
    }
    for pattern in PLAIN {
        let ending = format!("`{}`", pattern.trim_start_matches('*'));
        assert!(words.contains(&ending.as_str()), "{pattern} is not listed");
    }
}

#[test]
fn every_setting_has_a_row() {
    let page = read("docs/settings.md");
    let schema: serde_json::Value =
        serde_json::from_str(&read("schema/settings.schema.json")).unwrap();
    let mut objects = vec![&schema["properties"]];
    objects.extend(
        ["Source", "RegistrySettings", "StackSettings"]
            .map(|name| &schema["$defs"][name]["properties"]),
    );
    for properties in objects {
        for key in properties.as_object().expect("properties").keys() {
            assert!(page.contains(&format!("\n| `{key}` |")), "{key} has no row");
        }
    }
}

#[test]
fn the_example_settings_are_without_findings() {
    let file = read("examples/skep.yaml");
    let (settings, findings) = skep::settings::parse(file.as_bytes(), "examples/skep.yaml".into());
    assert_eq!(findings, []);
    assert!(settings.is_some_and(|settings| settings.sources.len() == 1));
}

#[test]
fn relative_links_lead_to_files_and_headings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = fs::read_dir(root.join("docs"))
        .unwrap()
        .chain(fs::read_dir(root).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    assert!(pages.len() > 5, "{pages:?}");
    let mut dead = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let found = match heading {
                "" => target.exists(),
                heading => fs::read_to_string(&target).is_ok_and(|text| {
                    text.lines()
                        .filter(|line| line.starts_with('#'))
                        .any(|line| anchor(line) == heading)
                }),
            };
            if !found {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// The anchor that forges make of a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Set to write the captures of `docs/mistakes.md` anew.
const BLESS: &str = "SKEP_BLESS";

/// What `skep validate` says of a folder of `tests/fixtures/mistakes`.
fn validate(mistake: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mistakes");
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100")
        .args(["validate", mistake])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{mistake}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn typical_mistakes_are_told_as_their_page_shows_them() {
    const OPENING: &str = "```text\n$ skep validate ";
    let page = read("docs/mistakes.md");
    let mut parts = page.split(OPENING);
    let mut expected = parts.next().unwrap_or_default().to_owned();
    let mut shown = BTreeSet::new();
    for part in parts {
        let (mistake, rest) = part.split_once('\n').unwrap();
        let (_, prose) = rest.split_once("```\n").unwrap();
        expected.extend([OPENING, mistake, "\n", &validate(mistake), "```\n", prose]);
        shown.insert(mistake.to_owned());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mistakes");
    let folders: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(shown, folders);
    if env::var_os(BLESS).is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mistakes.md"), &expected)
            .unwrap();
    }
    assert_eq!(read("docs/mistakes.md"), expected, "{BLESS}=1 accepts it");
}

#[test]
fn every_note_on_updates_that_fail_requests_is_explained() {
    let text = read("docs/zero-downtime.md");
    for shortfall in Shortfall::ALL {
        assert!(text.contains(&format!("| note: {shortfall} |")), "{shortfall}");
    }
}
