//! Findings as workflow commands of GitHub Actions, which shows them at their lines in a pull request.

use std::fmt::Write as _;

use crate::model::finding::{Finding, Severity};
use crate::model::place::Place;

/// One command for each finding, in the order given
/// (docs.github.com, "Workflow commands for GitHub Actions", "Setting an error message").
pub fn github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for Finding { code, severity, message, place, related, hint } in findings {
        out.push_str(match severity {
            Severity::Error => "::error ",
            Severity::Warning => "::warning ",
        });
        if let Some(Place { file, line, column, length }) = place {
            let _ = write!(out, "file={},line={line},col={column},", property(file));
            if *length > 0 {
                let _ = write!(out, "endColumn={},", column.saturating_add(*length));
            }
        }
        let mut text = message.clone();
        for related in related {
            let _ = write!(text, "\n{}: {}", related.place, related.message);
        }
        if let Some(hint) = hint {
            let _ = write!(text, "\nhelp: {hint}");
        }
        let _ = writeln!(out, "title={}::{}", property(code), data(&text));
    }
    out
}

/// Escapes a message: a line break would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which ends at a comma or colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_whatever_it_says() {
        let place = Place { file: "a,b:c%\n.yaml".into(), line: 3, column: 5, length: 4 };
        let findings = [
            Finding::error("unknown-key", place.clone(), "50% of\r\nit: wrong, all")
                .related(Place { length: 0, ..place }, "used here")
                .hint("mend it"),
            Finding::warning("no-stacks", None, "nothing"),
        ];
        assert_eq!(
            github(&findings),
            "::error file=a%2Cb%3Ac%25%0A.yaml,line=3,col=5,endColumn=9,title=unknown-key::50%25 of%0D%0Ait: wrong, all\
             %0Aa,b:c%25%0A.yaml:3:5: used here%0Ahelp: mend it\n\
             ::warning title=no-stacks::nothing\n"
        );
    }
}
