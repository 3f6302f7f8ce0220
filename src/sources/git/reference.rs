//! Which commit of a repository is wanted, and which of the server's references that is.

use std::fmt;
use std::str::FromStr;

use semver::{Version, VersionReq};

use super::refs::{Ref, Refs};
use crate::spec::decode::closest;

/// Which commit of a repository is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Reference {
    /// The branch that the server calls its default.
    #[default]
    Head,
    /// The newest commit of a branch.
    Branch(String),
    /// What a tag points to.
    Tag(String),
    /// What the tag with the highest version that fits points to.
    Version(VersionTags),
    /// One commit for ever.
    Commit(CommitId),
}

/// Tags that are versions, such as `v1.4.2`, or with a prefix `shop/v1.4.2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionTags {
    /// Which versions fit, as Cargo writes it: `1.4`, `>=1.2, <3`, `*`. Pre-releases fit only where one is named.
    pub requirement: VersionReq,
    /// What stands before the version, and before a `v`.
    pub prefix: String,
}

impl VersionTags {
    /// The version of a tag, if it is one that fits.
    fn version(&self, tag: &str) -> Option<Version> {
        let text = tag.strip_prefix(&self.prefix)?;
        let version = Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()?;
        self.requirement.matches(&version).then_some(version)
    }
}

/// The full name of a commit: forty hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommitId(git2::Oid);

/// Why a text is no full name of a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the full name of a commit, which has 40 hexadecimal digits")]
pub struct NotACommitId(String);

impl FromStr for CommitId {
    type Err = NotACommitId;

    fn from_str(text: &str) -> Result<Self, NotACommitId> {
        oid(text).map(Self).ok_or_else(|| NotACommitId(text.to_owned()))
    }
}

/// All forty digits.
impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl CommitId {
    pub(super) const fn new(oid: git2::Oid) -> Self {
        Self(oid)
    }

    pub(super) const fn oid(self) -> git2::Oid {
        self.0
    }
}

/// An object's full name; libgit2 alone would take shorter ones.
pub(super) fn oid(text: &str) -> Option<git2::Oid> {
    let is_full = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_full { git2::Oid::from_str(text).ok() } else { None }
}

/// What a reference stands for on a server right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The object to fetch: a commit or an annotated tag.
    pub(super) id: git2::Oid,
    /// The branch, if it is one.
    pub(super) branch: Option<String>,
    /// The tag, if it is one.
    pub(super) tag: Option<String>,
}

/// What stands in the way of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoTarget {
    /// No branch and no tag at all.
    Empty,
    /// There are others; one of them may be similar.
    Missing { what: String, similar: Option<String> },
}

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

impl Reference {
    /// The beginnings of the names that have to be listed to find it.
    pub(super) fn prefixes(&self) -> Vec<String> {
        match self {
            Self::Head => vec!["HEAD".to_owned()],
            Self::Branch(name) => vec![format!("{BRANCHES}{name}")],
            Self::Tag(name) => vec![format!("{TAGS}{name}")],
            Self::Version(tags) => vec![format!("{TAGS}{}", tags.prefix)],
            Self::Commit(_) => Vec::new(),
        }
    }

    /// The beginnings of the names among which one that is missing would be.
    pub(super) fn neighbours(&self) -> Vec<String> {
        match self {
            Self::Head | Self::Branch(_) | Self::Commit(_) => vec![BRANCHES.to_owned()],
            Self::Tag(_) | Self::Version(_) => vec![TAGS.to_owned(), BRANCHES.to_owned()],
        }
    }

    /// What it stands for among the references of a server.
    pub(super) fn find(&self, refs: &Refs) -> Result<Target, NoTarget> {
        let missing = |prefix: &str, name: &str, kind: &str| {
            if refs.all.is_empty() {
                return NoTarget::Empty;
            }
            let names = refs.all.iter().filter_map(|found| found.name.strip_prefix(prefix));
            let similar = closest(name, names).map(str::to_owned);
            NoTarget::Missing { what: format!("{kind} `{name}`"), similar }
        };
        match self {
            Self::Head => match refs.find("HEAD") {
                Some(head) => {
                    let branch = refs.head.as_deref().and_then(|name| name.strip_prefix(BRANCHES));
                    Ok(Target { id: head.id, branch: branch.map(str::to_owned), tag: None })
                }
                None if refs.all.is_empty() => Err(NoTarget::Empty),
                None => Err(NoTarget::Missing {
                    what: "default branch".to_owned(),
                    similar: refs
                        .all
                        .iter()
                        .find_map(|found| found.name.strip_prefix(BRANCHES))
                        .map(str::to_owned),
                }),
            },
            Self::Branch(name) => match refs.find(&format!("{BRANCHES}{name}")) {
                Some(found) => Ok(Target { id: found.id, branch: Some(name.clone()), tag: None }),
                None => Err(missing(BRANCHES, name, "branch")),
            },
            Self::Tag(name) => match refs.find(&format!("{TAGS}{name}")) {
                Some(found) => Ok(Target { id: found.id, branch: None, tag: Some(name.clone()) }),
                None => Err(missing(TAGS, name, "tag")),
            },
            Self::Version(tags) => newest(tags, refs).ok_or_else(|| {
                if refs.all.is_empty() {
                    return NoTarget::Empty;
                }
                NoTarget::Missing { what: format!("tag that fits {self}"), similar: None }
            }),
            Self::Commit(id) => Ok(Target { id: id.oid(), branch: None, tag: None }),
        }
    }
}

/// The tag with the highest version; of `v1.0.0` and `1.0.0` always the same.
fn newest(tags: &VersionTags, refs: &Refs) -> Option<Target> {
    let versions = refs.all.iter().filter_map(|found| {
        let tag = found.name.strip_prefix(TAGS)?;
        Some((tags.version(tag)?, tag, found))
    });
    let newest = |(version, tag, _): &(Version, &str, &Ref)| (version.clone(), (*tag).to_owned());
    let (_, tag, found) = versions.max_by_key(newest)?;
    Some(Target { id: found.id, branch: None, tag: Some(tag.to_owned()) })
}

/// `branch main`, `tag v1`, `tags shop/>=1.2`, `commit 4f2c9e1…`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("the default branch"),
            Self::Branch(name) => write!(f, "branch `{name}`"),
            Self::Tag(name) => write!(f, "tag `{name}`"),
            Self::Version(VersionTags { requirement, prefix }) => {
                write!(f, "`{prefix}{requirement}`")
            }
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "1111111111111111111111111111111111111111";

    fn refs(names: &[&str]) -> Refs {
        let id = |number: usize| git2::Oid::from_str(&format!("{number:040x}")).expect("an id");
        let all = names.iter().enumerate();
        let all = all.map(|(n, name)| Ref { name: (*name).to_owned(), id: id(n) }).collect();
        Refs { all, head: Some("refs/heads/main".to_owned()) }
    }

    fn tags(requirement: &str, prefix: &str) -> Reference {
        let requirement = requirement.parse().expect("a requirement");
        Reference::Version(VersionTags { requirement, prefix: prefix.to_owned() })
    }

    #[test]
    fn the_highest_version_wins_and_not_the_last_tag() {
        let refs = refs(&[
            "HEAD",
            "refs/tags/v1.9.0",
            "refs/tags/v1.10.0",
            "refs/tags/1.2.0",
            "refs/tags/v2.0.0-rc.1",
            "refs/tags/shop/v1.1.0",
            "refs/tags/v1.11",
            "refs/tags/latest",
        ]);
        let tag = |reference: &Reference| reference.find(&refs).map(|target| target.tag);
        let some = |tag: &str| Ok(Some(tag.to_owned()));
        assert_eq!(tag(&tags("1", "")), some("v1.10.0"));
        assert_eq!(tag(&tags("<1.9", "")), some("1.2.0"));
        assert_eq!(tag(&tags(">=2.0.0-rc", "")), some("v2.0.0-rc.1"));
        assert_eq!(tag(&tags("*", "shop/")), some("shop/v1.1.0"));
        assert!(matches!(tag(&tags("3", "")), Err(NoTarget::Missing { .. })));
    }

    #[test]
    fn what_is_missing_is_told_with_what_looks_like_it() {
        let some = refs(&["HEAD", "refs/heads/main", "refs/tags/v1"]);
        let branch = |name: &str| Reference::Branch(name.to_owned());
        assert_eq!(Reference::Head.find(&some).expect("a head").branch.as_deref(), Some("main"));
        let Err(NoTarget::Missing { what, similar }) = branch("mian").find(&some) else {
            panic!("found")
        };
        assert_eq!((what.as_str(), similar.as_deref()), ("branch `mian`", Some("main")));
        for reference in [Reference::Head, branch("main"), tags("*", "")] {
            assert_eq!(reference.find(&Refs::default()), Err(NoTarget::Empty));
        }
        let commit = Reference::Commit(HEAD.parse().expect("an id"));
        assert_eq!(commit.find(&Refs::default()).expect("itself").id.to_string(), HEAD);
        assert!("4f2c9e1".parse::<CommitId>().is_err());
    }
}
