//! References to networks, volumes, configs, secrets and services that are not declared.

use crate::model::finding::Finding;
use crate::spec::compose::ComposeFile;
use crate::spec::compose::mounts::MountKind;
use crate::spec::compose::store_refs::StoreRefs;
use crate::spec::decode::{Located, Report, closest};

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        if report.is_full() {
            return;
        }
        let path = format!("services.{key}");
        for (network, attachment) in service.networks.iter().flat_map(|networks| &networks.0) {
            if network != "default" && !file.networks.contains_key(network) {
                let known = file.networks.keys();
                report.push(undeclared(&path, "network", &attachment.with(network), known));
            }
        }
        for mount in service.volumes.iter().flat_map(|mounts| &mounts.0) {
            let named = match mount.kind {
                MountKind::Volume => !mount.source.is_empty(),
                MountKind::Cluster => !mount.source.starts_with("group:"),
                MountKind::Bind | MountKind::Tmpfs | MountKind::Npipe => false,
            };
            if named && !file.volumes.contains_key(&mount.source) {
                let known = file.volumes.keys();
                report.push(undeclared(&path, "volume", &mount.with(&mount.source), known));
            }
        }
        stores(&path, "config", service.configs.as_ref(), &file.configs.keys(), report);
        stores(&path, "secret", service.secrets.as_ref(), &file.secrets.keys(), report);
        let credentials = service.credential_spec.as_ref().and_then(|spec| spec.config.as_ref());
        if let Some(config) = credentials.filter(|config| !file.configs.contains_key(&config.value))
        {
            let known = file.configs.keys();
            report.push(undeclared(&path, "config", &config.with(&config.value), known));
        }
    }
}

fn stores<'a>(
    path: &str,
    kind: &str,
    references: Option<&Located<StoreRefs>>,
    known: &(impl Iterator<Item = &'a String> + Clone),
    report: &mut Report,
) {
    for reference in references.iter().flat_map(|references| &references.0) {
        let source = &reference.source;
        if !known.clone().any(|known| *known == source.value) {
            let name = source.with(&source.value);
            report.push(undeclared(path, kind, &name, known.clone()));
        }
    }
}

fn undeclared<'a>(
    path: &str,
    kind: &str,
    name: &Located<&String>,
    known: impl Iterator<Item = &'a String>,
) -> Finding {
    let shown = name.quoted(name.value);
    let message = format!("{path} uses the {kind} {shown}, which is not declared");
    let finding = Finding::error("undeclared", name.place.clone(), message);
    match closest(name.value, known.map(String::as_str)) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding.hint(match kind {
            "volume" if name.starts_with('/') => {
                "a path of the host is mounted with `type: bind`".to_owned()
            }
            "volume" if name.contains('/') => {
                let path = name.quoted(format_args!("./{}", name.value));
                format!("begin a path of the host with `./` or `/`: {path}")
            }
            "config" | "secret" => format!(
                "declare it below the top-level `{kind}s`, with a `file` or `external: true`"
            ),
            _ => {
                let line = name.quoted(format_args!("{}:", name.value));
                format!("declare it below the top-level `{kind}s`: the line {line} is enough")
            }
        }),
    }
}
