//! Commits of git repositories as snapshots of files.
//!
//! A repository has a bare cache below the state directory, and a snapshot reads the objects of one commit from it.
//! libgit2 keeps the objects; skep talks to servers itself. libgit2's transports block a thread until the server
//! answers, take certificates and time limits for the whole process only, and need OpenSSL. What it takes to fetch
//! single commits is small: see `conversation`.

mod access;
mod cache;
mod commit;
mod conversation;
mod error;
mod glob;
mod last;
mod limits;
mod local;
mod packet;
mod receive;
mod reference;
mod refs;
mod remote;
mod repository;
mod signature;
mod source;
mod transcript;
mod tree;
mod unfold;
mod url;
mod wire;

pub use access::{Access, HttpLogin, SecretSource, SshAccess, SshKey};
pub use commit::{Commit, Signature};
pub use error::{GitError, Remedy};
pub use limits::Limits;
pub use reference::{CommitId, NotACommitId, Reference, VersionTags};
pub use repository::Repositories;
pub use signature::{SignatureError, Signed, Signer, Verification};
pub(in crate::sources) use source::Fetched;
pub use source::{GitDeclaration, GitSource};
pub use transcript::find;
pub use tree::GitTree;
pub use url::{RepositoryUrl, UrlError};
