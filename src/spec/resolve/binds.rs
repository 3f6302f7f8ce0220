//! Host paths of bind mounts.

use crate::model::finding::Finding;
use crate::spec::assemble::{Kind, Scopes};
use crate::spec::compose::ComposeFile;
use crate::spec::compose::mounts::MountKind;
use crate::spec::decode::Report;

/// The absolute directory against which relative host paths resolve, if there is one.
#[derive(Debug, Clone)]
pub(in crate::spec) struct BindBase(pub(in crate::spec) Option<String>);

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
            let source = &mut mount.value.source;
            let message = |source: &str, what: &str| {
                format!("services.{key}.volumes has the host path `{source}`, {what}")
            };
            if let Some(rest) = source.strip_prefix('~') {
                let Some(home) = scopes.of(Kind::Service, key).value("HOME") else {
                    let message = message(source, "but the variable HOME is not set");
                    report.push(
                        Finding::error("relative-bind", mount.place.clone(), message).hint(
                            "write the whole path; the nodes' home directories may differ anyway",
                        ),
                    );
                    continue;
                };
                *source = format!("{home}{rest}");
            }
            if is_absolute(source) {
                continue;
            }
            if let Some(base) = &base.0 {
                *source = clean(&format!("{base}/{source}"));
            } else {
                let message = message(source, "which is relative, and a repository is on no node");
                report.push(
                    Finding::error("relative-bind", mount.place.clone(), message)
                        .hint("use a config, an absolute path, or set `bind_root` to where the nodes have these files"),
                );
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
