//! What references last led to, remembered beside the cache for a start at which the server does not answer.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use git2::Oid;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::reference::{Reference, Target, oid};

/// How the files are called, with a digest between.
const PREFIX: &str = "last-";
const SUFFIX: &str = ".json";

/// Whose memory it is: sources with the same reference share it, but what nobody verified is no memory of one that
/// wants signatures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) reference: &'a Reference,
    pub(super) is_verified: bool,
}

/// What a reference last led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) target: Target,
    /// When it was first fetched.
    pub(super) fetched_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Note {
    id: String,
    branch: Option<String>,
    tag: Option<String>,
    fetched_at: Timestamp,
}

impl Whose<'_> {
    fn path(self, directory: &Path) -> PathBuf {
        let Self { reference, is_verified } = self;
        let digest = hex::encode(Sha256::digest(format!("{reference} {is_verified}")));
        let digest = digest.get(..16).unwrap_or(&digest);
        directory.join(format!("{PREFIX}{digest}{SUFFIX}"))
    }

    /// Remembers what it leads to. Nothing is written while that stays the same.
    pub(super) fn remember(self, directory: &Path, target: &Target) -> io::Result<()> {
        if self.recall(directory).is_some_and(|last| last.target == *target) {
            return Ok(());
        }
        let Target { id, branch, tag } = target.clone();
        let note = Note { id: id.to_string(), branch, tag, fetched_at: Timestamp::now() };
        let path = self.path(directory);
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&note)?)?;
        fs::rename(new, path)
    }

    /// What it last led to, if that is known.
    pub(super) fn recall(self, directory: &Path) -> Option<Last> {
        read(&self.path(directory))
    }
}

/// Everything that is remembered.
pub(super) fn all(directory: &Path) -> Vec<Oid> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let notes = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(PREFIX) && name.ends_with(SUFFIX)
    });
    notes.filter_map(|path| Some(read(&path)?.target.id)).collect()
}

fn read(path: &Path) -> Option<Last> {
    let Note { id, branch, tag, fetched_at } =
        serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(Last { target: Target { id: oid(&id)?, branch, tag }, fetched_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_a_memory_of_its_own_and_so_has_what_was_verified() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = directory.path();
        let target = |digit: &str, branch: &str| Target {
            id: oid(&digit.repeat(40)).expect("an id"),
            branch: Some(branch.to_owned()),
            tag: None,
        };
        let [main, next] = ["main", "next"].map(|name| Reference::Branch(name.to_owned()));
        let whose = |reference, is_verified| Whose { reference, is_verified };
        whose(&main, false).remember(at, &target("1", "main")).expect("written");
        let first = whose(&main, false).recall(at).expect("known");
        assert_eq!(first.target, target("1", "main"));
        assert_eq!(whose(&main, true).recall(at), None);
        assert_eq!(whose(&next, false).recall(at), None);
        whose(&next, true).remember(at, &target("2", "next")).expect("written");
        whose(&main, false).remember(at, &target("1", "main")).expect("still there");
        assert_eq!(whose(&main, false).recall(at), Some(first));
        let mut all = all(at);
        all.sort_unstable();
        assert_eq!(all, [target("1", "main").id, target("2", "next").id]);
        fs::write(whose(&main, false).path(at), "{").expect("broken");
        assert_eq!(whose(&main, false).recall(at), None);
    }
}
