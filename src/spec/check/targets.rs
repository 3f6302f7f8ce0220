//! What a container would see at one path: mounts, configs and secrets that are in the way of each other.

use std::collections::HashMap;

use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::compose::store_refs::StoreRef;
use crate::spec::compose::{ComposeFile, Service};
use crate::spec::decode::{Located, Report};
use crate::spec::resolve::clean;

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        let mut targets = Targets { service: key, seen: HashMap::new(), report };
        targets.mounts(service);
        targets.files("config", "/", service.configs.iter().flat_map(|configs| &configs.0));
        let secrets = service.secrets.iter().flat_map(|secrets| &secrets.0);
        targets.files("secret", "/run/secrets/", secrets);
    }
}

/// The paths of one service that are taken.
struct Targets<'a, 'r> {
    service: &'a str,
    seen: HashMap<String, Taken<'a>>,
    report: &'r mut Report,
}

/// What takes a path.
#[derive(Clone, Copy)]
struct Taken<'a> {
    kind: &'static str,
    written: &'a str,
    place: &'a Place,
}

impl<'a> Targets<'a, '_> {
    fn mounts(&mut self, service: &'a Service) {
        for mount in service.volumes.iter().flat_map(|mounts| &mounts.0) {
            let taken = Taken { kind: "mount", written: &mount.target, place: &mount.place };
            let Some(first) = self.take(plain(&mount.target), taken) else { continue };
            let message = format!(
                "services.{}.volumes mounts {} twice",
                self.service,
                mount.quoted(&mount.target)
            );
            self.report.push(
                Finding::error("same-target", mount.place.clone(), message)
                    .related(first.place.clone(), "the first mount")
                    .hint("remove one of the two"),
            );
        }
    }

    /// Docker refuses the same `target` twice in one list. What is the same path otherwise, the last one wins.
    fn files(
        &mut self,
        kind: &'static str,
        directory: &str,
        files: impl Iterator<Item = &'a Located<StoreRef>>,
    ) {
        for file in files {
            let target = file.target();
            let is_absolute = target.starts_with(['/', '\\']) || target.contains(':');
            let path =
                if is_absolute { plain(target) } else { plain(&format!("{directory}{target}")) };
            let taken = Taken { kind, written: target, place: &file.place };
            let Some(first) = self.take(path, taken) else { continue };
            let service = self.service;
            let shown = file.quoted(target);
            let finding = if first.kind == kind && first.written == target {
                let message = format!("services.{service}.{kind}s puts two files at {shown}");
                Finding::error("same-target", file.place.clone(), message)
                    .related(first.place.clone(), "the first one")
            } else {
                let message = format!(
                    "services.{service}.{kind}s puts a file at {shown}, where a {} is already",
                    first.kind
                );
                Finding::warning("same-target", file.place.clone(), message)
                    .related(first.place.clone(), format!("the {}", first.kind))
            };
            self.report.push(finding.hint("give one of them another `target`"));
        }
    }

    /// What has taken `path` before.
    fn take(&mut self, path: String, taken: Taken<'a>) -> Option<Taken<'a>> {
        let first = self.seen.get(&path).copied();
        if first.is_none() {
            self.seen.insert(path, taken);
        }
        first
    }
}

/// One way to write a path.
fn plain(path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { path.trim_end_matches(['/', '\\']).to_owned() }
}
