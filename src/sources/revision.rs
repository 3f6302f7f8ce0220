//! The revision of a source: which content a pass works on.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::git::CommitId;

/// Which content a pass works on: `sha1:` and a commit, or `sha256:` and a digest over all files that were read.
///
/// Equal content gives the same revision on every machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(String);

impl Revision {
    /// The revision of a set of files by path.
    pub fn of_files(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut all = Sha256::new();
        for (path, content) in files {
            // Digests have one length, so no content can be moved from one path to another unseen.
            all.update(Sha256::digest(path.as_bytes()));
            all.update(Sha256::digest(content));
        }
        Self(format!("sha256:{}", hex::encode(all.finalize())))
    }

    /// The revision that a commit is.
    pub fn of_commit(id: CommitId) -> Self {
        Self(format!("sha1:{id}"))
    }

    /// The whole revision.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first twelve digits, for people: `sha256:1f0c2d…` is shown as `sha256:1f0c2d3e4f50`.
impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.find(':').map_or(12, |colon| colon + 13);
        f.write_str(self.0.get(..end).unwrap_or(&self.0))
    }
}
