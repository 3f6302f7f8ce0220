//! Why a service changes: the file, the live service or the tag moved since the last apply.

use crate::diff::FieldDiff;
use crate::diff::document::Cause;
use crate::model::fleet::is_under_key;
use crate::model::labels;
use crate::model::live::LiveService;

use super::context::Context;
use super::release;

/// The causes of differences in `fields` between `live` and the release with this fingerprint; none where only the
/// hidden key of the fleet could tell.
pub(super) fn of_update(
    context: &Context<'_>,
    fields: &[FieldDiff],
    live: &LiveService,
    fingerprint: Option<&str>,
    image_moved: bool,
) -> Vec<Cause> {
    if fields.is_empty() {
        return vec![Cause::Git];
    }
    let by_hand = live.was_put_back_by_hand();
    // After a rollback by hand, what was last applied is what the service would go back to now.
    let previous = live.previous_applied.as_ref().filter(|_| by_hand);
    let applied = previous.or_else(|| live.spec.labels.get(labels::APPLIED)).map(String::as_str);
    let (Some(applied), Some(desired), Some(record)) = (applied, fingerprint, context.record)
    else {
        return match (applied, by_hand) {
            (Some(_), true) => vec![Cause::Drift],
            (Some(_), false) if context.key_is_hidden => Vec::new(),
            _ => vec![Cause::Git],
        };
    };
    if !is_under_key(applied, record.key.id()) {
        return vec![if by_hand { Cause::Drift } else { Cause::Git }];
    }
    let as_declared = release::as_declared(&live.spec);
    let drifted = by_hand || release::fingerprint(&record.key, &as_declared) != applied;
    let mut causes = Vec::new();
    if desired != applied {
        causes.push(Cause::Git);
    }
    if drifted {
        causes.push(Cause::Drift);
    }
    if image_moved {
        causes.push(Cause::Image);
    }
    if causes.is_empty() {
        causes.push(Cause::Git);
    }
    causes
}
