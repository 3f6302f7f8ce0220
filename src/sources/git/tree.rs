//! The files of one commit, read straight from the object database: no work tree, no hook, no filter.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::cache::Reader;
use super::limits::Limits;
use super::reference::CommitId;
use crate::sources::revision::Revision;
use crate::spec::tree::{EntryKind, ReadError, Tree};

/// How many symbolic links one path may pass, as in a directory.
const MAX_LINKS: usize = 40;
/// The longest target of a symbolic link, as on Linux.
const MAX_LINK_BYTES: u64 = 4096;
/// The largest directory that is parsed, whatever the limit on its entries.
const MAX_TREE_BYTES: usize = 16 * 1024 * 1024;
/// How every Git LFS pointer begins; none has more than a kilobyte.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The mode of a symbolic link in a tree.
const LINK: i32 = 0o120_000;
/// The mode of a submodule in a tree.
const SUBMODULE: i32 = 0o160_000;

/// The files of one commit below one directory, which nothing in them can make us leave.
pub struct GitTree {
    repository: Mutex<Repository>,
    commit: CommitId,
    root: Oid,
    /// The path of the root in the repository: empty, or with a final slash.
    prefix: String,
    /// The name of a stack whose file lies directly in the root.
    name: String,
    limits: Limits,
    read: AtomicU64,
    /// Set when an object cannot be read, so that the next fetch begins anew.
    is_broken: Arc<AtomicBool>,
    _reader: Reader,
}

impl fmt::Debug for GitTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitTree")
            .field("commit", &self.commit)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Where the root of a tree is.
pub(super) struct Root {
    /// The commit that it is of.
    pub(super) commit: CommitId,
    /// The directory.
    pub(super) id: Oid,
    /// Its path in the repository.
    pub(super) path: String,
    /// What a stack directly in it is called.
    pub(super) name: String,
}

/// What a path leads to, no symbolic link left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory(Oid),
    File(Oid),
}

impl GitTree {
    pub(super) fn new(
        repository: Repository,
        root: Root,
        limits: &Limits,
        is_broken: Arc<AtomicBool>,
        reader: Reader,
    ) -> Self {
        let Root { commit, id, path, name } = root;
        let prefix = if path.is_empty() { path } else { format!("{path}/") };
        Self {
            repository: Mutex::new(repository),
            commit,
            root: id,
            prefix,
            name,
            limits: *limits,
            read: AtomicU64::new(0),
            is_broken,
            _reader: reader,
        }
    }

    /// The commit.
    pub fn revision(&self) -> Revision {
        Revision::of_commit(self.commit)
    }

    /// The content of a file, by the path that [`Tree::display`] gives it.
    pub fn content_of(&self, displayed: &str) -> Option<Vec<u8>> {
        self.read(displayed.strip_prefix(&self.prefix)?, self.limits.file_bytes).ok()
    }

    /// Whether a directory is there, before a snapshot is made of it.
    pub(super) fn has_directory(&self, path: &str) -> bool {
        let repository = self.repository.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(self.resolve(&repository, path), Ok(Node::Directory(_)))
    }

    /// Whether a file is there.
    pub(super) fn has_file(&self, path: &str) -> bool {
        let repository = self.repository.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(self.resolve(&repository, path), Ok(Node::File(_)))
    }

    /// Follows `path` one name at a time and never out of the root.
    fn resolve(&self, repository: &Repository, path: &str) -> Result<Node, ReadError> {
        if path.starts_with('/') {
            return Err(ReadError::Outside);
        }
        let mut ahead: VecDeque<String> = names(path).collect();
        // The directories from the root to here.
        let mut above = vec![self.root];
        let mut file = None;
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if file.is_some() {
                return Err(ReadError::Missing);
            }
            if name == ".." {
                above.pop();
                if above.is_empty() {
                    return Err(ReadError::Outside);
                }
                continue;
            }
            let here = above.last().copied().unwrap_or(self.root);
            let tree = self.directory(repository, here)?;
            let entry = tree.get_name_bytes(name.as_bytes()).ok_or(ReadError::Missing)?;
            match (entry.filemode(), entry.kind()) {
                (SUBMODULE, _) => return Err(ReadError::Submodule),
                (LINK, _) => {
                    links += 1;
                    if links > MAX_LINKS {
                        let message = "too many symbolic links, or a loop of them";
                        return Err(ReadError::Denied(message.to_owned()));
                    }
                    let target = self.blob(repository, entry.id(), MAX_LINK_BYTES)?;
                    let target = String::from_utf8(target).map_err(|_| ReadError::Missing)?;
                    if target.starts_with('/') {
                        return Err(ReadError::Outside);
                    }
                    for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
                        ahead.push_front(name);
                    }
                }
                (_, Some(ObjectType::Tree)) => above.push(entry.id()),
                (_, Some(ObjectType::Blob)) => file = Some(entry.id()),
                (_, _) => return Err(ReadError::NotAFile),
            }
        }
        Ok(match file {
            Some(id) => Node::File(id),
            None => Node::Directory(above.last().copied().unwrap_or(self.root)),
        })
    }

    fn directory<'a>(
        &self,
        repository: &'a Repository,
        id: Oid,
    ) -> Result<git2::Tree<'a>, ReadError> {
        // An empty answer would look like a removal.
        let size = self.size(repository, id)?.ok_or_else(|| self.vanished())?;
        if size > MAX_TREE_BYTES as u64 {
            return Err(self.too_many());
        }
        let tree = repository.find_tree(id).map_err(|error| self.failed(&error))?;
        if tree.len() > self.limits.entries { Err(self.too_many()) } else { Ok(tree) }
    }

    fn too_many(&self) -> ReadError {
        ReadError::Denied(format!("a directory of more than {} entries", self.limits.entries))
    }

    fn blob(&self, repository: &Repository, id: Oid, limit: u64) -> Result<Vec<u8>, ReadError> {
        let limit = limit.min(self.limits.file_bytes);
        let size = match self.size(repository, id)? {
            Some(size) if size <= limit => size,
            None if !repository.path().exists() => return Err(self.vanished()),
            // What is not there was left out by the server because of its size.
            Some(_) | None => return Err(ReadError::TooLarge { limit }),
        };
        let total = self.read.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        if total > self.limits.read_bytes {
            let message =
                format!("all files together have more than {} bytes", self.limits.read_bytes);
            return Err(ReadError::Denied(message));
        }
        let blob = repository.find_blob(id).map_err(|error| self.failed(&error))?;
        Ok(blob.content().to_vec())
    }

    /// The size of an object, if it is there.
    fn size(&self, repository: &Repository, id: Oid) -> Result<Option<u64>, ReadError> {
        match repository.odb().and_then(|odb| odb.read_header(id)) {
            Ok((size, _)) => Ok(Some(size as u64)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn vanished(&self) -> ReadError {
        self.is_broken.store(true, Ordering::Relaxed);
        ReadError::Denied("the cache was removed while it was read".to_owned())
    }

    fn failed(&self, error: &git2::Error) -> ReadError {
        self.is_broken.store(true, Ordering::Relaxed);
        ReadError::Denied(format!("the cache is broken: {}", error.message()))
    }
}

/// A path's names, with `..` among them.
fn names(path: &str) -> impl Iterator<Item = String> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::to_owned)
}

/// What is neither a directory nor readable is listed as a file, so that reading it says what is wrong.
impl Tree for GitTree {
    fn list(&self, directory: &str) -> Result<Vec<(String, EntryKind)>, ReadError> {
        let repository = self.repository.lock().unwrap_or_else(PoisonError::into_inner);
        let id = match self.resolve(&repository, directory) {
            Ok(Node::Directory(id)) => id,
            Ok(Node::File(_)) => return Err(ReadError::Missing),
            Err(error) => return Err(error),
        };
        let tree = self.directory(&repository, id)?;
        let mut entries = Vec::new();
        for entry in &tree {
            // A name that is not UTF-8 cannot be written in a stack file, nor shown.
            let Ok(name) = std::str::from_utf8(entry.name_bytes()) else { continue };
            let kind = match (entry.filemode(), entry.kind()) {
                // Listing it says that it is one.
                (SUBMODULE, _) | (_, Some(ObjectType::Tree)) => EntryKind::Directory,
                (LINK, _) => {
                    let path = format!("{directory}/{name}");
                    match self.resolve(&repository, path.trim_start_matches('/')) {
                        Ok(Node::Directory(_)) | Err(ReadError::Submodule) => EntryKind::Directory,
                        Ok(Node::File(_)) | Err(_) => EntryKind::File,
                    }
                }
                (_, _) => EntryKind::File,
            };
            entries.push((name.to_owned(), kind));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let repository = self.repository.lock().unwrap_or_else(PoisonError::into_inner);
        let Node::File(id) = self.resolve(&repository, path)? else {
            return Err(ReadError::NotAFile);
        };
        let content = self.blob(&repository, id, limit)?;
        if content.starts_with(LFS) && content.len() < 1024 {
            return Err(ReadError::LfsPointer);
        }
        Ok(content)
    }

    fn display(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn base(&self) -> Option<String> {
        None
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::git::cache;

    /// A tree of these files, directories made as needed, and entries of other modes.
    fn tree(files: &[(&str, &[u8])], others: &[(&str, i32, &str)]) -> (tempfile::TempDir, GitTree) {
        let state = tempfile::tempdir().expect("a directory");
        let repository = Repository::init_bare(state.path().join("r.git")).expect("a repository");
        let root = {
            let mut index = repository.index().expect("an index");
            let mut add = |path: &str, mode: u32, id: Oid| {
                let time = git2::IndexTime::new(0, 0);
                let entry = git2::IndexEntry {
                    ctime: time,
                    mtime: time,
                    dev: 0,
                    ino: 0,
                    mode,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id,
                    flags: 0,
                    flags_extended: 0,
                    path: path.as_bytes().to_vec(),
                };
                index.add(&entry).expect("added");
            };
            for (path, content) in files {
                add(path, 0o100_644, repository.blob(content).expect("a blob"));
            }
            for (path, mode, target) in others {
                let id = match *mode {
                    SUBMODULE => Oid::from_str(target).expect("a commit"),
                    _ => repository.blob(target.as_bytes()).expect("a blob"),
                };
                add(path, u32::try_from(*mode).expect("a mode"), id);
            }
            index.write_tree_to(&repository).expect("a tree")
        };
        let commit = COMMIT.parse().expect("a commit");
        let root = Root { commit, id: root, path: String::new(), name: "stacks".to_owned() };
        let limits =
            Limits { entries: 20, file_bytes: 2000, read_bytes: 10_000, ..Limits::default() };
        let reader = cache::reader(&repository);
        let tree = GitTree::new(repository, root, &limits, Arc::default(), reader);
        (state, tree)
    }

    const COMMIT: &str = "4f2c9e1000000000000000000000000000000000";

    #[test]
    fn no_path_and_no_link_leads_out_of_the_root() {
        let (_state, tree) = tree(
            &[("shop/stack.yaml", b"services: {}"), ("shop/conf/a", b"a")],
            &[
                ("conf", LINK, "shop/conf"),
                ("inside", LINK, "conf/../stack.yaml"),
                ("out", LINK, "../outside.txt"),
                ("up", LINK, ".."),
                ("absolute", LINK, "/etc/passwd"),
                ("loop", LINK, "loop"),
                ("broken", LINK, "nowhere"),
                ("theme", SUBMODULE, COMMIT),
            ],
        );
        let read = |path: &str| {
            tree.read(path, 100).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        for (path, content) in [
            ("shop/stack.yaml", "services: {}"),
            ("conf/a", "a"),
            ("inside", "services: {}"),
            ("shop/./conf//../conf/a", "a"),
        ] {
            assert_eq!(read(path).as_deref(), Ok(content), "{path}");
        }
        for path in ["out", "up/outside.txt", "../x", "/etc/passwd", "absolute", "shop/../../x"] {
            assert_eq!(read(path), Err(ReadError::Outside), "{path}");
        }
        for path in ["broken", "none", "shop/stack.yaml/x", "shop/stack.yaml/.."] {
            assert_eq!(read(path), Err(ReadError::Missing), "{path}");
        }
        assert!(matches!(read("loop"), Err(ReadError::Denied(_))));
        assert!(matches!(tree.list("loop"), Err(ReadError::Denied(_))));
        assert_eq!(tree.list("up"), Err(ReadError::Outside));
        assert_eq!(tree.list("theme"), Err(ReadError::Submodule));
        assert_eq!(read("theme/stack.yaml"), Err(ReadError::Submodule));
        assert_eq!(read("shop"), Err(ReadError::NotAFile));
        assert_eq!(tree.list("none"), Err(ReadError::Missing));
        let kind = |name: &str| {
            let entries = tree.list("").expect("listed");
            entries.into_iter().find(|entry| entry.0 == name).map(|entry| entry.1)
        };
        assert_eq!(kind("conf"), Some(EntryKind::Directory));
        assert_eq!(kind("inside"), Some(EntryKind::File));
        assert_eq!(kind("theme"), Some(EntryKind::Directory));
        assert_eq!(tree.name(), "stacks");
    }

    /// git refuses to make such directories, and to check them out; whoever writes objects by hand is not asked.
    #[test]
    fn names_that_no_file_has_lead_nowhere() {
        let (_state, good) = tree(&[("outside", b"outside"), ("shop/stack.yaml", b"{}")], &[]);
        let repository = good.repository.into_inner().expect("a repository");
        let mut evil = Vec::new();
        for (mode, name, id) in
            [("40000", "..", good.root), ("40000", ".", good.root), ("40000", "a/b", good.root)]
        {
            evil.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            evil.extend_from_slice(id.as_bytes());
        }
        let odb = repository.odb().expect("objects");
        let id = odb.write(ObjectType::Tree, &evil).expect("a directory");
        drop(odb);
        let reader = cache::reader(&repository);
        let root = Root { commit: good.commit, id, path: String::new(), name: "evil".to_owned() };
        let limits = Limits::default();
        let tree = GitTree::new(repository, root, &limits, Arc::default(), reader);
        assert_eq!(tree.list("").expect("listed").len(), 3);
        assert_eq!(tree.read("../outside", 100), Err(ReadError::Outside));
        assert_eq!(tree.list(".."), Err(ReadError::Outside));
        for path in ["./outside", "a/b/outside", "a/b/../outside"] {
            assert_eq!(tree.read(path, 100), Err(ReadError::Missing), "{path}");
        }
    }

    #[test]
    fn what_is_too_much_or_not_the_file_itself_is_refused() {
        let pointer = format!("{}v1\noid sha256:0\nsize 9\n", String::from_utf8_lossy(LFS));
        let large = vec![b'x'; 1500];
        let mut files: Vec<(String, Vec<u8>)> = vec![
            ("large".to_owned(), large),
            ("huge".to_owned(), vec![b'x'; 3000]),
            ("image.png".to_owned(), pointer.into_bytes()),
        ];
        files.extend((0..30).map(|number| (format!("many/{number}"), Vec::new())));
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        let (_state, tree) = tree(&files, &[]);
        assert_eq!(tree.read("large", 1000), Err(ReadError::TooLarge { limit: 1000 }));
        assert_eq!(tree.read("huge", 9999), Err(ReadError::TooLarge { limit: 2000 }));
        assert_eq!(tree.read("image.png", 9999), Err(ReadError::LfsPointer));
        assert!(matches!(tree.list("many"), Err(ReadError::Denied(_))));
        let results: Vec<bool> = (0..9).map(|_| tree.read("large", 2000).is_ok()).collect();
        assert!(results.first() == Some(&true) && results.last() == Some(&false), "{results:?}");
        assert!(!tree.is_broken.load(Ordering::Relaxed));
    }
}
