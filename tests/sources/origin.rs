//! A repository to fetch from, made by git itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A bare repository `stacks.git` in a directory that servers can serve, and a work tree to commit from.
pub(crate) struct Origin {
    directory: TempDir,
}

/// git without the configuration of whoever runs the tests.
pub(crate) fn git_command() -> Command {
    let mut git = Command::new("git");
    for variable in
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"]
    {
        git.env_remove(variable);
    }
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Ada Lovelace");
        git.env(format!("GIT_{who}_EMAIL"), "ada@example.com");
        git.env(format!("GIT_{who}_DATE"), "2026-03-01T12:00:00Z");
    }
    git
}

pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a command that can be run");
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}\n{stderr}");
    String::from_utf8_lossy(&stdout).trim().to_owned()
}

impl Origin {
    /// An empty repository with the default branch `main`.
    pub(crate) fn empty() -> Self {
        let origin = Self { directory: tempfile::tempdir().expect("a directory") };
        fs::create_dir(origin.work()).expect("a work tree");
        let bare = origin.bare();
        succeed(git_command().args(["init", "--quiet", "--bare", "-b", "main"]).arg(&bare));
        origin
    }

    /// One with a commit that has one stack, `stacks/shop/stack.yaml`.
    pub(crate) fn with_a_stack() -> Self {
        let origin = Self::empty();
        origin.write("stacks/shop/stack.yaml", "services: {web: {image: web:1}}\n");
        origin.commit("Add the shop");
        origin
    }

    /// The directory that servers serve.
    pub(crate) fn served(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.directory.path().join("stacks.git")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// git in this repository.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut git = git_command();
        git.current_dir(self.work()).env("GIT_DIR", self.bare());
        git.env("GIT_WORK_TREE", self.work()).args(args);
        git
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        succeed(&mut self.command(args))
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// Commits everything that is in the work tree, and gives the commit's name.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.commit_with(message, &[])
    }

    pub(crate) fn commit_with(&self, message: &str, options: &[&str]) -> String {
        self.git(&["add", "--all"]);
        let args = ["commit", "--quiet", "--allow-empty", "-m", message];
        self.git(&[&args[..], options].concat());
        self.head()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }
}
