//! Smart HTTP: authentication, authorities, redirects, old servers, and every way to say no.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skep::model::secret::Redacted;
use skep::sources::git::{
    Access, GitDeclaration, GitError, HttpLogin, Reference, Remedy, SecretSource,
};
use skep::sources::{FetchError, Source};
use skep::spec::tree::Tree as _;

use crate::fetching::{Station, chain, commit, declaration, fetch, refused};
use crate::http_servers::{HttpServer, Manners};
use crate::origin::Origin;

const PASSWORD: &str = "hunter2-c4n4ry";

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("deploy:{PASSWORD}")))
}

fn wants(authorization: String) -> Manners {
    Manners { authorization: Some(authorization), ..Manners::default() }
}

fn source(station: &Station, server: &HttpServer, http: HttpLogin) -> Source {
    let access = Access { http, ca_file: server.authority(), ..Access::default() };
    station.declared(GitDeclaration { access, ..declaration(&server.url("stacks.git")) })
}

fn login(password: SecretSource) -> HttpLogin {
    HttpLogin::Basic { username: "deploy".to_owned(), password }
}

#[tokio::test]
async fn a_password_from_a_file_opens_the_door_and_is_seen_nowhere() {
    let origin = Origin::with_a_stack();
    let server = HttpServer::tls(&origin, wants(basic())).await;
    let station = Station::new();
    let file = station.state.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("written");
    let source = source(&station, &server, login(SecretSource::File(file.clone())));
    assert_eq!(commit(&source).await, origin.head());

    // It is read anew each time, so that it can be rotated.
    fs::write(&file, "another").expect("written");
    let error = refused(&source).await;
    assert!(matches!(&*error, GitError::Unauthorised { with_credentials: true, .. }), "{error:?}");
    fs::write(&file, "").expect("written");
    assert!(matches!(&*refused(&source).await, GitError::SecretFile { .. }));
    fs::write(&file, PASSWORD).expect("written");
    let second = origin.commit("Second");
    assert_eq!(commit(&source).await, second);

    let shown = format!("{source:?} {error:?} {}", chain(&*error));
    for secret in [PASSWORD, &STANDARD.encode(format!("deploy:{PASSWORD}"))] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(!found(&station.state.path().join("git"), secret));
    }
}

/// Whether a text stands in any file below a directory.
fn found(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("listed").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return found(&path, text);
        }
        let content = fs::read(path).expect("read");
        content.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

#[tokio::test]
async fn a_token_is_sent_as_bearer_where_that_is_asked_for() {
    let origin = Origin::with_a_stack();
    let server = HttpServer::tls(&origin, wants(format!("Bearer {PASSWORD}"))).await;
    let token = SecretSource::Value(Redacted::new(PASSWORD.to_owned()));
    let source = source(&Station::new(), &server, HttpLogin::Bearer(token));
    assert_eq!(commit(&source).await, origin.head());
    assert!(!format!("{source:?}").contains(PASSWORD));
}

#[tokio::test]
async fn a_server_is_believed_only_with_the_right_authority() {
    let origin = Origin::with_a_stack();
    let server = HttpServer::tls(&origin, Manners::default()).await;
    let station = Station::new();
    let at = async |ca_file| {
        let access = Access { ca_file, ..Access::default() };
        let url = server.url("stacks.git");
        fetch(&station.declared(GitDeclaration { access, ..declaration(&url) })).await
    };
    assert!(at(server.authority()).await.is_ok());
    let Err(error) = at(None).await else { panic!("believed") };
    assert!(chain(&error).contains("UnknownIssuer"), "{}", chain(&error));
    assert!(error.hint().is_some_and(|hint| hint.contains("`ca_file`")));
    let other = HttpServer::tls(&origin, Manners::default()).await;
    assert!(at(other.authority()).await.is_err());
    let empty = station.state.path().join("empty.pem");
    fs::write(&empty, "nothing").expect("written");
    let error = at(Some(empty)).await.expect_err("no certificate");
    assert!(matches!(&error, FetchError::Git(e) if matches!(**e, GitError::NoCertificates { .. })));
    // Nothing but the name in the certificate will do.
    let access = Access { ca_file: server.authority(), ..Access::default() };
    let url = server.url("stacks.git").replace("localhost", "127.0.0.1");
    let error = refused(&station.declared(GitDeclaration { access, ..declaration(&url) })).await;
    assert!(matches!(&*error, GitError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_renamed_repository_is_followed_but_not_with_the_credentials_of_another_server() {
    let origin = Origin::with_a_stack();
    let new = HttpServer::plain(&origin, Manners::default()).await;
    let manners = Manners { moved_to: Some(new.url("")), ..wants(basic()) };
    let old = HttpServer::plain(&origin, manners).await;
    let station = Station::new();
    let password = || SecretSource::Value(Redacted::new(PASSWORD.to_owned()));
    let access = Access { http: login(password()), ..Access::default() };
    let moved = GitDeclaration { access, ..declaration(&old.url("old/stacks.git")) };
    assert_eq!(commit(&station.declared(moved)).await, origin.head());
    assert!(old.seen().iter().all(|seen| seen.authorization == Some(basic())));
    assert!(new.seen().len() >= 3 && new.seen().iter().all(|seen| seen.authorization.is_none()));
    assert!(new.seen().iter().all(|seen| seen.path.starts_with("/stacks.git/")));

    let manners = Manners { moved_to: Some("file:///etc/".to_owned()), ..Manners::default() };
    let astray = HttpServer::plain(&origin, manners).await;
    let error = refused(&station.source(&astray.url("old/stacks.git"))).await;
    assert!(matches!(&*error, GitError::Redirected { .. }), "{error:?}");
    let tls =
        HttpServer::tls(&origin, Manners { moved_to: Some(new.url("")), ..Manners::default() });
    let tls = tls.await;
    let access = Access { ca_file: tls.authority(), ..Access::default() };
    let down = GitDeclaration { access, ..declaration(&tls.url("old/stacks.git")) };
    let error = refused(&station.declared(down)).await;
    assert!(error.to_string().ends_with("redirects to a place without encryption"), "{error}");
}

#[tokio::test]
async fn credentials_never_leave_without_encryption() {
    let password = SecretSource::Value(Redacted::new(PASSWORD.to_owned()));
    let access = Access { http: login(password), ..Access::default() };
    let plain = GitDeclaration { access, ..declaration("http://git.example.com/stacks.git") };
    let error = refused(&Station::new().declared(plain)).await;
    assert!(matches!(&*error, GitError::PlainText { .. }), "{error:?}");
}

#[tokio::test]
async fn servers_that_speak_the_older_protocol_do() {
    let origin = Origin::with_a_stack();
    let first = origin.head();
    origin.git(&["tag", "-a", "-m", "one", "v1.0.0"]);
    let second = origin.commit("Second");
    let manners = Manners { is_old: true, ..Manners::default() };
    let server = HttpServer::plain(&origin, manners).await;
    let station = Station::new();
    let url = server.url("stacks.git");
    let source = station.source(&url);
    assert_eq!(commit(&source).await, second);
    let third = origin.commit("Third");
    assert_eq!(commit(&source).await, third);
    let tag = Reference::Tag("v1.0.0".to_owned());
    let tagged = station.declared(GitDeclaration { reference: tag, ..declaration(&url) });
    assert_eq!(commit(&tagged).await, first);
    // Such a server gives a commit in the middle of the history only with all of it.
    let reference = Reference::Commit(second.parse().expect("an id"));
    let pinned = GitDeclaration { reference, ..declaration(&url) };
    assert_eq!(commit(&Station::new().declared(pinned)).await, second);
    let absent = Reference::Commit("4f2c9e1000000000000000000000000000000000".parse().expect("id"));
    let pinned = GitDeclaration { reference: absent, ..declaration(&url) };
    let error = refused(&station.declared(pinned)).await;
    assert!(matches!(&*error, GitError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn a_head_check_costs_two_requests_and_no_transfer() {
    let origin = Origin::with_a_stack();
    let server = HttpServer::plain(&origin, Manners::default()).await;
    let source = source(&Station::new(), &server, HttpLogin::None);
    commit(&source).await;
    let before = server.seen().len();
    commit(&source).await;
    let paths: Vec<String> = server.seen().split_off(before).into_iter().map(|s| s.path).collect();
    assert_eq!(paths, ["/stacks.git/info/refs", "/stacks.git/git-upload-pack"]);
}

#[tokio::test]
async fn every_refusal_is_told_apart() {
    let origin = Origin::with_a_stack();
    let station = Station::new();
    let server = HttpServer::plain(&origin, wants(basic())).await;
    let error = refused(&station.source(&server.url("stacks.git"))).await;
    assert!(matches!(&*error, GitError::Unauthorised { with_credentials: false, .. }));
    assert!(error.to_string().ends_with("refuses to answer without credentials"), "{error}");
    for (status, remedy) in [(503, Remedy::Retry), (429, Remedy::Retry), (400, Remedy::Change)] {
        let manners = Manners { status: Some(status), ..Manners::default() };
        let server = HttpServer::plain(&origin, manners).await;
        let error = refused(&station.source(&server.url("stacks.git"))).await;
        assert!(matches!(&*error, GitError::Status { status: s, .. } if *s == status));
        assert_eq!(error.remedy(), remedy);
    }
    let manners = Manners { status: Some(200), ..Manners::default() };
    let page = HttpServer::plain(&origin, manners).await;
    let error = refused(&station.source(&page.url("stacks.git"))).await;
    assert!(error.to_string().contains("does not speak git's protocol"), "{error}");
    let server = HttpServer::plain(&origin, Manners::default()).await;
    let error = refused(&station.source(&server.url("none.git"))).await;
    assert!(matches!(&*error, GitError::NoRepository { .. }), "{error:?}");
    assert_eq!(error.remedy(), Remedy::Change);
}

#[tokio::test]
async fn the_tree_outlives_the_conversation() {
    let origin = Origin::with_a_stack();
    let server = HttpServer::plain(&origin, Manners::default()).await;
    let station = Station::new();
    let snapshot = fetch(&source(&station, &server, HttpLogin::None)).await.expect("a snapshot");
    drop(server);
    assert_eq!(snapshot.tree.list("stacks").expect("listed").len(), 1);
}
