//! `depends_on`: services that are not declared, and cycles.

use crate::model::desired::Condition;
use crate::model::finding::Finding;
use crate::spec::compose::depends_on::Need;
use crate::spec::compose::{ComposeFile, Service};
use crate::spec::cycle::cycle;
use crate::spec::decode::{Located, Report, closest};

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        for (name, need) in service.depends_on.iter().flat_map(|needs| &needs.0) {
            let Some(needed) = file.services.get(name).filter(|_| name != key) else {
                if need.required || name == key {
                    report.push(no_such_service(file, key, name, need));
                }
                continue;
            };
            if need.condition == Condition::ServiceCompletedSuccessfully && !is_job(needed) {
                let message = format!(
                    "services.{key} waits until `{name}` has completed, but it is no job and never does"
                );
                report.push(
                    Finding::error("never-completes", need.place.clone(), message)
                        .related(needed.place.clone(), "the service")
                        .hint("give it `deploy.mode: replicated-job`"),
                );
            }
        }
    }
    if let Some(cycle) = services_in_cycle(file) {
        report.push(describe(file, &cycle));
    }
}

/// A list is what docker knows: it ignores whatever stands there, and so does skep, saying so.
fn no_such_service(file: &ComposeFile, key: &str, name: &str, need: &Located<Need>) -> Finding {
    let (what, hint) = if name == key {
        ("itself".to_owned(), "remove it".to_owned())
    } else {
        let near = closest(name, file.services.keys().map(String::as_str));
        let hint = near.map_or_else(
            || "declare the service, or ask for its profile".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        (format!("{}, which is not declared", need.quoted(name)), hint)
    };
    let message = format!("services.{key} depends on {what}");
    let place = need.place.clone();
    let finding = if need.listed {
        Finding::warning("undeclared", place, message)
    } else {
        Finding::error("undeclared", place, message)
    };
    finding.hint(hint)
}

fn is_job(service: &Service) -> bool {
    let mode = service.deploy.as_ref().and_then(|deploy| deploy.mode.as_ref());
    mode.is_some_and(|mode| mode.value.is_job())
}

/// The services of one cycle, in the order in which they need each other.
fn services_in_cycle(file: &ComposeFile) -> Option<Vec<&str>> {
    let needs = |key: &str| -> Vec<&str> {
        file.services
            .get(key)
            .and_then(|service| service.depends_on.as_ref())
            .map(|needs| needs.0.keys().map(String::as_str).filter(|need| *need != key).collect())
            .unwrap_or_default()
    };
    cycle(file.services.keys().map(String::as_str), needs)
}

fn describe(file: &ComposeFile, cycle: &[&str]) -> Finding {
    let names = cycle.iter().chain(cycle.first()).copied().collect::<Vec<_>>().join(" → ");
    let mut places = cycle.iter().zip(cycle.iter().cycle().skip(1)).filter_map(|(key, next)| {
        let needs = file.services.get(*key)?.depends_on.as_ref()?;
        Some((*key, *next, needs.0.get(*next)?.place.clone()))
    });
    let first = places.next().map(|(_, _, place)| place);
    let finding =
        Finding::error("dependency-cycle", first, format!("services wait for each other: {names}"));
    places
        .fold(finding, |finding, (key, next, place)| {
            finding.related(place, format!("{key} needs {next}"))
        })
        .hint("remove one of the dependencies")
}
