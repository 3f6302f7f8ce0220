//! The environment of each service: its files, then its own variables, which win.

use std::collections::BTreeMap;

use super::files::Files;
use crate::model::secret::EnvVar;
use crate::spec::assemble::{Kind, Scopes};
use crate::spec::compose::{ComposeFile, Service};
use crate::spec::decode::{Located, Report};
use crate::spec::interpolate::{Variables, parse_env_file};
use crate::spec::tree::ReadError;

/// The most bytes that a file of variables may have.
const LIMIT: u64 = 1024 * 1024;

/// The environment of each service by key, sorted as docker sorts it.
pub(in crate::spec) fn environments(
    file: &ComposeFile,
    files: &mut Files<'_>,
    scopes: &Scopes,
    report: &mut Report,
) -> BTreeMap<String, Vec<Located<EnvVar>>> {
    let services = file.services.iter();
    services
        .map(|(key, service)| {
            let variables = scopes.of(Kind::Service, key);
            (key.clone(), environment(key, service, files, variables, report))
        })
        .collect()
}

fn environment(
    key: &str,
    service: &Service,
    files: &mut Files<'_>,
    variables: &Variables,
    report: &mut Report,
) -> Vec<Located<EnvVar>> {
    let mut environment = BTreeMap::new();
    for file in service.env_file.iter().flat_map(|files| &files.0) {
        let what = format!("services.{key}.env_file");
        let Some(content) = files.read(&what, &file.path, LIMIT, report) else { break };
        match content {
            Ok(content) => {
                let (assignments, findings) =
                    parse_env_file(&content.bytes, &content.name, variables);
                report.extend(findings);
                if files.take_all(&assignments, &file.path.place, report).is_none() {
                    break;
                }
                for assignment in assignments {
                    let variable =
                        EnvVar { name: assignment.name.clone(), value: Some(assignment.value) };
                    environment.insert(assignment.name, Located::new(variable, assignment.place));
                }
            }
            Err(failure) if failure.error == ReadError::Missing && !file.required => {}
            Err(failure) => report.push(*failure.finding),
        }
    }
    for (name, value) in service.environment.iter().flat_map(|environment| &environment.0) {
        // Without a value a variable is that of the stack, else it is unset in the container.
        let own = value.value.as_ref().map(|value| value.expose().as_str());
        let text = own.or_else(|| variables.value(name));
        // What stands in the file itself was counted with it.
        let named = text.filter(|_| own.is_none()).map_or(0, str::len);
        if files.take(named, &value.place, report).is_none() {
            break;
        }
        let variable = EnvVar { name: name.clone(), value: text.map(str::to_owned) };
        environment.insert(name.clone(), Located::new(variable, value.place.clone()));
    }
    let mut environment: Vec<_> = environment.into_values().collect();
    environment.sort_by_cached_key(|variable| variable.to_engine());
    environment
}
