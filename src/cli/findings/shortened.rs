//! As many findings as a person reads.

use crate::model::finding::Finding;

/// How many are shown.
const SHOWN: usize = 100;

/// The first hundred findings in the order given, errors before warnings where there is no room for all, and how many
/// are left out.
pub fn shortened(findings: &[Finding]) -> (Vec<Finding>, usize) {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let mut room_for_warnings = SHOWN.saturating_sub(errors);
    let mut room_for_errors = SHOWN;
    let mut has_room = |finding: &&Finding| {
        let room = if finding.is_error() { &mut room_for_errors } else { &mut room_for_warnings };
        let fits = *room > 0;
        *room = room.saturating_sub(1);
        fits
    };
    let shown: Vec<Finding> =
        findings.iter().filter(|finding| has_room(finding)).cloned().collect();
    let left_out = findings.len() - shown.len();
    (shown, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_where_there_is_no_room_for_all() {
        let of = |warnings: usize, errors: usize| {
            let warnings = (0..warnings).map(|_| Finding::warning("deprecated", None, "old"));
            let errors = (0..errors).map(|_| Finding::error("unknown-key", None, "what"));
            let (shown, left_out) = shortened(&warnings.chain(errors).collect::<Vec<_>>());
            let errors = shown.iter().filter(|finding| finding.is_error()).count();
            (shown.len() - errors, errors, left_out)
        };
        assert_eq!(of(3, 2), (3, 2, 0));
        assert_eq!(of(150, 2), (98, 2, 52));
        assert_eq!(of(5, 150), (0, 100, 55));
    }
}
