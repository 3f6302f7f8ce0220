//! `images.lock`: which image each tag means, written down once, so that every run means the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::{Cursor, Decode, Located, Report};
use super::image::Reference;
use super::yaml::{self, budget::Budget};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::finding::{self, Finding};
use crate::model::labels;
use crate::model::task::Platform;

/// The name of the file, looked for beside the stacks.
pub const FILE_NAME: &str = "images.lock";
/// The version of its layout.
const VERSION: u32 = 1;

/// What tags mean, by reference with tag, such as `nginx:1.27`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock(pub BTreeMap<String, Locked>);

/// What a tag means.
#[derive(Debug, Clone, PartialEq)]
pub struct Locked {
    /// `sha256:…` of the manifest or list of manifests.
    pub digest: String,
    /// Platforms that the image has, as Swarm's placement wants them.
    pub platforms: Vec<Platform>,
}

/// Reads a lock file; `file` is the path that messages show. With an error among the findings, nothing may be done on
/// its behalf.
pub fn parse(text: &[u8], file: Arc<str>) -> (Lock, Vec<Finding>) {
    let root = match yaml::parse(text, file, &Budget::default()) {
        Ok(root) => root,
        Err(findings) => return (Lock::default(), findings),
    };
    let mut report = Report::default();
    let lock = Cursor::top(&root).get(&mut report);
    let mut findings = report.into_findings();
    finding::sort(&mut findings);
    (lock.unwrap_or_default(), findings)
}

/// Under which name the image of `service` is locked; `None` where it names its digest itself, or nothing.
pub fn name(service: &DesiredService) -> Option<String> {
    let image = &service.spec.task_template.container_spec.as_ref()?.image;
    let reference = Reference::parse(image).ok()?;
    reference.digest.is_none().then(|| reference.tagged().to_string())
}

impl Lock {
    /// Makes every service of `stack` run what is locked, as if its file named the digest.
    pub fn pin(&self, stack: &mut DesiredStack) {
        stack.services.iter_mut().for_each(|service| self.pin_service(service));
    }

    /// The same for one service.
    pub fn pin_service(&self, service: &mut DesiredService) {
        let Some((name, locked)) = name(service).and_then(|name| {
            let locked = self.0.get(&name)?;
            Some((name, locked))
        }) else {
            return;
        };
        let Locked { digest, platforms } = locked;
        let template = &mut service.spec.task_template;
        let Some(container) = &mut template.container_spec else { return };
        container.image = format!("{name}@{digest}");
        service.spec.labels.insert(labels::IMAGE.to_owned(), container.image.clone());
        if !platforms.is_empty() {
            template.placement.get_or_insert_default().platforms.clone_from(platforms);
        }
    }

    /// The file, the same for the same lock.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# Made by `skep lock`: the image that each tag means. Commit it.\nversion: {VERSION}\nimages:"
        );
        if self.0.is_empty() {
            text.push_str(" {}");
        }
        text.push('\n');
        // Names and digests have no character that YAML would take for its own.
        text.extend(self.0.iter().map(|(name, Locked { digest, platforms })| {
            let platforms: Vec<String> = platforms.iter().map(shown).collect();
            let platforms = match platforms.as_slice() {
                [] => String::new(),
                platforms => format!("    platforms: [{}]\n", platforms.join(", ")),
            };
            format!("  \"{name}\":\n    digest: {digest}\n{platforms}")
        }));
        text
    }
}

/// `linux/amd64`, or `linux` where any architecture will do.
fn shown(platform: &Platform) -> String {
    let Platform { architecture, os } = platform;
    if architecture.is_empty() { os.clone() } else { format!("{os}/{architecture}") }
}

impl Decode for Lock {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let version = fields.at("version");
        match version.as_ref().map(|at| (at, at.get::<u32>(report))) {
            Some((_, Some(VERSION) | None)) => {}
            Some((at, Some(version))) => {
                let says = format!("is {version}, and this skep knows {VERSION}");
                report.push(at.error("lock-version", says).hint("a newer skep has written it"));
                // Whatever else it holds may mean something else.
                return None;
            }
            None => report.push(
                at.error("missing-key", "needs `version`")
                    .hint("remove the file, and make it anew with skep lock"),
            ),
        }
        let mut lock = Self::default();
        if let Some(entries) = fields.at("images").and_then(|at| at.entries(report)) {
            for (entry, value) in entries {
                let reference = Reference::parse(&entry.key);
                let name = reference.map(|reference| reference.tagged().to_string());
                if name.as_ref() != Ok(&entry.key) || entry.key.contains('@') {
                    let message = format!("`{}` is no image with its tag", entry.key);
                    let finding = Finding::error("lock-entry", entry.key_place.clone(), message);
                    report.push(match name {
                        Ok(name) if !name.contains('@') => finding.hint(format!("write `{name}`")),
                        _ => finding,
                    });
                }
                if let Some(locked) = value.get(report) {
                    lock.0.insert(entry.key.clone(), locked);
                }
            }
        }
        fields.finish(report);
        Some(lock)
    }
}

impl Decode for Locked {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let place = fields.at("digest");
        if place.is_none() {
            report.push(at.error("missing-key", "needs `digest`"));
        }
        let digest: Option<Located<String>> = place.and_then(|at| at.get(report));
        let digest = digest.filter(|digest| {
            let is_digest = Reference::parse(&format!("a@{}", digest.value)).is_ok();
            if !is_digest {
                let message = "the digest is not `sha256:` and 64 hexadecimal digits";
                report.push(
                    Finding::error("lock-entry", digest.place.clone(), message)
                        .hint("take the entry out, and run skep lock"),
                );
            }
            is_digest
        });
        let platforms: Vec<Located<String>> = fields.get("platforms", report).unwrap_or_default();
        let platforms = platforms.into_iter().map(|text| {
            let (os, architecture) = text.value.split_once('/').unwrap_or((&text.value, ""));
            Platform { architecture: architecture.to_owned(), os: os.to_owned() }
        });
        let platforms = platforms.collect();
        fields.finish(report);
        Some(Self { digest: digest?.value, platforms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let platform = |os: &str, architecture: &str| Platform {
            architecture: architecture.into(),
            os: os.into(),
        };
        let locked = |digit: &str, platforms| Locked {
            digest: format!("sha256:{}", digit.repeat(64)),
            platforms,
        };
        Lock(BTreeMap::from([
            (
                "nginx:1.27".into(),
                locked("a", vec![platform("linux", "amd64"), platform("linux", "")]),
            ),
            ("r.example:5000/a/b:latest".into(), locked("b", Vec::new())),
        ]))
    }

    #[test]
    fn what_is_written_is_read_and_written_the_same() {
        let text = lock().to_text();
        assert_eq!(parse(text.as_bytes(), "images.lock".into()), (lock(), Vec::new()));
        insta::assert_snapshot!(text);
        let empty = Lock::default().to_text();
        assert_eq!(parse(empty.as_bytes(), "images.lock".into()), (Lock::default(), Vec::new()));
    }

    #[test]
    fn a_broken_lock_is_explained_with_its_places() {
        let explained = |text: &str| {
            let (_, findings) = parse(text.as_bytes(), "images.lock".into());
            let show = |f: &Finding| {
                let place = f.place.as_ref().map(ToString::to_string).unwrap_or_default();
                let hint = f.hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
                format!("{place} {}: {}{hint}\n", f.code, f.message)
            };
            findings.iter().map(show).collect::<String>()
        };
        let broken = "images:\n  nginx: {digest: sha256:12}\n  a:1: {platforms: [linux]}\n  b:1: {diget: x}\n  'c d': {}\n";
        let conflict = "version: 1\nimages:\n<<<<<<< ours\n  a:1: {}\n=======\n";
        insta::assert_snapshot!(
            [broken, conflict, "version: 2\nimages: 5\n", "[]"].map(explained).join("---\n")
        );
    }
}
