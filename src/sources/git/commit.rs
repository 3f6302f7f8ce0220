//! What people want to know about a commit.

use git2::{ErrorCode, Oid, Repository};
use jiff::Timestamp;

use super::error::GitError;
use super::reference::{CommitId, Target};
use super::signature::Signer;

/// How much of a name or subject is kept; authors may write anything.
const MAX_TEXT: usize = 200;

/// What people want to know about a commit. The texts are an author's: one line each, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The repository's URL, without its user.
    pub url: String,
    /// The commit.
    pub id: CommitId,
    /// The branch that led to it, if one did.
    pub branch: Option<String>,
    /// The tag that led to it, if one did.
    pub tag: Option<String>,
    /// Who wrote it, by name.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The first line of its message.
    pub subject: String,
    /// Whether its signature was checked. What is not signed as it should be is refused and never comes this far.
    pub signature: Signature,
}

/// What is known of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// Nobody asked.
    NotChecked,
    /// It is by somebody on the list; of a tag and a commit, the tag's comes first.
    Good(Vec<Signer>),
}

impl Commit {
    /// Reads a target's commit.
    pub(super) fn read(
        repository: &Repository,
        url: String,
        target: &Target,
        signature: Signature,
    ) -> Result<Self, GitError> {
        let commit = peel(repository, target.id)?;
        Ok(Self {
            url,
            id: CommitId::new(commit.id()),
            branch: target.branch.as_ref().map(|name| line(name.as_bytes())),
            tag: target.tag.as_ref().map(|name| line(name.as_bytes())),
            author: line(commit.author().name_bytes()),
            time: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
            subject: line(commit.summary_bytes().unwrap_or_default()),
            signature,
        })
    }
}

/// The commit of a commit or tag.
pub(super) fn peel(repository: &Repository, id: Oid) -> Result<git2::Commit<'_>, GitError> {
    let object = repository.find_object(id, None).and_then(|object| object.peel_to_commit());
    object.map_err(|source| match source.code() {
        // A tag can be one of a single file.
        ErrorCode::InvalidSpec | ErrorCode::Peel => {
            GitError::Store { operation: "find the commit that the tag is about", source }
        }
        _ => GitError::Store { operation: "read the commit", source },
    })
}

fn line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}
