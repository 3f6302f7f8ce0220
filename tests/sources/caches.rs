//! The cache of a repository: shared, small, and gone at any time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use skep::sources::git::{GitDeclaration, Reference};
use skep::spec::tree::{ReadError, Tree as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fetching::{Station, commit, declaration, fetch, text};
use crate::origin::Origin;
use crate::server::Server;

fn url(daemon: &Server) -> String {
    format!("git://127.0.0.1:{}/stacks.git", daemon.port())
}

fn packs(station: &Station) -> usize {
    let packs = fs::read_dir(station.repository().join("objects/pack"));
    let is_pack = |path: &Path| path.extension().is_some_and(|end| end == "pack");
    packs.expect("packs").filter(|entry| is_pack(&entry.as_ref().expect("a file").path())).count()
}

/// A loop must be able to fetch in tasks of their own.
fn is_send<T: Future<Output: Send> + Send>(fetching: T) -> T {
    fetching
}

#[tokio::test]
async fn sources_of_one_repository_share_one_conversation() {
    let origin = Origin::with_a_stack();
    origin.git(&["branch", "next"]);
    origin.write("edge/proxy/stack.yaml", "services: {}");
    let head = origin.commit("Second");
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let sources = [
        ("stacks", Reference::Head),
        ("edge", Reference::Branch("main".to_owned())),
        ("stacks", Reference::Branch("next".to_owned())),
    ]
    .map(|(path, reference)| {
        let path = path.to_owned();
        station.declared(GitDeclaration { path, reference, ..declaration(&url(&daemon)) })
    });
    let stop = CancellationToken::new();
    let asked = Instant::now();
    let [a, b, c] = sources.each_ref().map(|source| source.fetch(asked, &stop));
    let (a, b, c) = tokio::join!(is_send(a), is_send(b), is_send(c));
    let revisions = [a, b, c].map(|snapshot| snapshot.expect("a snapshot").revision().to_string());
    assert_eq!(revisions[0], revisions[1]);
    assert_ne!(revisions[0], revisions[2]);
    assert_eq!((daemon.connections(), packs(&station)), (1, 1));

    // Asked again, the server is asked again, but nothing is fetched.
    let second = commit(&sources[0]).await;
    assert_eq!((second, daemon.connections(), packs(&station)), (head, 2, 1));
}

#[tokio::test]
async fn a_commit_that_is_there_needs_no_server() {
    let origin = Origin::with_a_stack();
    let id = origin.head();
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let reference = Reference::Commit(id.parse().expect("an id"));
    let source = station.declared(GitDeclaration { reference, ..declaration(&url(&daemon)) });
    assert_eq!(commit(&source).await, id);
    let connections = daemon.connections();
    drop(daemon);
    assert_eq!(commit(&source).await, id);
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn only_what_has_changed_is_fetched() {
    let origin = Origin::with_a_stack();
    // What does not compress.
    let noise: Vec<u8> =
        (0..500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    origin.write("large.bin", noise);
    origin.commit("Something large");
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let source = station.source(&url(&daemon));
    commit(&source).await;
    origin.write("small.txt", "small");
    let head = origin.commit("Something small");
    let snapshot = fetch(&source).await.expect("a snapshot");
    assert_eq!(snapshot.revision().as_str(), format!("sha1:{head}"));
    let directory = station.repository().join("objects/pack");
    let sizes = fs::read_dir(directory).expect("packs").map(|entry| entry.expect("a file"));
    let sizes = sizes.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack"));
    let mut sizes: Vec<u64> = sizes.map(|entry| entry.metadata().expect("a file").len()).collect();
    sizes.sort_unstable();
    let [second, first] = sizes.as_slice() else { panic!("{sizes:?}") };
    assert!(*second < 2_000 && *first > 100_000, "{sizes:?}");
    assert_eq!(snapshot.tree.read("large.bin", 9_000_000).map(|bytes| bytes.len()), Ok(2_000_000));
}

#[tokio::test]
async fn a_cache_may_be_deleted_or_broken_at_any_time() {
    let origin = Origin::with_a_stack();
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let path = "stacks".to_owned();
    let source = station.declared(GitDeclaration { path, ..declaration(&url(&daemon)) });
    commit(&source).await;
    let objects = || {
        let files = fs::read_dir(station.repository().join("objects/pack")).expect("packs");
        files.map(|entry| entry.expect("a file").path()).collect::<Vec<_>>()
    };
    let damages: [(&str, &dyn Fn()); 5] = [
        ("everything is deleted", &|| {
            fs::remove_dir_all(station.state.path().join("git")).expect("removed");
        }),
        ("the objects are deleted", &|| {
            fs::remove_dir_all(station.repository().join("objects")).expect("removed");
        }),
        ("it is no repository any more", &|| {
            fs::write(station.repository().join("HEAD"), "nonsense").expect("written");
        }),
        ("packs are cut", &|| {
            for path in objects() {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
                fs::write(path, "cut").expect("written");
            }
        }),
        ("packs are overwritten", &|| {
            for path in objects() {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
                let length = fs::metadata(&path).expect("a file").len();
                fs::write(path, vec![7; usize::try_from(length).expect("small")]).expect("written");
            }
        }),
    ];
    for (what, damage) in damages {
        damage();
        let snapshot = fetch(&source).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert!(text(&snapshot, "shop/stack.yaml").starts_with("services"), "{what}");
    }
}

#[tokio::test]
async fn a_cache_that_vanishes_while_it_is_read_is_no_absence() {
    let origin = Origin::with_a_stack();
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let source = station.source(&url(&daemon));
    let snapshot = fetch(&source).await.expect("a snapshot");
    fs::remove_dir_all(station.state.path().join("git")).expect("removed");
    // What is in memory may still answer; nothing may answer that there is nothing.
    match snapshot.tree.list("stacks") {
        Ok(entries) => assert_eq!(entries.len(), 1),
        Err(error) => assert!(matches!(error, ReadError::Denied(_)), "{error}"),
    }
    let again = fetch(&source).await.expect("a snapshot");
    assert_eq!(again.tree.list("stacks").expect("listed").len(), 1);
}

#[tokio::test]
async fn nobody_else_may_look_into_the_cache_which_knows_no_url() {
    let origin = Origin::with_a_stack();
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    commit(&station.source(&url(&daemon))).await;
    let mode = fs::metadata(station.cache()).expect("a directory").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut open = vec![station.state.path().to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).expect("listed").map(|entry| entry.expect("e").path()));
        } else {
            let content = fs::read(&path).expect("read");
            let content = String::from_utf8_lossy(&content);
            assert!(!content.contains("127.0.0.1"), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_cache_does_not_grow_for_ever_though_the_last_snapshot_is_kept() {
    let origin = Origin::with_a_stack();
    let station = Station::new();
    let source = station.source(&origin.bare().display().to_string());
    let mut last = fetch(&source).await.expect("a snapshot");
    let mut most = 0;
    for number in 0..60 {
        origin.write("stacks/shop/stack.yaml", format!("services: {{}} # {number}"));
        origin.commit("Next");
        last = fetch(&source).await.expect("a snapshot");
        most = most.max(packs(&station));
    }
    assert!(text(&last, "stacks/shop/stack.yaml").ends_with("# 59"));
    assert!((2..=51).contains(&most), "{most}");
    assert!(packs(&station) < 15, "{}", packs(&station));
}

#[tokio::test]
async fn a_source_that_asks_for_nonsense_costs_the_others_nothing() {
    let origin = Origin::with_a_stack();
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let absent = "4f2c9e1000000000000000000000000000000000".parse().expect("an id");
    let (reference, url) = (Reference::Commit(absent), url(&daemon));
    let wrong = station.declared(GitDeclaration { reference, ..declaration(&url) });
    let good = station.source(&url);
    assert_eq!(commit(&good).await, origin.head());
    assert!(fetch(&wrong).await.is_err());
    let before = daemon.connections();
    assert_eq!(commit(&good).await, origin.head());
    assert_eq!(daemon.connections() - before, 1);
}
