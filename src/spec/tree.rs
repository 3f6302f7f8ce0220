//! A read-only tree of files at one revision: all that loading stacks can see of the world.

use std::collections::BTreeMap;

/// Why a file of a [`Tree`] could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is nothing at the path.
    #[error("no such file")]
    Missing,
    /// There is something, but no regular file.
    #[error("not a regular file")]
    NotAFile,
    /// The path, or a symbolic link on it, leads out of the tree.
    #[error("the path leaves the source")]
    Outside,
    /// The file is larger than the reader takes.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It lies in another repository, which is not fetched.
    #[error("it is a git submodule, whose files are in another repository")]
    Submodule,
    /// The repository has a note in its place that says where its content is.
    #[error("it is a Git LFS pointer, not the file itself")]
    LfsPointer,
    /// The system refused.
    #[error("{0}")]
    Denied(String),
}

/// What a path of a [`Tree`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file, or a symbolic link to one inside the tree.
    File,
    /// A directory, or a symbolic link to one inside the tree.
    Directory,
}

/// A read-only tree of files at one revision.
///
/// Paths are relative to its root, with `/` between parts and no `.` or `..` left in them; the root is `""`.
/// See [`join`].
pub trait Tree {
    /// The names directly in a directory, sorted; hidden ones included.
    ///
    /// # Errors
    /// When it is not there, which is not the same as empty, or the system refuses to list it.
    fn list(&self, directory: &str) -> Result<Vec<(String, EntryKind)>, ReadError>;

    /// The content of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError>;

    /// The path as people write it, for messages: relative to where they stand.
    fn display(&self, path: &str) -> String;

    /// The absolute directory of the tree on this machine, if it has one; relative bind mounts resolve against it.
    fn base(&self) -> Option<String>;

    /// What the root is called, which names a stack whose file lies directly in it; empty if nobody knows.
    fn name(&self) -> String {
        let base = self.base().unwrap_or_default();
        base.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// `path` as written in a file that lies in `directory`, resolved in the tree without touching it.
///
/// # Errors
/// [`ReadError::Outside`] when it is absolute or climbs out of the root.
pub fn join(directory: &str, path: &str) -> Result<String, ReadError> {
    if path.starts_with('/') {
        return Err(ReadError::Outside);
    }
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(ReadError::Outside);
                }
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// A tree in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree(pub BTreeMap<String, Vec<u8>>);

impl Tree for MemoryTree {
    fn list(&self, directory: &str) -> Result<Vec<(String, EntryKind)>, ReadError> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let mut names = BTreeMap::new();
        for path in self.0.keys() {
            if let Some(rest) = path.strip_prefix(&prefix) {
                match rest.split_once('/') {
                    Some((name, _)) => names.insert(name.to_owned(), EntryKind::Directory),
                    None => names.insert(rest.to_owned(), EntryKind::File),
                };
            }
        }
        if names.is_empty() && !directory.is_empty() {
            return Err(ReadError::Missing);
        }
        Ok(names.into_iter().collect())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = self.0.get(path).ok_or(ReadError::Missing)?;
        if bytes.len() as u64 > limit {
            return Err(ReadError::TooLarge { limit });
        }
        Ok(bytes.clone())
    }

    fn display(&self, path: &str) -> String {
        path.to_owned()
    }

    fn base(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_climb_out_of_the_tree() {
        assert_eq!(join("shop", "./nginx/../conf").as_deref(), Ok("shop/conf"));
        assert_eq!(join("shop", "../common.env").as_deref(), Ok("common.env"));
        assert_eq!(join("shop", "../../etc/passwd"), Err(ReadError::Outside));
        assert_eq!(join("", "/etc/passwd"), Err(ReadError::Outside));
    }
}
