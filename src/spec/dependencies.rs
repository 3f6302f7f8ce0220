//! `x-skep.depends_on`: stacks that wait for each other, and stacks that nobody declares.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::finding::Finding;
use crate::model::name::StackName;

use super::cycle::cycle;
use super::decode::{Located, closest};
use super::stack::Stack;

/// Stacks that wait for each other: none of them would ever be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Which.
    pub stacks: BTreeSet<StackName>,
    /// What to say about it.
    pub finding: Finding,
}

/// Every cycle among `stacks`; a stack is in one of them at most.
pub fn cycles(stacks: &[Stack]) -> Vec<Cycle> {
    let mut open: BTreeMap<&str, &Stack> =
        stacks.iter().map(|stack| (stack.name.as_str(), stack)).collect();
    let mut cycles = Vec::new();
    loop {
        let needs = |name: &str| -> Vec<&str> {
            let needed = open.get(name).into_iter().flat_map(|stack| needs_of(stack));
            needed.map(|need| need.as_str()).filter(|need| open.contains_key(need)).collect()
        };
        let Some(names) = cycle(open.keys().copied(), needs) else { return cycles };
        let members: Vec<&Stack> = names.iter().filter_map(|name| open.remove(name)).collect();
        cycles.push(Cycle {
            stacks: members.iter().map(|stack| stack.name.clone()).collect(),
            finding: describe(&members),
        });
    }
}

/// Needed stacks that are not among `known`, which are all that the source declares.
pub fn undeclared(stacks: &[Stack], known: &BTreeSet<StackName>) -> Vec<Finding> {
    let missing = stacks.iter().flat_map(|stack| {
        let needs = needs_of(stack).filter(|need| !known.contains(&need.value));
        needs.map(move |need| (stack, need))
    });
    let finding = |(stack, need): (&Stack, &Located<StackName>)| {
        let message = format!(
            "stack {} depends on stack {}, which is not declared beside it",
            stack.name,
            need.quoted(&need.value)
        );
        let finding = Finding::warning("undeclared-stack", need.place.clone(), message);
        match closest(need.value.as_str(), known.iter().map(StackName::as_str)) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint("it must be there and healthy, whoever deploys it"),
        }
    };
    missing.map(finding).collect()
}

fn needs_of(stack: &Stack) -> impl Iterator<Item = &Located<StackName>> {
    let extension = stack.compose.x_skep.iter();
    extension.flat_map(|extension| extension.depends_on.iter().flatten())
}

fn describe(members: &[&Stack]) -> Finding {
    let names = members.iter().chain(members.first()).map(|stack| stack.name.as_str());
    let names = names.collect::<Vec<_>>().join(" → ");
    let nexts = members.iter().cycle().skip(1);
    let mut places = members.iter().zip(nexts).filter_map(|(stack, next)| {
        let need = needs_of(stack).find(|need| need.value == next.name)?;
        Some((&stack.name, &next.name, need.place.clone()))
    });
    let first = places.next().map(|(_, _, place)| place);
    let message = if members.len() == 1 {
        format!("a stack waits for itself: {names}")
    } else {
        format!("stacks wait for each other: {names}")
    };
    let finding = Finding::error("dependency-cycle", first, message);
    places
        .fold(finding, |finding, (stack, next, place)| {
            finding.related(place, format!("{stack} needs {next}"))
        })
        .hint("remove one of the dependencies")
}
