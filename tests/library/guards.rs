//! Every code that makes a run exit 5: something meets it, the program says so and how to end it, and so does the
//! documentation.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use skep::diff::document::HoldCode;
use skep::reconciler::outcome::{self, Verdict};

/// What meets a code.
enum Met {
    /// A folder of `tests/scenarios`.
    Scenario(&'static str),
    /// A test of `tests/engine`, where no recorded Swarm will do: its file and its name.
    Engine(&'static str, &'static str),
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What meets `code`; `None` for codes that end a run in another way.
fn met(code: HoldCode) -> Option<Met> {
    use Met::{Engine, Scenario};
    Some(match code {
        HoldCode::NotAdopted => Scenario("what-docker-made-stays-dockers-when-adoption-is-never"),
        HoldCode::ForeignObject => Scenario("a-foreign-object-of-the-same-name-is-not-touched"),
        HoldCode::Protected => Scenario("a-protected-stack-loses-no-service"),
        HoldCode::GuardNoStacks => Scenario("an-empty-source-removes-nothing"),
        HoldCode::GuardMostServices => Scenario("removing-most-services-of-a-stack-is-guarded"),
        HoldCode::GuardWholeStack => Scenario("a-stack-that-is-gone-needs-its-own-consent"),
        HoldCode::GuardRenamed => Scenario("a-stack-that-looks-renamed-is-not-removed"),
        HoldCode::SelfProtection => Scenario("skeps-own-service-is-never-removed"),
        HoldCode::ReplaceNotAllowed => Scenario("changed-options-of-a-network-need-consent"),
        HoldCode::NetworkInUse => Scenario("a-network-that-somebody-else-is-on-is-not-made-again"),
        HoldCode::MissingExternal => {
            Scenario("missing-external-objects-hold-the-service-that-needs-them")
        }
        HoldCode::PortTaken => Scenario("a-port-that-another-stack-publishes-holds-the-service"),
        HoldCode::ImageNotFound | HoldCode::ImageDenied => Engine(
            "registries.rs",
            "an_image_that_cannot_be_had_ends_an_apply_with_the_exit_code_of_guards",
        ),
        HoldCode::Contended => {
            Engine("contended.rs", "a_writer_who_always_writes_back_ends_the_run_with_both_values")
        }
        HoldCode::GuardStillDeclared => {
            Engine("remove.rs", "a_stack_goes_in_order_and_its_volumes_and_everything_else_stay")
        }
        HoldCode::GuardInUse => Engine(
            "remove.rs",
            "a_stack_of_which_others_use_something_goes_without_that_when_it_is_said_again",
        ),
        HoldCode::ProxyConflict => Scenario("a-server-of-others-on-the-port-holds-routes"),
        HoldCode::RouteNotAllowed => Scenario("a-route-that-the-settings-do-not-allow-is-held"),
        HoldCode::RouteTaken => Scenario("a-route-that-another-stack-has-is-not-taken"),
        HoldCode::WaitsForObject
        | HoldCode::WaitsForHealth
        | HoldCode::WaitsForStack
        | HoldCode::WaitsForTasksGone
        | HoldCode::WaitsForRoute
        | HoldCode::ProxyUnreachable
        | HoldCode::WaitsForRollout
        | HoldCode::ImageUnavailable
        | HoldCode::RepairLater
        | HoldCode::RetryLater
        | HoldCode::StaleSource
        | HoldCode::Paused
        | HoldCode::Suspended
        | HoldCode::DriftReported
        | HoldCode::PruneNotAsked
        | HoldCode::NoProxy
        | HoldCode::RefusedRelease
        | HoldCode::RolloutDisturbed
        | HoldCode::SourceUnread
        | HoldCode::RolloutPaused
        | HoldCode::WriteRefused
        | HoldCode::InvalidStack => return None,
    })
}

/// The codes that block a run.
fn blocking() -> impl Iterator<Item = HoldCode> {
    let codes = HoldCode::ALL.iter().copied();
    codes.filter(|code| outcome::of_code(*code) == Verdict::Blocked)
}

/// The plan of a scenario as JSON, with the exit code that tells how it ended.
fn plan(folder: &PathBuf) -> (Option<i32>, Value) {
    let arguments = fs::read_to_string(folder.join("args")).unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .current_dir(folder)
        .env_clear()
        .args(["plan", "stacks", "--live", "live.json", "--format", "json", "--detailed-exitcode"])
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let plan = serde_json::from_slice(&output.stdout);
    (output.status.code(), plan.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

/// Every hold of a plan, wherever it stands.
fn holds(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("holds").and_then(Value::as_array).into_iter().flatten();
            own.chain(fields.values().flat_map(holds)).collect()
        }
        Value::Array(items) => items.iter().flat_map(holds).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[test]
fn every_guard_exits_5_with_its_code_and_says_what_ends_it() {
    for code in HoldCode::ALL {
        let blocks = blocking().any(|blocking| blocking == *code);
        assert_eq!(met(*code).is_some(), blocks, "{code}");
    }
    for code in blocking() {
        match met(code) {
            Some(Met::Scenario(folder)) => {
                let (exit, plan) = plan(&root().join("tests/scenarios").join(folder));
                assert_eq!(exit, Some(5), "{code}: {plan:#}");
                let holds = holds(&plan);
                let met: Vec<_> =
                    holds.iter().filter(|hold| hold["code"] == code.as_str()).collect();
                assert!(!met.is_empty(), "{code} is not in {folder}: {plan:#}");
                for hold in met {
                    assert_eq!(hold["class"], "standing", "{hold:#}");
                    let unblock = hold["unblock"].as_str().unwrap_or_default();
                    assert!(!unblock.is_empty(), "{hold:#}");
                }
            }
            Some(Met::Engine(file, test)) => {
                let source = fs::read_to_string(root().join("tests/engine").join(file)).unwrap();
                let body = source.split_once(&format!("fn {test}()")).unwrap_or_default().1;
                let body = body.split("\n#[test]").next().unwrap_or_default();
                assert!(body.contains(" 5,") || body.contains("(5,"), "{code}: {file} {test}");
            }
            None => panic!("{code}"),
        }
    }
}

#[test]
fn every_guard_is_explained_where_people_look_for_help_and_no_other_code_is() {
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let section = text.split_once("\n## Exit code 5: what is in the way\n").unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: BTreeSet<String> = rows.map(str::to_owned).collect();
    let expected: BTreeSet<String> = blocking().map(|code| code.to_string()).collect();
    assert_eq!(documented, expected);
}
