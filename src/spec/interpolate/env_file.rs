//! Docker's reading of the files under `env_file`.

use std::sync::Arc;

use super::assignment::Assignment;
use super::dotenv::MAX_BYTES;
use super::variables::Variables;
use crate::model::finding::Finding;
use crate::model::place::Place;

/// Reads a file as docker's client reads the files under `env_file`: the value is everything behind the first `=`,
/// quotes, blanks, `#` and `$` included. A bare `NAME` takes its value from `variables` or sets nothing.
///
/// Wrong lines are findings; the others are read all the same.
pub fn parse_env_file(
    text: &[u8],
    file: &Arc<str>,
    variables: &Variables,
) -> (Vec<Assignment>, Vec<Finding>) {
    let mut assignments = Vec::new();
    let mut findings = Vec::new();
    let mut size = 0_usize;
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    for (line, bytes) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let place = |column: usize, length: usize| Place {
            file: Arc::clone(file),
            line,
            column: u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1),
            length: u32::try_from(length).unwrap_or(u32::MAX),
        };
        let Ok(whole) = std::str::from_utf8(bytes.strip_suffix(b"\r").unwrap_or(bytes)) else {
            let finding = Finding::error("env-file", place(0, 0), "a byte that is not UTF-8");
            findings.push(finding.hint("save the file as UTF-8"));
            continue;
        };
        let content = whole.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = whole.chars().count() - content.chars().count();
        let (name, value) = match content.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (content, None),
        };
        let place = place(indent, name.chars().count());
        if name.is_empty() {
            let finding = Finding::error("env-file", place, "a name is missing before `=`");
            findings.push(finding.hint("write `NAME=value`"));
        } else if name.contains([' ', '\t']) {
            let finding = Finding::error("env-file", place, "a name cannot contain blanks");
            findings.push(
                finding.hint("write `NAME=value`, without `export` and without blanks around `=`"),
            );
        } else if let Some(value) = value.or_else(|| variables.value(name)) {
            size = size.saturating_add(value.len());
            if size > MAX_BYTES {
                let message =
                    format!("the values of this file add up to more than {MAX_BYTES} bytes");
                findings.push(Finding::error("interpolation-too-long", place, message));
                break;
            }
            let (name, value) = (name.to_owned(), value.to_owned());
            assignments.push(Assignment { name, value, place });
        }
    }
    (assignments, findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::interpolate::Origin;

    #[test]
    fn lines_are_read_as_docker_reads_them() {
        let mut variables = Variables::new();
        variables.add("HOME", "/home/me", Origin::Process);
        let text = b"\xEF\xBB\xBFA=1\r\n  B = x\nC=\"quoted\" # kept\n\n# comment\nD=$A ${B}\nHOME\nNOWHERE\nE=\n=x\nexport F=1\nG=a=b\n\xFF=1\nA=2";
        let (assignments, findings) = parse_env_file(text, &"app.env".into(), &variables);
        let assignments: Vec<_> = assignments
            .iter()
            .map(|Assignment { name, value, place }| format!("{place} {name}={value}"))
            .collect();
        assert_eq!(
            assignments,
            [
                "app.env:1:1 A=1",
                "app.env:3:1 C=\"quoted\" # kept",
                "app.env:6:1 D=$A ${B}",
                "app.env:7:1 HOME=/home/me",
                "app.env:9:1 E=",
                "app.env:12:1 G=a=b",
                "app.env:14:1 A=2",
            ]
        );
        let findings: Vec<_> = findings
            .iter()
            .map(|finding| {
                format!("{} {}", finding.place.as_ref().expect("placed"), finding.message)
            })
            .collect();
        assert_eq!(
            findings,
            [
                "app.env:2:3 a name cannot contain blanks",
                "app.env:10:1 a name is missing before `=`",
                "app.env:11:1 a name cannot contain blanks",
                "app.env:13:1 a byte that is not UTF-8",
            ]
        );
    }
}
