//! What plan and apply say of suspended stacks: they are for people and go on, the controller does not.

use std::collections::BTreeSet;

use crate::diff::document::Document;
use crate::diff::render::clean;
use crate::model::live::Observed;
use crate::model::name::FleetName;
use crate::reconciler::record;
use crate::reconciler::suspension::Suspensions;

use super::args::GlobalArgs;
use super::output;
use super::request::resume;

/// Says which stacks of the plan are suspended, by whom, and how that ends.
pub(super) fn tell(
    global: &GlobalArgs,
    fleet: &FleetName,
    document: &Document,
    observed: &Observed,
) {
    let Some(record) = record::find(&observed.configs, fleet) else { return };
    let stacks = document.stacks.iter().map(|section| section.name.as_str()).collect();
    let suspensions = Suspensions::of(&record.labels);
    output::talk(&notes(&suspensions, &stacks, &resume(global, fleet)));
}

fn notes(suspensions: &Suspensions, stacks: &BTreeSet<&str>, resume: &str) -> String {
    let of = |stack: &&str| {
        let suspension = suspensions.of_stack(stack)?;
        let whom = if suspensions.stacks.keys().any(|name| name.as_str() == *stack) {
            *stack
        } else {
            "--all"
        };
        Some(format!(
            "note: stack {stack} is suspended {}; the controller leaves it alone until: {resume} {whom}\n",
            clean(&suspension.to_string())
        ))
    };
    stacks.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use crate::reconciler::suspension::Suspension;

    use super::*;

    #[test]
    fn suspended_stacks_of_a_plan_are_named_with_what_ends_it() {
        let suspension = Suspension {
            by: "ada@m1".to_owned(),
            since: "2026-05-01T10:00:00Z".parse().unwrap(),
            reason: Some("the database moves".to_owned()),
        };
        let mut suspensions = Suspensions::default();
        let stacks = BTreeSet::from(["blog", "shop"]);
        assert_eq!(notes(&suspensions, &stacks, "skep resume"), "");
        suspensions.stacks.insert("shop".parse().unwrap(), suspension.clone());
        let shop = "note: stack shop is suspended by ada@m1 since 2026-05-01T10:00:00Z: the database moves; \
                    the controller leaves it alone until: skep resume shop\n";
        assert_eq!(notes(&suspensions, &stacks, "skep resume"), shop);
        suspensions.all = Some(suspension);
        let both = notes(&suspensions, &stacks, "skep resume");
        assert!(both.contains("skep resume --all\n") && both.ends_with(shop), "{both}");
    }
}
