//! A digest of everything in a directory, cheap to take again while nothing has changed.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// How many files and directories are looked at; what is beyond is not watched.
const MAX_ENTRIES: usize = 50_000;
/// Of larger files only what the file system says about them is looked at.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The content of a directory in short. Equal content, equal digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

#[cfg(test)]
impl Digest {
    /// One that stands for any content.
    pub(super) const fn of_test(content: u8) -> Self {
        Self([content; 32])
    }
}

/// Which directory it is, whatever it is called.
pub(super) type Identity = (u64, u64);

/// What one look at a directory saw.
#[derive(Debug)]
pub(super) struct Look {
    /// Its content.
    pub(super) digest: Digest,
    /// It, and every directory in it.
    pub(super) directories: BTreeMap<PathBuf, Identity>,
    /// Whether there is more than is looked at.
    pub(super) is_partial: bool,
}

/// Takes digests of one directory, and remembers those of files that have not changed since.
#[derive(Debug)]
pub(super) struct Digester {
    root: PathBuf,
    files: BTreeMap<PathBuf, (Stamp, [u8; 32])>,
    max_entries: usize,
}

/// What changes with a file's content: the time of its last change cannot be set by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    identity: Identity,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            identity: identity(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

impl Digester {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, files: BTreeMap::new(), max_entries: MAX_ENTRIES }
    }

    /// Looks at everything. A directory that is not there has a digest, too.
    pub(super) fn look(&mut self) -> Look {
        let mut walk = Walk {
            known: std::mem::take(&mut self.files),
            files: BTreeMap::new(),
            directories: BTreeMap::new(),
            all: Sha256::new(),
            left: self.max_entries,
        };
        // The root may be a symbolic link, and that may be swapped.
        let root = fs::canonicalize(&self.root);
        match root.and_then(|root| fs::metadata(&root).map(|metadata| (root, metadata))) {
            Ok((root, metadata)) if metadata.is_dir() => {
                walk.directory(&root, Path::new(""), &metadata);
            }
            Ok(_) => walk.add(b"no directory", b""),
            Err(error) => walk.failed(Path::new(""), &error),
        }
        let Walk { files, directories, all, left, .. } = walk;
        self.files = files;
        Look { digest: Digest(all.finalize().into()), directories, is_partial: left == 0 }
    }
}

struct Walk {
    known: BTreeMap<PathBuf, (Stamp, [u8; 32])>,
    files: BTreeMap<PathBuf, (Stamp, [u8; 32])>,
    directories: BTreeMap<PathBuf, Identity>,
    all: Sha256,
    left: usize,
}

impl Walk {
    /// Each part by its digest, so that nothing can be moved from one to the next unseen.
    fn add(&mut self, what: &[u8], content: &[u8]) {
        self.all.update(Sha256::digest(what));
        self.all.update(Sha256::digest(content));
    }

    fn failed(&mut self, path: &Path, error: &io::Error) {
        self.add(path.as_os_str().as_bytes(), format!("{:?}", error.kind()).as_bytes());
    }

    fn directory(&mut self, at: &Path, path: &Path, metadata: &Metadata) {
        self.directories.insert(at.to_owned(), identity(metadata));
        let mut entries: Vec<_> = match fs::read_dir(at) {
            Ok(entries) => entries.flatten().take(self.left + 1).collect(),
            Err(error) => return self.failed(path, &error),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            // What git writes there on every command is nothing that is deployed.
            if name == ".git" {
                continue;
            }
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let (at, path) = (entry.path(), path.join(&name));
            match fs::symlink_metadata(&at) {
                Ok(metadata) if metadata.is_dir() => {
                    self.add(path.as_os_str().as_bytes(), b"directory");
                    self.directory(&at, &path, &metadata);
                }
                Ok(metadata) if metadata.is_symlink() => match fs::read_link(&at) {
                    Ok(target) => {
                        self.add(path.as_os_str().as_bytes(), target.as_os_str().as_bytes());
                    }
                    Err(error) => self.failed(&path, &error),
                },
                Ok(metadata) if metadata.is_file() => self.file(&at, &path, &metadata),
                // Pipes, sockets and devices are never read.
                Ok(_) => self.add(path.as_os_str().as_bytes(), b"special"),
                Err(error) => self.failed(&path, &error),
            }
        }
    }

    fn file(&mut self, at: &Path, path: &Path, metadata: &Metadata) {
        let stamp = Stamp::of(metadata);
        let known = self.known.get(path).filter(|(known, _)| *known == stamp);
        let digest = match known {
            Some((_, digest)) => Ok(*digest),
            None => content(at, &stamp),
        };
        match digest {
            Ok(digest) => {
                self.add(path.as_os_str().as_bytes(), &digest);
                self.files.insert(path.to_owned(), (stamp, digest));
            }
            Err(error) => self.failed(path, &error),
        }
    }
}

fn content(at: &Path, stamp: &Stamp) -> io::Result<[u8; 32]> {
    if stamp.size > MAX_BYTES {
        return Ok(Sha256::digest(format!("{stamp:?}")).into());
    }
    let mut bytes = Vec::new();
    File::open(at)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Sha256::digest(&bytes).into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_digest_is_that_of_the_content_and_of_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("stacks");
        let path = |name: &str| root.join(name);
        fs::create_dir_all(path("shop")).expect("a directory");
        fs::write(path("shop/stack.yaml"), "a").expect("a file");
        let mut digester = Digester::new(root.clone());
        let first = digester.look().digest;
        assert_eq!(digester.look().digest, first);

        let change = |what: &str, change: &mut dyn FnMut()| {
            let before = Digester::new(root.clone()).look().digest;
            change();
            assert_ne!(Digester::new(root.clone()).look().digest, before, "{what}");
        };
        change("content", &mut || fs::write(path("shop/stack.yaml"), "b").expect("written"));
        change("a file", &mut || fs::write(path("shop/.env"), "A=1").expect("written"));
        change("a directory", &mut || fs::create_dir(path("empty")).expect("made"));
        change("a link", &mut || symlink("shop", path("current")).expect("linked"));
        change("a name", &mut || fs::rename(path("current"), path("now")).expect("renamed"));
        change("everything", &mut || fs::rename(&root, directory.path().join("x")).expect("moved"));
        fs::rename(directory.path().join("x"), &root).expect("moved back");

        let before = digester.look().digest;
        fs::create_dir(path(".git")).expect("made");
        fs::write(path(".git/index"), "x").expect("written");
        fs::write(path("shop/stack.yaml"), "b").expect("the same written");
        assert_eq!(digester.look().digest, before);
        assert_ne!(before, first);
    }

    #[test]
    fn a_swapped_link_is_another_content_and_a_huge_directory_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        for (version, content) in [("v1", "a"), ("v2", "b")] {
            fs::create_dir(at(version)).expect("made");
            fs::write(at(version).join("stack.yaml"), content).expect("written");
        }
        symlink("v1", at("current")).expect("linked");
        let mut digester = Digester::new(at("current"));
        let before = digester.look();
        symlink("v2", at("next")).expect("linked");
        fs::rename(at("next"), at("current")).expect("swapped");
        let after = digester.look();
        assert_ne!(before.digest, after.digest);
        assert_ne!(before.directories, after.directories);
        assert!(!after.is_partial);

        for number in 0..20 {
            fs::write(at("v2").join(number.to_string()), "").expect("written");
        }
        digester.max_entries = 10;
        assert!(digester.look().is_partial);
    }
}
