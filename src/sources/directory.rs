//! A directory on this machine as a tree that nothing in it can make us leave.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::revision::Revision;
use crate::spec::discover::Start;
use crate::spec::tree::{EntryKind, ReadError, Tree};

/// How many symbolic links one path may pass, as on Linux.
const MAX_LINKS: usize = 40;

/// Why a path that the user gave cannot be a source.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there, or the system refuses to look.
    #[error("open {path}")]
    Open {
        /// The path as the user wrote it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is neither a file nor a directory.
    #[error("{0} is neither a file nor a directory")]
    Kind(String),
    /// It lies outside the root that was given.
    #[error("{path} is not inside the root {root}")]
    OutsideRoot {
        /// The path as the user wrote it.
        path: String,
        /// The root as the user wrote it.
        root: String,
    },
    /// It has bytes that are not UTF-8, which messages could not show.
    #[error("{0} is not UTF-8")]
    NotText(String),
}

/// A directory on this machine, as it is when its files are read first.
///
/// What was read stays read: a second look at the same path gives the same bytes, so one pass sees one content.
#[derive(Debug)]
pub struct DirectoryTree {
    /// The root without symbolic links.
    root: PathBuf,
    /// The root as text for those who need an absolute path.
    base: String,
    /// What stands before a path when people write it: empty, or with its final slash.
    prefix: String,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// Opens what the user gave as PATH. The tree is the directory `root`, or the PATH itself or its parent directory.
///
/// # Errors
/// See [`OpenError`].
pub fn open(path: &Path, root: Option<&Path>) -> Result<(DirectoryTree, Start), OpenError> {
    let fail = |path: &Path| {
        let path = path.display().to_string();
        move |source| OpenError::Open { path, source }
    };
    let metadata = fs::metadata(path).map_err(fail(path))?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(OpenError::Kind(path.display().to_string()));
    }
    let directory = if metadata.is_dir() { path } else { parent(path) };
    let tree =
        DirectoryTree::open(root.unwrap_or(directory)).map_err(fail(root.unwrap_or(directory)))?;
    let whole = fs::canonicalize(directory).map_err(fail(directory))?;
    let Ok(inside) = whole.strip_prefix(&tree.root) else {
        let [path, root] = [path, root.unwrap_or(directory)].map(|p| p.display().to_string());
        return Err(OpenError::OutsideRoot { path, root });
    };
    let not_text = || OpenError::NotText(path.display().to_string());
    let inside = inside.to_str().ok_or_else(not_text)?.to_owned();
    if metadata.is_dir() {
        return Ok((tree, Start::Directory(inside)));
    }
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(not_text)?;
    let file = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
    Ok((tree, Start::File(file)))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl DirectoryTree {
    /// The tree under `root`, which messages show as it is written here.
    ///
    /// # Errors
    /// When it is no directory, or not to be read.
    pub fn open(root: &Path) -> io::Result<Self> {
        let absolute = fs::canonicalize(root)?;
        if !absolute.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let Some(base) = absolute.to_str().map(str::to_owned) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the path is not UTF-8"));
        };
        let shown: PathBuf = root.components().filter(|part| *part != Component::CurDir).collect();
        let mut prefix = shown.display().to_string();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        Ok(Self { root: absolute, base, prefix, files: Mutex::default() })
    }

    /// The revision of all files that were read so far.
    pub fn revision(&self) -> Revision {
        Revision::of_files(&self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The content of a file that was read, by the path that [`Tree::display`] gives it.
    pub fn content_of(&self, displayed: &str) -> Option<Vec<u8>> {
        let path = displayed.strip_prefix(&self.prefix)?;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Follows `path` one name at a time and never out of the root. The result has no symbolic link left.
    fn resolve(&self, path: &str) -> Result<(PathBuf, Metadata), ReadError> {
        let mut ahead: VecDeque<String> = names(Path::new(path))?.into();
        let mut at = self.root.clone();
        let mut metadata = fs::symlink_metadata(&at).map_err(refused)?;
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                if at == self.root || !at.pop() {
                    return Err(ReadError::Outside);
                }
                metadata = fs::symlink_metadata(&at).map_err(refused)?;
                continue;
            }
            let next = at.join(&name);
            let found = fs::symlink_metadata(&next).map_err(refused)?;
            if !found.is_symlink() {
                (at, metadata) = (next, found);
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(ReadError::Denied(
                    "too many symbolic links, or a loop of them".to_owned(),
                ));
            }
            let mut target = fs::read_link(&next).map_err(refused)?;
            if target.is_absolute() {
                target =
                    target.strip_prefix(&self.root).map_err(|_| ReadError::Outside)?.to_owned();
                at.clone_from(&self.root);
            }
            for name in names(&target)?.into_iter().rev() {
                ahead.push_front(name);
            }
        }
        Ok((at, metadata))
    }

    fn read_now(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let (path, expected) = self.resolve(path)?;
        // Opening a pipe would wait for its writer, so this is asked before.
        if !expected.is_file() {
            return Err(ReadError::NotAFile);
        }
        if expected.len() > limit {
            return Err(ReadError::TooLarge { limit });
        }
        let file = File::open(path).map_err(refused)?;
        let opened = file.metadata().map_err(refused)?;
        if (opened.dev(), opened.ino()) != (expected.dev(), expected.ino()) {
            return Err(ReadError::Denied("the file was replaced while it was read".to_owned()));
        }
        let mut content = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(refused)?;
        if content.len() as u64 > limit {
            return Err(ReadError::TooLarge { limit });
        }
        Ok(content)
    }

    fn kind(&self, directory: &str, name: &str, kind: FileType) -> EntryKind {
        let is_directory = if kind.is_symlink() {
            let path = format!("{directory}/{name}");
            self.resolve(&path).is_ok_and(|(_, metadata)| metadata.is_dir())
        } else {
            kind.is_dir()
        };
        if is_directory { EntryKind::Directory } else { EntryKind::File }
    }
}

/// What is neither a directory nor readable is listed as a file, so that reading it says what is wrong.
impl Tree for DirectoryTree {
    fn list(&self, directory: &str) -> Result<Vec<(String, EntryKind)>, ReadError> {
        let path = match self.resolve(directory) {
            Ok((path, metadata)) if metadata.is_dir() => path,
            // Whoever lists it has seen it before: an empty answer would look like a removal.
            Ok(_) => return Err(ReadError::Missing),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            // A name that is not UTF-8 cannot be written in a stack file, nor shown.
            if let Ok(name) = entry.file_name().into_string() {
                let kind = self.kind(directory, &name, entry.file_type().map_err(refused)?);
                entries.push((name, kind));
            }
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let content = match files.get(path) {
            Some(content) => content,
            None => files.entry(path.to_owned()).or_insert(self.read_now(path, limit)?),
        };
        if content.len() as u64 > limit {
            return Err(ReadError::TooLarge { limit });
        }
        Ok(content.clone())
    }

    fn display(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn base(&self) -> Option<String> {
        Some(self.base.clone())
    }
}

/// The names in a relative path.
fn names(path: &Path) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => names.push("..".to_owned()),
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(ReadError::Missing)?.to_owned());
            }
            Component::RootDir | Component::Prefix(_) => return Err(ReadError::Outside),
        }
    }
    Ok(names)
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn refused(error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing,
        _ => ReadError::Denied(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    /// `outside.txt` beside a root with a stack and links of every kind.
    fn source() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().join("stacks");
        fs::create_dir_all(root.join("shop/conf")).expect("directories");
        fs::write(directory.path().join("outside.txt"), "secret").expect("outside");
        fs::write(root.join("shop/stack.yaml"), "services: {}").expect("stack");
        fs::write(root.join("shop/conf/a"), "a").expect("config");
        for (target, link) in [
            ("shop/conf", "conf"),
            ("conf/../stack.yaml", "inside"),
            ("../outside.txt", "out"),
            ("..", "up"),
            ("/etc/passwd", "absolute"),
            ("loop", "loop"),
            ("nowhere", "broken"),
        ] {
            symlink(target, root.join(link)).expect("link");
        }
        symlink(root.canonicalize().expect("root").join("shop"), root.join("home")).expect("link");
        directory
    }

    fn read(tree: &DirectoryTree, path: &str) -> Result<String, ReadError> {
        tree.read(path, 100).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn no_path_and_no_link_leads_out_of_the_root() {
        let directory = source();
        let tree = DirectoryTree::open(&directory.path().join("stacks")).expect("opens");
        assert_eq!(read(&tree, "shop/stack.yaml").as_deref(), Ok("services: {}"));
        assert_eq!(read(&tree, "conf/a").as_deref(), Ok("a"));
        assert_eq!(read(&tree, "inside").as_deref(), Ok("services: {}"));
        assert_eq!(read(&tree, "home/stack.yaml").as_deref(), Ok("services: {}"));
        for path in [
            "out",
            "up/outside.txt",
            "../outside.txt",
            "/etc/passwd",
            "absolute",
            "shop/../../outside.txt",
        ] {
            assert_eq!(read(&tree, path), Err(ReadError::Outside), "{path}");
        }
        assert!(matches!(read(&tree, "loop"), Err(ReadError::Denied(_))));
        assert!(matches!(tree.list("loop"), Err(ReadError::Denied(_))));
        assert_eq!(tree.list("up"), Err(ReadError::Outside));
        for path in ["broken", "none", "shop/stack.yaml/x"] {
            assert_eq!(read(&tree, path), Err(ReadError::Missing), "{path}");
        }
        assert_eq!(read(&tree, "shop"), Err(ReadError::NotAFile));
        assert_eq!(tree.list("none"), Err(ReadError::Missing));
    }

    #[test]
    fn nothing_but_regular_files_of_bearable_size_is_read() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let _socket = UnixListener::bind(directory.path().join("socket")).expect("socket");
        File::create(directory.path().join("huge"))
            .and_then(|f| f.set_len(1 << 40))
            .expect("sparse file");
        let tree = DirectoryTree::open(directory.path()).expect("opens");
        assert_eq!(read(&tree, "socket"), Err(ReadError::NotAFile));
        assert_eq!(read(&tree, "huge"), Err(ReadError::TooLarge { limit: 100 }));
        assert_eq!(
            tree.list(""),
            Ok(vec![("huge".to_owned(), EntryKind::File), ("socket".to_owned(), EntryKind::File)])
        );
    }

    #[test]
    fn the_revision_is_that_of_what_was_read_first() {
        let directory = source();
        let root = directory.path().join("stacks");
        let open = || DirectoryTree::open(&root).expect("opens");
        let (tree, same, other) = (open(), open(), open());
        for tree in [&tree, &same] {
            assert!(read(tree, "shop/stack.yaml").is_ok() && read(tree, "conf/a").is_ok());
        }
        fs::write(root.join("shop/conf/a"), "b").expect("changed");
        assert_eq!(read(&tree, "conf/a").as_deref(), Ok("a"));
        assert_eq!(tree.content_of(&tree.display("conf/a")).as_deref(), Some(&b"a"[..]));
        assert_eq!(tree.content_of("elsewhere/conf/a"), None);
        assert!(read(&other, "shop/stack.yaml").is_ok() && read(&other, "conf/a").is_ok());
        assert_eq!(tree.revision(), same.revision());
        assert_ne!(tree.revision(), other.revision());
        assert_eq!(tree.revision().to_string().len(), "sha256:".len() + 12);
    }

    #[test]
    fn a_path_is_shown_as_the_user_wrote_it() {
        let directory = source();
        let root = directory.path().join("stacks");
        let shown = |path: &str, root: Option<&Path>| match open(&directory.path().join(path), root)
        {
            Ok((tree, Start::File(start) | Start::Directory(start))) => {
                let shown = tree.display(&start);
                shown
                    .strip_prefix(&format!("{}/", directory.path().display()))
                    .map(str::to_owned)
                    .unwrap_or(shown)
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown("stacks/shop/stack.yaml", None), "stacks/shop/stack.yaml");
        assert_eq!(shown("stacks/shop", Some(&root)), "stacks/shop");
        assert_eq!(shown("stacks/shop/stack.yaml", Some(&root)), "stacks/shop/stack.yaml");
        assert!(shown("outside.txt", Some(&root)).contains("is not inside the root"));
        assert!(shown("missing", None).starts_with("open "));
        let here = DirectoryTree::open(Path::new(".")).expect("opens");
        assert_eq!(here.display("a/b.yaml"), "a/b.yaml");
    }
}
