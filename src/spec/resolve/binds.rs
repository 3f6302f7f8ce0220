//! Host paths of bind mounts.

use crate::model::finding::Finding;
use crate::spec::assemble::{Kind, Scopes};
use crate::spec::compose::ComposeFile;
use crate::spec::compose::mounts::MountKind;
use crate::spec::decode::Report;

/// The absolute directory against which relative host paths resolve.
#[derive(Debug, Clone)]
pub(in crate::spec) enum BindBase {
    /// One that the nodes have, by the word of whoever said so.
    Nodes(String),
    /// That of the stack file on this machine.
    Here(String),
    /// There is none.
    Nowhere,
}

/// Makes the host paths of bind mounts absolute, as docker's client does: `~` is the variable `HOME`, and relative
/// paths are below the directory of the stack file.
pub(in crate::spec) fn resolve_binds(
    file: &mut ComposeFile,
    base: &BindBase,
    scopes: &Scopes,
    report: &mut Report,
) {
    for (key, service) in &mut file.services {
        for mount in service.value.volumes.iter_mut().flat_map(|mounts| &mut mounts.value.0) {
            if mount.value.kind != MountKind::Bind {
                continue;
            }
            let shown = mount.quoted(&mount.source);
            let source = &mut mount.value.source;
            let message =
                |what: &str| format!("services.{key}.volumes has the host path {shown}, {what}");
            if let Some(rest) = source.strip_prefix('~') {
                let Some(home) = scopes.of(Kind::Service, key).value("HOME") else {
                    let message = message("but the variable HOME is not set");
                    report.push(
                        Finding::error("relative-bind", mount.place.clone(), message).hint(
                            "write the whole path; the nodes' home directories may differ anyway",
                        ),
                    );
                    continue;
                };
                *source = format!("{home}{rest}");
            }
            if source.is_empty() || is_absolute(source) {
                continue;
            }
            match base {
                BindBase::Nodes(base) => *source = clean(&format!("{base}/{source}")),
                BindBase::Here(base) => {
                    *source = clean(&format!("{base}/{source}"));
                    let message = message(
                        "which is relative: it becomes a path of this machine, and a node need not have it",
                    );
                    report.push(
                        Finding::warning("relative-bind", mount.place.clone(), message)
                            .hint("use a volume, a config for a file, or the absolute path that all nodes have"),
                    );
                }
                BindBase::Nowhere => {
                    let message = message("which is relative, and a repository is on no node");
                    report.push(
                        Finding::error("relative-bind", mount.place.clone(), message)
                            .hint("use a config, an absolute path, or set `bind_root` to where the nodes have these files"),
                    );
                }
            }
        }
    }
}

/// Absolute on Unix, or on Windows: a drive or a share.
fn is_absolute(path: &str) -> bool {
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('\\' | '/'));
    path.starts_with('/') || path.starts_with(r"\\") || drive
}

/// Go's `filepath.Clean` of an absolute path.
pub(in crate::spec) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        assert_eq!(clean("/srv/shop/./a/../b/"), "/srv/shop/b");
        assert_eq!(clean("/srv/../../x"), "/x");
        assert!(is_absolute(r"C:\x") && is_absolute(r"\\host\x") && !is_absolute("c:x"));
    }
}
