//! Signatures made by git with OpenSSH and GnuPG: who may, who may not, and what was changed afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skep::sources::git::{
    GitDeclaration, GitError, Reference, Signature, SignatureError, Signed, Verification,
};
use skep::sources::{FetchError, Snapshot};

use crate::fetching::{Station, chain, declaration, fetch};
use crate::origin::{Origin, succeed};
use crate::ssh_servers::{key, public};

/// Signs with an SSH key.
fn ssh(key: &Path) -> Vec<String> {
    let key = format!("user.signingkey={}", key.display());
    ["-c", "gpg.format=ssh", "-c", &key].map(str::to_owned).to_vec()
}

/// Commits, signed in some way.
fn signed(origin: &Origin, how: &[String], command: &[&str]) {
    origin.git(&["add", "--all"]);
    let how: Vec<&str> = how.iter().map(String::as_str).collect();
    origin.git(&[&how[..], command].concat());
}

const COMMIT: [&str; 6] = ["commit", "--quiet", "--allow-empty", "-S", "-m", "Signed"];

async fn verified(
    origin: &Origin,
    reference: Reference,
    verification: &Verification,
) -> Result<Snapshot, FetchError> {
    let url = origin.bare().display().to_string();
    let verification = Some(verification.clone());
    let station = Station::new();
    fetch(&station.declared(GitDeclaration { reference, verification, ..declaration(&url) })).await
}

/// Who signed, or why that is refused.
async fn verdict(
    origin: &Origin,
    reference: Reference,
    verification: &Verification,
) -> Result<String, SignatureError> {
    match verified(origin, reference, verification).await {
        Ok(snapshot) => match snapshot.commit.expect("a commit").signature {
            Signature::Good(signers) => {
                Ok(signers.into_iter().map(|one| one.name).collect::<Vec<_>>().join("+"))
            }
            Signature::NotChecked => panic!("nobody checked"),
        },
        Err(FetchError::Git(error)) => {
            assert!(error.to_string().ends_with("is refused"), "{error}");
            match std::sync::Arc::try_unwrap(error).expect("the only one") {
                GitError::Signature { source, .. } => Err(source),
                other => panic!("{}", chain(&other)),
            }
        }
        Err(other) => panic!("{}", chain(&other)),
    }
}

/// Writes a commit or tag that has other bytes than the one that was signed, and points `name` to it.
fn forge(origin: &Origin, kind: &str, of: &str, name: &str, change: impl Fn(&str) -> String) {
    let raw = succeed(&mut origin.command(&["cat-file", kind, of]));
    let path = origin.served().join("forged");
    fs::write(&path, change(&format!("{raw}\n"))).expect("written");
    let path = path.display().to_string();
    let id = origin.git(&["hash-object", "-t", kind, "-w", "--literally", &path]);
    origin.git(&["update-ref", name, &id]);
}

#[tokio::test]
async fn an_ssh_signature_counts_if_its_key_is_on_the_list() {
    let directory = tempfile::tempdir().expect("a directory");
    let list = directory.path().join("allowed");
    let origin = Origin::with_a_stack();
    let unsigned = origin.git(&["branch", "unsigned"]);
    assert!(unsigned.is_empty());
    let verification = Verification { allowed_signers: Some(list.clone()), ..Default::default() };
    let branch = |name: &str| Reference::Branch(name.to_owned());
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let ada = key(directory.path(), kind, kind, "");
        fs::write(&list, format!("ada@example.com,ada namespaces=\"git\" {}", public(&ada)))
            .expect("written");
        signed(&origin, &ssh(&ada), &COMMIT);
        let name = verdict(&origin, Reference::Head, &verification).await;
        assert_eq!(name.expect("signed"), "ada@example.com,ada", "{kind}");

        forge(&origin, "commit", "HEAD", "refs/heads/forged", |raw| raw.replace("Ada", "Eve"));
        let forged = verdict(&origin, branch("forged"), &verification).await;
        assert!(matches!(forged, Err(SignatureError::Bad { .. })), "{forged:?}");
    }
    let unsigned = verdict(&origin, branch("unsigned"), &verification).await;
    assert!(matches!(unsigned, Err(SignatureError::Unsigned)), "{unsigned:?}");

    let eve = key(directory.path(), "eve", "ed25519", "");
    signed(&origin, &ssh(&eve), &COMMIT);
    let stranger = verdict(&origin, Reference::Head, &verification).await;
    assert!(matches!(stranger, Err(SignatureError::UnknownSigner { .. })), "{stranger:?}");

    let commit_time = "20260301120000Z";
    for (option, counts) in [
        (format!("valid-after=\"{commit_time}\""), true),
        (format!("valid-before=\"{commit_time}\""), false),
        ("valid-after=\"20260302Z\"".to_owned(), false),
        ("namespaces=\"file\"".to_owned(), false),
    ] {
        fs::write(&list, format!("eve {option} {}", public(&eve))).expect("written");
        let found = verdict(&origin, Reference::Head, &verification).await;
        assert_eq!(found.is_ok(), counts, "{option}: {found:?}");
    }
    fs::write(&list, "eve nonsense").expect("written");
    let broken = verdict(&origin, Reference::Head, &verification).await;
    assert!(matches!(broken, Err(SignatureError::List { .. })), "{broken:?}");
    let keyring = Verification { keyring: Some(list), ..Default::default() };
    let no_list = verdict(&origin, Reference::Head, &keyring).await;
    assert!(matches!(no_list, Err(SignatureError::NoList { .. })), "{no_list:?}");
}

#[tokio::test]
async fn of_a_tag_the_tag_must_be_signed() {
    let directory = tempfile::tempdir().expect("a directory");
    let list = directory.path().join("allowed");
    let ada = key(directory.path(), "ada", "ed25519", "");
    fs::write(&list, format!("ada {}", public(&ada))).expect("written");
    let origin = Origin::with_a_stack();
    signed(&origin, &ssh(&ada), &["tag", "-s", "-m", "signed", "v1-signed"]);
    origin.git(&["tag", "-a", "-m", "plain", "v1-plain"]);
    signed(&origin, &ssh(&ada), &COMMIT);
    origin.git(&["tag", "v2-light"]);
    signed(&origin, &ssh(&ada), &["tag", "-s", "-m", "signed", "v2-signed"]);
    forge(&origin, "tag", "v2-signed", "refs/tags/v2-forged", |raw| raw.replace("Ada", "Eve"));
    let with = |signed| Verification { allowed_signers: Some(list.clone()), signed, keyring: None };
    let (tag, commit, both) = (with(None), with(Some(Signed::Commit)), with(Some(Signed::Both)));
    let of = async |name: &str, verification: &Verification| {
        verdict(&origin, Reference::Tag(name.to_owned()), verification).await
    };
    assert_eq!(of("v1-signed", &tag).await.expect("signed"), "ada");
    assert!(matches!(of("v1-signed", &both).await, Err(SignatureError::Unsigned)));
    assert!(matches!(of("v1-plain", &tag).await, Err(SignatureError::Unsigned)));
    assert!(matches!(of("v2-light", &tag).await, Err(SignatureError::NoTag)));
    assert_eq!(of("v2-light", &commit).await.expect("signed"), "ada");
    assert_eq!(of("v2-signed", &both).await.expect("signed"), "ada+ada");
    assert!(matches!(of("v2-forged", &tag).await, Err(SignatureError::Bad { .. })));
    assert_eq!(verdict(&origin, Reference::Head, &tag).await.expect("signed"), "ada");
}

/// GnuPG with keys of its own, until the test ends.
struct Gnupg(tempfile::TempDir);

impl Gnupg {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn command(&self) -> Command {
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", self.0.path()).args(["--batch", "--quiet", "--no-tty"]);
        gpg.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
        gpg
    }

    /// Makes a key at a time in the past if one is given, and gives its fingerprint.
    fn key(&self, name: &str, kind: &str, expire: &str, at: Option<&str>) -> String {
        let mut make = self.command();
        if let Some(at) = at {
            make.args(["--faked-system-time", at]);
        }
        succeed(make.args(["--quick-generate-key", name, kind, "sign", expire]));
        let list = succeed(self.command().args(["--with-colons", "--list-keys", name]));
        let line = list.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.trim_matches(':').rsplit(':').next().expect("a fingerprint").to_owned()
    }

    fn export(&self, keys: &[&str], to: &str) -> PathBuf {
        let path = self.0.path().join(to);
        let is_armoured = path.extension().is_some_and(|end| end == "asc");
        let armor = if is_armoured { &["--armor"][..] } else { &[] };
        let mut export = self.command();
        succeed(export.args(armor).arg("--output").arg(&path).arg("--export").args(keys));
        path
    }

    /// A `gpg.program` for git that uses these keys, at a time in the past if one is given.
    fn signs(&self, key: &str, at: Option<&str>) -> Vec<String> {
        let program = self.0.path().join(format!("gpg-{}", at.unwrap_or("now")));
        let at = at.map(|at| format!("--faked-system-time {at}")).unwrap_or_default();
        let script =
            format!("#!/bin/sh\nexec gpg --homedir {} {at} \"$@\"\n", self.0.path().display());
        fs::write(&program, script).expect("written");
        succeed(Command::new("chmod").arg("700").arg(&program));
        let (program, key) = (program.display(), format!("user.signingkey={key}"));
        vec!["-c".to_owned(), format!("gpg.program={program}"), "-c".to_owned(), key]
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        let mut stop = Command::new("gpgconf");
        let _ = stop.env("GNUPGHOME", self.0.path()).args(["--kill", "all"]).status();
    }
}

#[tokio::test]
async fn an_openpgp_signature_counts_if_its_certificate_is_in_the_keyring() {
    let gnupg = Gnupg::new();
    let ada = gnupg.key("Ada <ada@example.com>", "ed25519", "never", None);
    let rsa = gnupg.key("Rob <rob@example.com>", "rsa2048", "1y", None);
    let eve = gnupg.key("Eve <eve@example.com>", "ed25519", "never", None);
    let origin = Origin::with_a_stack();
    let with = |keyring: PathBuf| Verification { keyring: Some(keyring), ..Default::default() };
    let lists = [gnupg.export(&[&ada, &rsa], "both.asc"), gnupg.export(&[&ada, &rsa], "both.gpg")];
    // Two exports, one behind the other.
    let joined = gnupg.0.path().join("joined.asc");
    let parts = [gnupg.export(&[&rsa], "rsa.asc"), gnupg.export(&[&ada], "ada.asc")];
    fs::write(&joined, parts.map(|part| fs::read_to_string(part).expect("read")).concat())
        .expect("written");
    for (key, name) in [(&ada, "Ada <ada@example.com>"), (&rsa, "Rob <rob@example.com>")] {
        signed(&origin, &gnupg.signs(key, None), &COMMIT);
        for list in lists.iter().chain([&joined]) {
            let found = verdict(&origin, Reference::Head, &with(list.clone())).await;
            assert_eq!(found.expect("signed"), name);
        }
        forge(&origin, "commit", "HEAD", "refs/heads/forged", |raw| raw.replace("Ada", "Eve"));
        let forged = Reference::Branch("forged".to_owned());
        let forged = verdict(&origin, forged, &with(joined.clone())).await;
        assert!(matches!(forged, Err(SignatureError::Bad { .. })), "{forged:?}");
    }
    signed(&origin, &gnupg.signs(&ada, None), &["tag", "-s", "-m", "signed", "v1"]);
    let tag = verdict(&origin, Reference::Tag("v1".to_owned()), &with(joined.clone())).await;
    assert_eq!(tag.expect("signed"), "Ada <ada@example.com>");

    signed(&origin, &gnupg.signs(&eve, None), &COMMIT);
    let stranger = verdict(&origin, Reference::Head, &with(joined.clone())).await;
    let Err(SignatureError::UnknownSigner { key }) = stranger else { panic!("{stranger:?}") };
    assert_eq!(key, eve);
    let ssh_list = Verification { allowed_signers: Some(joined), ..Default::default() };
    let no_list = verdict(&origin, Reference::Head, &ssh_list).await;
    assert!(matches!(no_list, Err(SignatureError::NoList { .. })), "{no_list:?}");
}

#[tokio::test]
async fn an_openpgp_key_that_is_expired_revoked_or_bound_to_another_does_not_count() {
    let gnupg = Gnupg::new();
    let past = "20250101T000000";
    let origin = Origin::with_a_stack();
    let with = |keyring: PathBuf| Verification { keyring: Some(keyring), ..Default::default() };

    let old = gnupg.key("Old <old@example.com>", "ed25519", "30d", Some(past));
    signed(&origin, &gnupg.signs(&old, Some(past)), &COMMIT);
    let expired = verdict(&origin, Reference::Head, &with(gnupg.export(&[&old], "old.asc"))).await;
    let Err(SignatureError::Expired { when, .. }) = &expired else { panic!("{expired:?}") };
    assert_eq!(when, "from 2025-01-31T00:00:00Z on");

    let subkeys = gnupg.key("Sub <sub@example.com>", "ed25519", "never", Some(past));
    succeed(gnupg.command().args(["--quick-add-key", &subkeys, "ed25519", "sign", "never"]));
    signed(&origin, &gnupg.signs(&subkeys, None), &COMMIT);
    let list = gnupg.export(&[&subkeys], "sub.asc");
    let found = verdict(&origin, Reference::Head, &with(list)).await;
    assert_eq!(found.expect("signed"), "Sub <sub@example.com>");

    let stolen = gnupg.key("Lost <lost@example.com>", "ed25519", "never", None);
    signed(&origin, &gnupg.signs(&stolen, None), &COMMIT);
    let before = gnupg.export(&[&stolen], "before.asc");
    assert!(verdict(&origin, Reference::Head, &with(before)).await.is_ok());
    // GnuPG writes the revocation beside the key, with a colon before it so that nobody imports it by accident.
    let path = gnupg.0.path().join(format!("openpgp-revocs.d/{stolen}.rev"));
    let revocation = fs::read_to_string(&path).expect("a revocation").replace(":-----", "-----");
    fs::write(&path, revocation).expect("written");
    succeed(gnupg.command().arg("--import").arg(&path));
    let after = gnupg.export(&[&stolen], "after.asc");
    let revoked = verdict(&origin, Reference::Head, &with(after)).await;
    assert!(matches!(revoked, Err(SignatureError::Revoked { .. })), "{revoked:?}");
}
