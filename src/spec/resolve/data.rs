//! The data of configs and secrets.

use std::collections::BTreeMap;

use super::files::Files;
use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::model::secret::Redacted;
use crate::spec::assemble::{Kind, Scopes};
use crate::spec::compose::ComposeFile;
use crate::spec::decode::{Located, Report};
use crate::spec::interpolate::Variables;
use crate::spec::tree::ReadError;

/// A config is smaller than this many bytes (swarmkit `manager/controlapi/config.go`).
const CONFIG_LIMIT: usize = 1000 * 1024;
/// A secret is smaller than this many bytes (swarmkit `manager/controlapi/secret.go`).
const SECRET_LIMIT: usize = 500 * 1024;

/// Where the data of one object is, as its definition says.
struct Source<'a> {
    /// The path of its keys, for messages.
    path: String,
    /// `config` or `secret`.
    kind: &'static str,
    /// How many bytes are too many.
    limit: usize,
    file: Option<&'a Located<String>>,
    content: Option<&'a Located<Redacted<String>>>,
    environment: Option<&'a Located<String>>,
}

/// The data of each config that the stack creates, by key.
pub(in crate::spec) fn configs(
    file: &ComposeFile,
    files: &mut Files<'_>,
    scopes: &Scopes,
    report: &mut Report,
) -> BTreeMap<String, Vec<u8>> {
    let own = file.configs.iter().filter(|(_, config)| !config.is_external());
    own.map(|(key, config)| {
        let source = Source {
            path: format!("configs.{key}"),
            kind: "config",
            limit: CONFIG_LIMIT,
            file: config.file.as_ref(),
            content: config.content.as_ref(),
            environment: config.environment.as_ref(),
        };
        let variables = scopes.of(Kind::Config, key);
        (key.clone(), read(&source, files, variables, report).unwrap_or_default())
    })
    .collect()
}

/// The data of each secret that the stack creates, by key; empty for one that a plugin has.
pub(in crate::spec) fn secrets(
    file: &ComposeFile,
    files: &mut Files<'_>,
    scopes: &Scopes,
    report: &mut Report,
) -> BTreeMap<String, Redacted<Vec<u8>>> {
    let own = file.secrets.iter().filter(|(_, secret)| !secret.is_external());
    own.map(|(key, secret)| {
        let source = Source {
            path: format!("secrets.{key}"),
            kind: "secret",
            limit: SECRET_LIMIT,
            file: secret.file.as_ref(),
            content: None,
            environment: secret.environment.as_ref(),
        };
        let variables = scopes.of(Kind::Secret, key);
        let data = read(&source, files, variables, report).unwrap_or_default();
        (key.clone(), Redacted::new(data))
    })
    .collect()
}

fn read(
    source: &Source<'_>,
    files: &mut Files<'_>,
    variables: &Variables,
    report: &mut Report,
) -> Option<Vec<u8>> {
    let (data, place) = if let Some(content) = source.content {
        (content.expose().as_bytes().to_vec(), &content.place)
    } else if let Some(name) = source.environment {
        let Some(value) = variables.value(name) else {
            let message = format!(
                "{}.environment names the variable {}, which is not set",
                source.path,
                name.quoted(&name.value)
            );
            report.push(
                Finding::error("missing-variable", name.place.clone(), message)
                    .hint("set it with --var, --env-file or .env; --inherit-env takes it from the environment"),
            );
            return None;
        };
        files.take(value.len(), &name.place, report)?;
        (value.as_bytes().to_vec(), &name.place)
    } else {
        let path = source.file?;
        // One byte more than is allowed tells "too large" from "as large as can be".
        match files.read(&format!("{}.file", source.path), path, source.limit as u64, report)? {
            Ok(content) => (content.bytes, &path.place),
            Err(failure) => {
                report.push(match failure.error {
                    ReadError::TooLarge { .. } => too_large(source, &path.place),
                    _ => *failure.finding,
                });
                return None;
            }
        }
    };
    if data.is_empty() {
        let message = format!("{} is empty, which a Swarm does not allow", source.path);
        report.push(Finding::error("empty-data", place.clone(), message));
    }
    if data.len() >= source.limit {
        report.push(too_large(source, place));
    }
    Some(data)
}

fn too_large(source: &Source<'_>, place: &Place) -> Finding {
    let Source { path, kind, limit, .. } = source;
    let message =
        format!("{path} is too large: a {kind} must be smaller than {} KiB", limit / 1024);
    Finding::error("too-large", place.clone(), message)
        .hint("put it into the image or a volume, or split it")
}
