//! All findings in one line.

use std::collections::BTreeSet;

use crate::model::finding::Finding;

/// `3 errors, 1 warning in 2 files`, or `no findings`.
pub fn summary(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let files: BTreeSet<&str> = findings
        .iter()
        .filter_map(|finding| finding.place.as_ref())
        .map(|place| &*place.file)
        .collect();
    let mut parts = Vec::new();
    for (count, what) in [(errors, "error"), (findings.len() - errors, "warning")] {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    match (parts.is_empty(), files.len()) {
        (true, _) => "no findings".to_owned(),
        (false, 0) => parts.join(", "),
        (false, files) => format!("{} in {}", parts.join(", "), counted(files, "file")),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
