//! Ten typical mistakes as their authors see them.

use proptest::prelude::*;

use super::{Look, document, summary, text};
use crate::diff::mask::Sensitivity;
use crate::model::finding::{self, Finding};
use crate::spec::compose;
use crate::spec::decode::Report;
use crate::spec::interpolate::{Variables, interpolate};
use crate::spec::yaml::{budget::Budget, parse};

/// All findings of a stack file.
fn findings(file: &str) -> Vec<Finding> {
    let mut root = match parse(file.as_bytes(), "shop/stack.yaml".into(), &Budget::default()) {
        Ok(root) => root,
        Err(findings) => return findings,
    };
    let mut report = Report::default();
    let mut found = Vec::new();
    interpolate(&mut root, &Variables::new(), &mut found);
    report.extend(found);
    compose::decode(&root, &mut report);
    let mut findings = report.into_findings();
    finding::sort(&mut findings);
    findings
}

fn rendered(file: &str, look: Look) -> String {
    let read = |path: &str| (path == "shop/stack.yaml").then(|| file.as_bytes().to_vec());
    let findings = findings(file);
    let text = text(&findings, &read, &Sensitivity::default(), look);
    format!("{text}\n{}\n", summary(&findings))
}

const MISTAKES: [(&str, &str); 10] = [
    ("misspelt key", "services:\n  web:\n    imgae: nginx\n"),
    ("tab", "services:\n  web:\n\timage: nginx\n"),
    (
        "duplicate key",
        "services:\n  web:\n    image: nginx\n    ports: ['80:80']\n    image: caddy\n",
    ),
    ("colon in a value", "services:\n  web:\n    image: nginx\n    command: echo a: b\n"),
    (
        "variable that is not set",
        "services:\n  web:\n    image: nginx:${TAG}\n    environment:\n      DB_PASSWORD: ${DB_PASSWORD:?see the vault}\n",
    ),
    (
        "dollar in a label",
        "services:\n  web:\n    image: nginx\n    labels:\n      rule: HostRegexp(`^[a-z]+$`)\n",
    ),
    ("wrong type", "services:\n  web:\n    image: nginx\n    deploy:\n      replicas: two\n"),
    (
        "mistake in an anchor",
        "x-common: &common\n  deploy:\n    replica: 2\n\nservices:\n  web:\n    <<: *common\n    image: nginx\n",
    ),
    ("quote that is never closed", "services:\n  web:\n    image: \"nginx\n    command: run\n"),
    (
        "secret on the line",
        "services:\n  web:\n    image: nginx\n    environment: {API_TOKEN: hunter2, BAD$: 'x$'}\n",
    ),
];

#[test]
fn typical_mistakes_are_explained() {
    let mut all = String::new();
    for (what, file) in MISTAKES {
        let text = rendered(file, Look { color: false, width: 100 });
        all.extend(["##### ", what, "\n", &text, "\n"]);
    }
    assert!(!all.contains("hunter2"));
    insta::assert_snapshot!(all);
}

#[test]
fn narrow_terminals_and_long_lines_are_bearable() {
    let file = format!(
        "services:\n  web:\n    image: nginx\n    command: {} ${{TAG}} {}\n",
        "long ".repeat(60),
        "line ".repeat(60)
    );
    insta::assert_snapshot!(rendered(&file, Look { color: false, width: 60 }));
}

#[test]
fn colours_carry_nothing_that_the_text_does_not() {
    for (what, file) in MISTAKES {
        let plain = rendered(file, Look { color: false, width: 100 });
        let colored = rendered(file, Look { color: true, width: 100 });
        assert_ne!(plain, colored, "{what}");
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain, "{what}");
    }
}

#[test]
fn programs_get_the_same_as_json() {
    let (_, file) = MISTAKES[2];
    insta::assert_json_snapshot!(document(vec!["web"], &findings(file)));
}

#[test]
fn a_finding_without_its_file_still_says_where() {
    let findings = findings(MISTAKES[2].1);
    let text =
        text(&findings, &|_| None, &Sensitivity::default(), Look { color: false, width: 80 });
    assert!(text.contains("shop/stack.yaml:5:5"), "{text}");
    assert!(text.contains("shop/stack.yaml:3:5"), "{text}");
    assert_eq!(summary(&[]), "no findings");
}

proptest! {
    #[test]
    fn any_file_can_be_shown(
        parts in prop::collection::vec("(services|a|PASSWORD|[${}:'\"#&*!|>-]|\\[|\\]|\t|\r\n|\n|\n  |: |é|猫|\u{1b}|\u{202e}|\u{301}|\u{feff}|://u:p@| )", 0..40),
        width in 0_usize..120,
    ) {
        rendered(&parts.concat(), Look { color: true, width });
    }
}
