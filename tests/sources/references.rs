//! Which commit a source yields, over `git daemon` and from this machine.

use skep::sources::git::{GitDeclaration, GitError, Reference, VersionTags};
use skep::spec::discover::{Scope, Start, discover};
use skep::spec::tree::{ReadError, Tree as _};

use crate::fetching::{Station, chain, commit, declaration, fetch, refused, text};
use crate::origin::Origin;
use crate::server::Server;

/// The repository on this machine, and behind a daemon that stays as long as its value.
fn places(origin: &Origin) -> ([String; 3], Server) {
    let daemon = Server::git_daemon(origin);
    let bare = origin.bare().display().to_string();
    let remote = format!("git://127.0.0.1:{}/stacks.git", daemon.port());
    ([bare.clone(), format!("file://{bare}"), remote], daemon)
}

#[tokio::test]
async fn a_commit_is_read_without_a_work_tree_and_described() {
    let origin = Origin::with_a_stack();
    origin.write("README.md", "about");
    let id = origin.commit("Second\n\nwith a body");
    let (urls, _daemon) = places(&origin);
    for url in urls {
        let station = Station::new();
        let snapshot = fetch(&station.source(&url)).await.expect("a snapshot");
        assert_eq!(snapshot.revision().as_str(), format!("sha1:{id}"));
        let commit = snapshot.commit.as_ref().expect("a commit");
        assert_eq!((commit.author.as_str(), commit.subject.as_str()), ("Ada Lovelace", "Second"));
        assert_eq!(commit.time.to_string(), "2026-03-01T12:00:00Z");
        assert_eq!((commit.branch.as_deref(), commit.tag.as_deref()), (Some("main"), None));
        assert!(text(&snapshot, "stacks/shop/stack.yaml").starts_with("services:"));
        // Only this commit, and nothing that git calls a checkout.
        let cache = git2::Repository::open_bare(station.repository());
        let parent = origin.git(&["rev-parse", "HEAD^"]).parse().expect("an id");
        assert!(cache.expect("a repository").find_commit(parent).is_err());
        assert!(!station.repository().join("index").exists());
    }
}

#[tokio::test]
async fn every_kind_of_reference_leads_to_its_commit() {
    let origin = Origin::with_a_stack();
    let first = origin.head();
    origin.git(&["tag", "v1.2.0"]);
    origin.commit("Second");
    let second = origin.head();
    origin.git(&["tag", "-a", "-m", "the tenth", "v1.10.0"]);
    origin.git(&["tag", "v2.0.0-rc.1"]);
    origin.git(&["checkout", "--quiet", "-b", "next"]);
    let third = origin.commit("Third");
    let (urls, _daemon) = places(&origin);
    let version = |requirement: &str| {
        let requirement = requirement.parse().expect("a requirement");
        Reference::Version(VersionTags { requirement, prefix: String::new() })
    };
    for url in urls {
        let station = Station::new();
        for (reference, expected) in [
            (Reference::Head, &second),
            (Reference::Branch("next".to_owned()), &third),
            (Reference::Tag("v1.2.0".to_owned()), &first),
            (Reference::Tag("v1.10.0".to_owned()), &second),
            (version("1"), &second),
            (version("<1.10"), &first),
            // In the history of a branch, and of none but it.
            (Reference::Commit(first.parse().expect("an id")), &first),
        ] {
            // `HEAD` is the branch that is checked out in the origin.
            origin.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
            let declaration = GitDeclaration { reference: reference.clone(), ..declaration(&url) };
            let found = commit(&station.declared(declaration)).await;
            assert_eq!(found, *expected, "{reference} of {url}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let origin = Origin::with_a_stack();
    origin.git(&["tag", "v1.0.0"]);
    let empty = Origin::empty();
    let (urls, _daemon) = places(&origin);
    let (empty_urls, _empty_daemon) = places(&empty);
    for (url, empty) in urls.iter().zip(&empty_urls) {
        let station = Station::new();
        let ask = async |reference: Reference| {
            let declaration = GitDeclaration { reference, ..declaration(url) };
            let error = refused(&station.declared(declaration)).await;
            format!("{} [{}]", chain(&*error), error.hint().unwrap_or_default())
        };
        let branch = ask(Reference::Branch("mian".to_owned())).await;
        assert!(branch.ends_with("has no branch `mian` [did you mean `main`?]"), "{branch}");
        let tag = ask(Reference::Tag("v1.0.1".to_owned())).await;
        assert!(tag.ends_with("has no tag `v1.0.1` [did you mean `v1.0.0`?]"), "{tag}");
        let requirement = "^3".parse().expect("a requirement");
        let tags = VersionTags { requirement, prefix: String::new() };
        let version = ask(Reference::Version(tags)).await;
        assert!(version.contains("has no tag that fits `^3`"), "{version}");
        let id = "4f2c9e1000000000000000000000000000000000";
        let commit = ask(Reference::Commit(id.parse().expect("an id"))).await;
        assert!(commit.contains(&format!("has no commit {id}")), "{commit}");

        let error = refused(&station.source(empty)).await;
        assert!(matches!(&*error, GitError::Empty { .. }), "{error:?}");
        let error = refused(&station.source(&format!("{url}x"))).await;
        assert!(matches!(&*error, GitError::NoRepository { .. }), "{error:?}");
        let declaration = GitDeclaration { path: "stakcs".to_owned(), ..declaration(url) };
        let error = refused(&station.declared(declaration)).await;
        assert!(matches!(&*error, GitError::NoPath { .. }), "{error:?}");
        assert!(error.to_string().starts_with("there is no stakcs in "), "{error}");
    }
}

#[tokio::test]
async fn a_path_is_the_root_of_its_source() {
    let origin = Origin::with_a_stack();
    origin.write("common.env", "A=1");
    origin.write("single.yaml", "services: {}");
    origin.commit("More");
    let station = Station::new();
    let url = origin.bare().display().to_string();
    let at = async |path: &str, root: Option<&str>| {
        let (path, root) = (path.to_owned(), root.map(str::to_owned));
        fetch(&station.declared(GitDeclaration { path, root, ..declaration(&url) })).await
    };
    let stacks = at("/stacks/", None).await.expect("a snapshot");
    assert_eq!(stacks.start, Start::Directory(String::new()));
    assert_eq!(stacks.tree.read("../common.env", 9), Err(ReadError::Outside));
    assert_eq!(stacks.tree.display("shop/stack.yaml"), "stacks/shop/stack.yaml");
    let content = stacks.tree.content_of("stacks/shop/stack.yaml");
    assert!(content.is_some_and(|content| content.starts_with(b"services")));
    let found = discover(&stacks.tree, &stacks.start);
    assert_eq!((found.stacks.len(), found.scope, found.findings), (1, Scope::Directory, vec![]));

    let wider = at("stacks", Some("")).await.expect("a snapshot");
    assert_eq!(wider.start, Start::Directory("stacks".to_owned()));
    assert_eq!(text(&wider, "common.env"), "A=1");

    // A stack in the root of a source is named after the directory, or the repository.
    let name = |snapshot: &skep::sources::Snapshot| {
        let found = discover(&snapshot.tree, &snapshot.start);
        found.stacks.first().map(|stack| stack.name.clone())
    };
    let shop = at("stacks/shop", None).await.expect("a snapshot");
    assert_eq!(name(&shop).as_deref(), Some("shop"));
    let file = at("single.yaml", None).await.expect("a snapshot");
    assert_eq!(file.start, Start::File("single.yaml".to_owned()));
    assert_eq!(name(&file).as_deref(), Some("single"));
    origin.write("stack.yaml", "services: {}");
    origin.commit("A stack in the root");
    let root = at("", None).await.expect("a snapshot");
    assert_eq!(name(&root).as_deref(), Some("stacks"));
}

#[tokio::test]
async fn rewritten_history_is_nothing_special() {
    let origin = Origin::with_a_stack();
    let (urls, _daemon) = places(&origin);
    for url in urls {
        let station = Station::new();
        let source = station.source(&url);
        assert_eq!(commit(&source).await, origin.head());
        origin.write("stacks/shop/stack.yaml", format!("services: {{}} # {url}\n"));
        let amended = origin.commit_with("Rewritten", &["--amend"]);
        let snapshot = fetch(&source).await.expect("a snapshot");
        assert_eq!(snapshot.revision().as_str(), format!("sha1:{amended}"));
        assert!(text(&snapshot, "stacks/shop/stack.yaml").contains(&url));
        // A history that has nothing in common with the one before.
        origin.git(&["checkout", "--quiet", "--orphan", "other"]);
        let other = origin.commit("Another beginning");
        origin.git(&["branch", "--quiet", "-M", "main"]);
        assert_eq!(commit(&source).await, other);
        // And back to a commit that was there before.
        origin.git(&["reset", "--quiet", "--hard", &amended]);
        assert_eq!(commit(&source).await, amended);
    }
}
