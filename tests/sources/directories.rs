//! Directories as sources, under the hands of editors, `git-sync` and Kubernetes.

use std::fs;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use skep::sources::{DirectorySource, DirectoryWatch, Source, SourceFiles, Timing};
use skep::spec::tree::Tree as _;
use tokio::time::timeout;

use crate::fetching::fetch;

/// Events alone, without a poll that could stand in for them.
fn events_only() -> Timing {
    let poll = Duration::from_secs(3_600);
    Timing { quiet: Duration::from_millis(50), longest: Duration::from_millis(200), poll }
}

async fn notices(watch: &mut DirectoryWatch, what: &str, change: impl FnOnce()) {
    change();
    timeout(Duration::from_secs(5), watch.changed()).await.unwrap_or_else(|_| panic!("{what}"));
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

/// Waits until the watch has seen what is there, which it tells nobody about.
async fn settled(path: &Path, timing: Timing) -> DirectoryWatch {
    let mut watch = DirectoryWatch::start(path, timing);
    watch.ready().await;
    watch
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_change_a_file_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("stacks");
    let at = |name: &str| root.join(name);
    write(&at("shop/stack.yaml"), "a");
    let mut watch = settled(&root, events_only()).await;
    assert_eq!(watch.advice(), None);
    notices(&mut watch, "a write", || write(&at("shop/stack.yaml"), "b")).await;
    notices(&mut watch, "an atomic save", || {
        write(&at("shop/.stack.yaml.swp"), "c");
        fs::rename(at("shop/.stack.yaml.swp"), at("shop/stack.yaml")).expect("renamed");
    })
    .await;
    notices(&mut watch, "a save with a backup", || {
        fs::rename(at("shop/stack.yaml"), at("shop/stack.yaml~")).expect("renamed");
        write(&at("shop/stack.yaml"), "d");
    })
    .await;
    notices(&mut watch, "a new directory", || write(&at("web/conf/deep/nginx.conf"), "x")).await;
    notices(&mut watch, "a file in it", || write(&at("web/conf/deep/nginx.conf"), "y")).await;
    notices(&mut watch, "a removal", || fs::remove_dir_all(at("web")).expect("removed")).await;
    notices(&mut watch, "a directory of that name again", || write(&at("web/a"), "z")).await;
    notices(&mut watch, "a file in that", || write(&at("web/a"), "zz")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_root_and_a_swapped_link_are_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    write(&at("stacks/shop/stack.yaml"), "a");
    let mut watch = settled(&at("stacks"), events_only()).await;
    notices(&mut watch, "another directory", || {
        write(&at("new/shop/stack.yaml"), "b");
        fs::rename(at("stacks"), at("old")).expect("renamed");
        fs::rename(at("new"), at("stacks")).expect("renamed");
    })
    .await;
    notices(&mut watch, "a file in the new one", || write(&at("stacks/shop/stack.yaml"), "c"))
        .await;
    notices(&mut watch, "no directory", || fs::remove_dir_all(at("stacks")).expect("removed"))
        .await;
    notices(&mut watch, "a directory again", || write(&at("stacks/shop/stack.yaml"), "d")).await;

    // As git-sync does it: the root is a link.
    write(&at("v1/stack.yaml"), "a");
    write(&at("v2/stack.yaml"), "b");
    symlink("v1", at("current")).expect("linked");
    let mut watch = settled(&at("current"), events_only()).await;
    notices(&mut watch, "a swapped root", || {
        symlink("v2", at("next")).expect("linked");
        fs::rename(at("next"), at("current")).expect("swapped");
    })
    .await;
    notices(&mut watch, "a file behind it", || write(&at("v2/stack.yaml"), "c")).await;
    notices(&mut watch, "another directory behind it", || {
        fs::rename(at("v2"), at("aside")).expect("renamed");
        write(&at("v2/stack.yaml"), "d");
    })
    .await;

    // As Kubernetes mounts a ConfigMap: files are links through `..data`.
    write(&at("mount/..v1/stack.yaml"), "a");
    write(&at("mount/..v2/stack.yaml"), "b");
    symlink("..v1", at("mount/..data")).expect("linked");
    symlink("..data/stack.yaml", at("mount/stack.yaml")).expect("linked");
    let mut watch = settled(&at("mount"), events_only()).await;
    notices(&mut watch, "a swapped mount", || {
        symlink("..v2", at("mount/..data_tmp")).expect("linked");
        fs::rename(at("mount/..data_tmp"), at("mount/..data")).expect("swapped");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_writing_the_same_is_no_change() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("shop/stack.yaml");
    write(&file, "a");
    let timing = Timing { poll: Duration::from_millis(50), ..events_only() };
    let mut watch = settled(directory.path(), timing).await;
    for _ in 0..20 {
        assert_eq!(fs::read_to_string(&file).expect("read"), "a");
        // Without making it empty first, which a poll could see.
        let again = fs::File::options().write(true).open(&file).expect("open");
        again.write_all_at(b"a", 0).expect("written");
        write(&directory.path().join(".git/index"), "x");
    }
    assert!(timeout(Duration::from_millis(500), watch.changed()).await.is_err());
    // Without events, here because of a mount that gives none, the poll finds it.
    notices(&mut watch, "a change", || write(&file, "b")).await;
}

#[tokio::test]
async fn a_directory_is_a_source_like_a_repository() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("stacks");
    write(&path.join("shop/stack.yaml"), "services: {}");
    let source = |path: &Path| {
        let directory = DirectorySource { path: path.to_owned(), root: None };
        Source { name: "main".parse().expect("a name"), files: SourceFiles::Directory(directory) }
    };
    let snapshot = fetch(&source(&path)).await.expect("a snapshot");
    assert!(snapshot.commit.is_none());
    let before = snapshot.revision();
    assert!(snapshot.tree.read("shop/stack.yaml", 100).is_ok());
    assert_ne!(snapshot.revision(), before);
    assert_eq!(snapshot.tree.name(), "stacks");
    let error = fetch(&source(&directory.path().join("none"))).await.expect_err("nothing there");
    assert!(error.to_string().starts_with("open "), "{error}");
    assert!(error.hint().is_some());
}
