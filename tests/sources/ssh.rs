//! OpenSSH on the loopback address: keys, passphrases, agents, and hosts that are not who they say.

use std::fs;
use std::path::{Path, PathBuf};

use skep::model::secret::Redacted;
use skep::sources::Source;
use skep::sources::git::{Access, GitDeclaration, GitError, SecretSource, SshAccess, SshKey};

use crate::fetching::{Station, chain, commit, declaration, refused};
use crate::origin::Origin;
use crate::ssh_servers::{Agent, SshServer, key};

fn file(path: &Path) -> SshKey {
    SshKey { key: SecretSource::File(path.to_owned()), passphrase: None }
}

/// Access with one key to a server whose ed25519 key is known.
fn with(key: SshKey, server: &SshServer) -> SshAccess {
    let known_hosts = Some(server.known_hosts("ed25519"));
    SshAccess { keys: vec![key], known_hosts, ..SshAccess::default() }
}

fn source(station: &Station, url: &str, ssh: SshAccess) -> Source {
    let access = Access { ssh, ..Access::default() };
    station.declared(GitDeclaration { access, ..declaration(url) })
}

fn keys() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_owned();
    (directory, path)
}

#[tokio::test]
async fn keys_of_every_kind_let_us_in() {
    let origin = Origin::with_a_stack();
    let (_keys, at) = keys();
    let all = ["ed25519", "ecdsa", "rsa"].map(|kind| key(&at, kind, kind, ""));
    let [ed25519, ecdsa, rsa] = all.each_ref().map(PathBuf::as_path);
    for version_2 in [true, false] {
        let server = SshServer::start(&[ed25519, ecdsa, rsa], &["ed25519"], version_2);
        for key in [ed25519, ecdsa, rsa] {
            let station = Station::new();
            let source = source(&station, &server.url(&origin), with(file(key), &server));
            assert_eq!(commit(&source).await, origin.head(), "{}", key.display());
            let next = origin.commit("Next");
            assert_eq!(commit(&source).await, next);
        }
    }
}

#[tokio::test]
async fn a_passphrase_comes_from_a_file_and_is_asked_for_where_it_lacks() {
    let origin = Origin::with_a_stack();
    let (_keys, at) = keys();
    let locked = key(&at, "locked", "ed25519", "open sesame c4n4ry");
    let server = SshServer::start(&[&locked], &["ed25519"], true);
    let station = Station::new();
    let url = server.url(&origin);
    let passphrase = at.join("passphrase");
    fs::write(&passphrase, "open sesame c4n4ry\n").expect("written");
    let passphrase = Some(SecretSource::File(passphrase));
    let open = SshKey { passphrase, ..file(&locked) };
    assert_eq!(commit(&source(&station, &url, with(open, &server))).await, origin.head());

    let error = refused(&source(&station, &url, with(file(&locked), &server))).await;
    assert!(error.to_string().ends_with("it has a passphrase, and none is given"), "{error}");
    let wrong = Some(SecretSource::Value(Redacted::new("c4n4ry".to_owned())));
    let wrong = SshKey { passphrase: wrong, ..file(&locked) };
    let error = refused(&source(&station, &url, with(wrong, &server))).await;
    assert!(error.to_string().contains("the passphrase is another one"), "{error}");
    assert!(!format!("{error:?} {}", chain(&*error)).contains("c4n4ry"));
}

#[tokio::test]
async fn an_agent_lets_us_in_with_its_keys() {
    let origin = Origin::with_a_stack();
    let (_keys, at) = keys();
    let key = key(&at, "agents", "ed25519", "");
    let server = SshServer::start(&[&key], &["ed25519"], true);
    let agent = Agent::with(&key);
    let station = Station::new();
    let access = |agent: &Path| SshAccess {
        agent: Some(agent.to_owned()),
        known_hosts: Some(server.known_hosts("ed25519")),
        ..SshAccess::default()
    };
    let source = |agent: &Path| source(&station, &server.url(&origin), access(agent));
    assert_eq!(commit(&source(&agent.socket)).await, origin.head());
    let error = refused(&source(&at.join("nobody"))).await;
    assert!(error.to_string().contains("use the private key of the agent at "), "{error}");
}

#[tokio::test]
async fn a_key_that_is_not_let_in_says_so() {
    let origin = Origin::with_a_stack();
    let (_keys, at) = keys();
    let (good, bad) = (key(&at, "good", "ed25519", ""), key(&at, "bad", "ed25519", ""));
    let server = SshServer::start(&[&good], &["ed25519"], true);
    let station = Station::new();
    let url = server.url(&origin);
    let error = refused(&source(&station, &url, with(file(&bad), &server))).await;
    assert!(matches!(&*error, GitError::Unauthorised { with_credentials: true, .. }), "{error:?}");
    // One after the other.
    let mut both = with(file(&bad), &server);
    both.keys.push(file(&good));
    assert_eq!(commit(&source(&station, &url, both)).await, origin.head());
    let none = SshAccess { keys: Vec::new(), ..with(file(&bad), &server) };
    let error = refused(&source(&station, &url, none)).await;
    assert!(matches!(&*error, GitError::Unauthorised { with_credentials: false, .. }), "{error:?}");

    let elsewhere = format!("{url}x");
    let error = refused(&source(&station, &elsewhere, with(file(&good), &server))).await;
    assert!(matches!(&*error, GitError::NoRepository { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unknown_host_is_not_believed_unless_we_are_told_to() {
    let origin = Origin::with_a_stack();
    let (_keys, at) = keys();
    let key = key(&at, "key", "ed25519", "");
    let server = SshServer::start(&[&key], &["ed25519"], true);
    let station = Station::new();
    let url = server.url(&origin);
    let known_hosts = at.join("known_hosts");
    fs::write(&known_hosts, "").expect("written");
    let access = |accept_new| SshAccess {
        keys: vec![file(&key)],
        known_hosts: Some(known_hosts.clone()),
        accept_new,
        ..SshAccess::default()
    };
    let error = refused(&source(&station, &url, access(false))).await;
    let hint = error.hint().expect("a hint");
    // The hint has the line that makes the host known.
    let line = hint.rsplit(": ").next().expect("a line");
    let host_key = server.host_key("ed25519");
    let host_key = host_key.rsplit_once(' ').map_or(host_key.as_str(), |(key, _comment)| key);
    assert_eq!(line, format!("[127.0.0.1]:{} {host_key}", server.server.port()));

    assert_eq!(commit(&source(&station, &url, access(true))).await, origin.head());
    assert_eq!(fs::read_to_string(&known_hosts).expect("read"), "");
    fs::write(&known_hosts, line).expect("written");
    assert_eq!(commit(&source(&Station::new(), &url, access(false))).await, origin.head());
}

#[tokio::test]
async fn a_host_with_another_key_is_an_alarm_and_one_with_several_shows_the_known_one() {
    let origin = Origin::with_a_stack();
    let (_keys, at) = keys();
    let key = key(&at, "key", "ed25519", "");
    let server = SshServer::start(&[&key], &["ed25519", "ecdsa", "rsa"], true);
    let station = Station::new();
    let url = server.url(&origin);
    let access = |known: PathBuf, accept_new| SshAccess {
        keys: vec![file(&key)],
        known_hosts: Some(known),
        accept_new,
        ..SshAccess::default()
    };
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let source = source(&station, &url, access(server.known_hosts(kind), false));
        assert_eq!(commit(&source).await, origin.head(), "{kind}");
    }
    let other = crate::ssh_servers::key(server.path(), "other", "ed25519", "");
    let line =
        format!("[127.0.0.1]:{} {}", server.server.port(), crate::ssh_servers::public(&other));
    let known = at.join("changed");
    fs::write(&known, line).expect("written");
    for accept_new in [false, true] {
        let error = refused(&source(&station, &url, access(known.clone(), accept_new))).await;
        assert!(matches!(&*error, GitError::HostChanged { .. }), "{error:?}");
    }
}
