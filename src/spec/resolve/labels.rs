//! `label_file` of a service.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::files::Files;
use crate::spec::assemble::{Kind, Scopes};
use crate::spec::compose::ComposeFile;
use crate::spec::compose::pairs::Pairs;
use crate::spec::decode::{Located, Report};
use crate::spec::interpolate::parse_dotenv;

/// The most bytes that a file of labels may have.
const LIMIT: u64 = 1024 * 1024;

/// Adds the labels of files to the services that name them. Of several files the last counts, and `labels` over all.
pub(in crate::spec) fn add_label_files(
    file: &mut ComposeFile,
    files: &mut Files<'_>,
    scopes: &Scopes,
    report: &mut Report,
) {
    for (key, service) in &mut file.services {
        let service = &mut service.value;
        let Some(paths) = service.label_file.take() else { continue };
        let mut labels = IndexMap::new();
        for path in &paths.value.0 {
            let what = format!("services.{key}.label_file");
            let Some(content) = files.read(&what, path, LIMIT, report) else { break };
            match content {
                Ok(content) => {
                    let variables = scopes.of(Kind::Service, key);
                    let (assignments, findings) =
                        parse_dotenv(&content.bytes, &content.name, variables);
                    report.extend(findings);
                    if files.take_all(&assignments, &path.place, report).is_none() {
                        break;
                    }
                    for label in assignments {
                        labels.insert(label.name, Located::new(label.value, label.place));
                    }
                }
                Err(failure) => report.push(*failure.finding),
            }
        }
        let own = service
            .labels
            .get_or_insert_with(|| Located::new(Pairs::default(), paths.place.clone()));
        let known: HashSet<String> = own.value.0.keys().cloned().collect();
        labels.retain(|name, _| !known.contains(name));
        own.value.0.extend(labels);
    }
}
