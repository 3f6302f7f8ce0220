//! A repository as a source: where it is, which commit counts, how to get in, and who must have signed.

use std::path::Path;

use schemars::JsonSchema;
use semver::VersionReq;

use crate::sources::git::{
    Access, CommitId, GitDeclaration, HttpLogin, Reference, RepositoryUrl, SecretSource, Signed,
    SshAccess, SshKey, Verification, VersionTags,
};
use crate::spec::compose::duration::Duration;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report};

/// Forges take a token as the password of any user; this is the name that GitHub documents.
const TOKEN_USER: &str = "x-access-token";

/// A repository as a source. Paths of files are relative to the settings file; secrets stand in files.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GitSettings {
    /// The repository: https, ssh, `git@host:path`, or a path of this machine. Without credentials.
    #[schemars(with = "String", example = &"https://github.com/acme/stacks.git")]
    pub url: Located<RepositoryUrl>,
    /// The branch; by default the one that the server calls its default. Give at most one of `branch`, `tag`,
    /// `version` and `commit`.
    #[schemars(example = &"main")]
    pub branch: Option<String>,
    /// The tag.
    #[schemars(example = &"production")]
    pub tag: Option<String>,
    /// Which versions fit, as Cargo writes it: the tag with the highest one counts, with or without a `v` in front.
    #[schemars(with = "Option<String>", example = &">=1.4, <2")]
    pub version: Option<Located<VersionReq>>,
    /// What stands before the version in tags.
    #[schemars(example = &"shop/")]
    pub version_prefix: Option<String>,
    /// The commit, by its full name.
    #[schemars(with = "Option<String>", example = &"4f2c9e1a0b7d3c5e6f8091a2b3c4d5e6f7081920")]
    pub commit: Option<Located<CommitId>>,
    /// The stack file or directory of stacks in the repository; by default its root.
    #[schemars(example = &"stacks")]
    pub path: Option<String>,
    /// The directory of the repository that files may not leave; by default the one of `path`.
    #[schemars(example = &"")]
    pub root: Option<String>,
    /// The user for HTTPS; needs `password_file`.
    #[schemars(example = &"deploy")]
    pub username: Option<String>,
    /// The file with the user's password or token.
    #[schemars(with = "Option<String>", example = &"/run/secrets/git-password")]
    pub password_file: Option<Located<String>>,
    /// The file with a token of GitHub, GitLab, Gitea or Azure DevOps, instead of user and password.
    #[schemars(with = "Option<String>", example = &"/run/secrets/git-token")]
    pub token_file: Option<Located<String>>,
    /// The file with a token that is sent as `Authorization: Bearer`, instead of user and password.
    #[schemars(with = "Option<String>", example = &"/run/secrets/git-bearer")]
    pub bearer_token_file: Option<Located<String>>,
    /// The file with the certificates of authorities that are believed instead of the system's.
    #[schemars(with = "Option<String>", example = &"company-ca.pem")]
    pub ca_file: Option<Located<String>>,
    /// How to get in through SSH.
    pub ssh: Option<SshSettings>,
    /// Who must have signed; without it, signatures are not looked at.
    pub verify: Option<VerifySettings>,
    /// How often the server is asked for news.
    #[schemars(with = "Option<Duration>", example = &"1m")]
    pub interval: Option<Duration>,
}

/// How to get in through SSH, and which hosts are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SshSettings {
    /// The file with the private key.
    #[schemars(with = "Option<String>", example = &"/run/secrets/deploy-key")]
    pub key_file: Option<Located<String>>,
    /// The file with the key's passphrase.
    #[schemars(with = "Option<String>", example = &"/run/secrets/deploy-key-passphrase")]
    pub passphrase_file: Option<Located<String>>,
    /// The socket of an agent whose keys are tried.
    #[schemars(with = "Option<String>", example = &"/run/ssh-agent.socket")]
    pub agent_socket: Option<Located<String>>,
    /// The file with the keys of hosts; by default `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    #[schemars(with = "Option<String>", example = &"known_hosts")]
    pub known_hosts_file: Option<Located<String>>,
    /// Whether the key of a host that is not known is believed the first time.
    #[schemars(example = false)]
    pub accept_new: Option<bool>,
}

/// Who must have signed the commit or tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VerifySettings {
    /// The file with those whose SSH signatures count, as git's `gpg.ssh.allowedSignersFile` has them.
    #[schemars(with = "Option<String>", example = &"allowed_signers")]
    pub allowed_signers_file: Option<Located<String>>,
    /// The file with those whose OpenPGP signatures count, as `gpg --export` writes it.
    #[schemars(with = "Option<String>", example = &"keyring.asc")]
    pub keyring_file: Option<Located<String>>,
    /// What must be signed: `commit`, `tag` or `both`. By default the tag if the source is one, otherwise the commit.
    #[schemars(with = "Option<String>", example = &"commit")]
    pub signed: Option<Signed>,
}

const SIGNED: [(&str, Signed); 3] =
    [("commit", Signed::Commit), ("tag", Signed::Tag), ("both", Signed::Both)];

impl GitSettings {
    /// The source that this describes, relative paths taken from the `directory` of the settings file.
    pub fn declaration(&self, directory: &Path) -> GitDeclaration {
        let secret = |file: &Located<String>| SecretSource::File(directory.join(file.as_str()));
        let path = |file: &Located<String>| directory.join(file.as_str());
        let http = match (&self.token_file, &self.bearer_token_file, &self.password_file) {
            (Some(token), _, _) => {
                HttpLogin::Basic { username: TOKEN_USER.to_owned(), password: secret(token) }
            }
            (None, Some(token), _) => HttpLogin::Bearer(secret(token)),
            (None, None, Some(password)) => HttpLogin::Basic {
                username: self.username.clone().unwrap_or_default(),
                password: secret(password),
            },
            (None, None, None) => HttpLogin::None,
        };
        let ssh = self.ssh.clone().unwrap_or_default();
        let key = ssh.key_file.as_ref().map(|key| SshKey {
            key: secret(key),
            passphrase: ssh.passphrase_file.as_ref().map(secret),
        });
        let verification = self.verify.as_ref().map(|verify| Verification {
            allowed_signers: verify.allowed_signers_file.as_ref().map(path),
            keyring: verify.keyring_file.as_ref().map(path),
            signed: verify.signed,
        });
        GitDeclaration {
            url: self.url.value.clone().relative_to(directory),
            access: Access {
                http,
                ca_file: self.ca_file.as_ref().map(path),
                ssh: SshAccess {
                    keys: key.into_iter().collect(),
                    agent: ssh.agent_socket.as_ref().map(path),
                    known_hosts: ssh.known_hosts_file.as_ref().map(path),
                    accept_new: ssh.accept_new == Some(true),
                },
            },
            reference: self.reference(),
            path: self.path.clone().unwrap_or_default(),
            root: self.root.clone(),
            verification,
        }
    }

    fn reference(&self) -> Reference {
        if let Some(branch) = &self.branch {
            Reference::Branch(branch.clone())
        } else if let Some(tag) = &self.tag {
            Reference::Tag(tag.clone())
        } else if let Some(requirement) = &self.version {
            Reference::Version(VersionTags {
                requirement: requirement.value.clone(),
                prefix: self.version_prefix.clone().unwrap_or_default(),
            })
        } else if let Some(commit) = &self.commit {
            Reference::Commit(commit.value)
        } else {
            Reference::Head
        }
    }
}

impl GitSettings {
    /// What single keys cannot know: a login that the URL has no use for.
    fn check(&self, at: &Cursor<'_>, report: &mut Report) {
        let url = &self.url.value;
        let https = [&self.password_file, &self.token_file, &self.bearer_token_file, &self.ca_file];
        for (is_there, fits, of) in [
            (https.iter().any(|file| file.is_some()), url.is_http(), "https"),
            (self.ssh.is_some(), url.is_ssh(), "ssh"),
        ] {
            if is_there && !fits {
                let message = format!("has settings for {of}, which its `url` is not");
                report.push(at.error("git-login", message));
            }
        }
    }
}

impl Decode for GitSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let url = fields.at("url").map(|at| url(&at, report));
        if url.is_none() {
            let finding = at.error("missing-key", "needs `url`");
            report.push(finding.hint("write `url: https://host/team/repository.git`"));
        }
        at_most_one(&mut fields, &["branch", "tag", "version", "commit"], report);
        at_most_one(&mut fields, &["password_file", "token_file", "bearer_token_file"], report);
        for (key, file) in [
            ("password", "password_file"),
            ("token", "token_file"),
            ("bearer_token", "bearer_token_file"),
        ] {
            if let Some(at) = fields.at(key) {
                let finding = at.error("secret-in-settings", "does not belong into this file");
                report.push(finding.hint(format!("put it into a file of its own: `{file}`")));
            }
        }
        let settings = (
            fields.get("branch", report),
            fields.get("tag", report),
            fields
                .at("version")
                .and_then(|at| parsed(&at, "is no requirement on versions", report)),
            fields.get("version_prefix", report),
            fields.at("commit").and_then(|at| parsed(&at, "is no commit", report)),
            fields.get("path", report),
            fields.get("root", report),
        );
        let (branch, tag, version, version_prefix, commit, path, root) = settings;
        let username: Option<String> = fields.get("username", report);
        let password_file: Option<Located<String>> = fields.get("password_file", report);
        if username.is_some() != password_file.is_some() {
            let finding =
                at.error("git-login", "needs both `username` and `password_file`, or none");
            report.push(finding.hint("with `token_file` no user is needed"));
        }
        let token_file = fields.get("token_file", report);
        let bearer_token_file = fields.get("bearer_token_file", report);
        let ca_file = fields.get("ca_file", report);
        let ssh: Option<SshSettings> = fields.get("ssh", report);
        let verify = fields.get("verify", report);
        let interval = fields.at("interval").and_then(|at| interval(&at, report));
        fields.finish(report);
        let settings = Self {
            url: url??,
            branch,
            tag,
            version,
            version_prefix,
            commit,
            path,
            root,
            username,
            password_file,
            token_file,
            bearer_token_file,
            ca_file,
            ssh,
            verify,
            interval,
        };
        settings.check(at, report);
        Some(settings)
    }
}

impl Decode for SshSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let settings = Self {
            key_file: fields.get("key_file", report),
            passphrase_file: fields.get("passphrase_file", report),
            agent_socket: fields.get("agent_socket", report),
            known_hosts_file: fields.get("known_hosts_file", report),
            accept_new: fields.get("accept_new", report),
        };
        if settings.passphrase_file.is_some() && settings.key_file.is_none() {
            report.push(at.error("git-login", "has a passphrase and no `key_file`"));
        }
        fields.finish(report);
        Some(settings)
    }
}

impl Decode for VerifySettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let names = SIGNED.map(|(name, _)| name);
        let signed = fields.choice("signed", &names, report);
        let signed = signed.and_then(|signed| {
            SIGNED.iter().find(|(name, _)| *name == signed.as_str()).map(|(_, signed)| *signed)
        });
        let settings = Self {
            allowed_signers_file: fields.get("allowed_signers_file", report),
            keyring_file: fields.get("keyring_file", report),
            signed,
        };
        if settings.allowed_signers_file.is_none() && settings.keyring_file.is_none() {
            let finding = at.error("missing-key", "needs a list of those who may sign");
            report.push(finding.hint("name `allowed_signers_file`, `keyring_file` or both"));
        }
        fields.finish(report);
        Some(settings)
    }
}

/// Reports the second of keys of which only one makes sense.
fn at_most_one(fields: &mut Fields<'_>, keys: &[&'static str], report: &mut Report) {
    let mut first = None;
    for key in keys {
        let Some(at) = fields.at(key) else { continue };
        match first {
            None => first = Some(*key),
            Some(first) => {
                report.push(
                    at.error("conflicting-keys", format_args!("cannot stand beside `{first}`")),
                );
            }
        }
    }
}

fn url(at: &Cursor<'_>, report: &mut Report) -> Option<Located<RepositoryUrl>> {
    let text: Located<String> = at.get(report)?;
    match text.value.parse() {
        Ok(url) => Some(Located::new(url, text.place)),
        Err(error) => {
            let error: crate::sources::git::UrlError = error;
            report.push(
                at.error("invalid-value", format_args!("cannot be used: {error}"))
                    .hint(error.hint()),
            );
            None
        }
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    at: &Cursor<'_>,
    says: &str,
    report: &mut Report,
) -> Option<Located<T>> {
    let text: Located<String> = at.get(report)?;
    match text.value.parse() {
        Ok(value) => Some(Located::new(value, text.place)),
        Err(error) => {
            report.push(at.error("invalid-value", format_args!("{says}: {error}")));
            None
        }
    }
}

fn interval(at: &Cursor<'_>, report: &mut Report) -> Option<Duration> {
    let interval: Duration = at.get(report)?;
    if interval.0.0 < 1_000_000_000 {
        report.push(at.error("out-of-range", "must be at least a second"));
        return None;
    }
    Some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{SourceFiles, parse};
    use crate::sources::git::{Limits, Repositories};

    fn read(git: &str) -> (Option<GitDeclaration>, Vec<String>) {
        let text = format!("sources:\n  - name: main\n    git: {git}\n");
        let (settings, findings) = parse(text.as_bytes(), "skep.yaml".into());
        let sources = settings.map(|settings| settings.sources).unwrap_or_default();
        let declaration = sources.first().and_then(|source| match &source.files {
            SourceFiles::Git(git) => Some(git.declaration(Path::new("/etc/skep"))),
            SourceFiles::Path(_) => None,
        });
        let findings =
            findings.into_iter().map(|finding| format!("{}: {}", finding.code, finding.message));
        (declaration, findings.collect())
    }

    #[test]
    fn every_key_has_its_meaning() {
        let (git, findings) = read(
            "{url: 'https://git.example.com/acme/stacks.git', version: '1', version_prefix: shop/, path: stacks, root: '',
              token_file: token, ca_file: /ca.pem, interval: 30s,
              verify: {allowed_signers_file: signers, keyring_file: keys.asc, signed: both}}",
        );
        assert_eq!(findings, Vec::<String>::new());
        let git = git.expect("a declaration");
        let password = SecretSource::File("/etc/skep/token".into());
        assert_eq!(git.access.http, HttpLogin::Basic { username: TOKEN_USER.to_owned(), password });
        assert_eq!(git.access.ca_file.as_deref(), Some(Path::new("/ca.pem")));
        assert_eq!(git.reference.to_string(), "`shop/^1`");
        assert_eq!((git.path.as_str(), git.root.as_deref()), ("stacks", Some("")));
        let verification = git.verification.expect("a verification");
        assert_eq!(verification.keyring.as_deref(), Some(Path::new("/etc/skep/keys.asc")));
        assert_eq!(verification.signed, Some(Signed::Both));

        let (git, findings) = read(
            "{url: 'git@git.example.com:acme/stacks.git', branch: main,
              ssh: {key_file: key, passphrase_file: phrase, agent_socket: /agent, known_hosts_file: known, accept_new: true}}",
        );
        assert_eq!(findings, Vec::<String>::new());
        let git = git.expect("a declaration");
        let file = |name: &str| SecretSource::File(Path::new("/etc/skep").join(name));
        let key = SshKey { key: file("key"), passphrase: Some(file("phrase")) };
        let ssh = SshAccess {
            keys: vec![key],
            agent: Some("/agent".into()),
            known_hosts: Some("/etc/skep/known".into()),
            accept_new: true,
        };
        assert_eq!(git.access, Access { ssh, ..Access::default() });
        assert_eq!(git.reference, Reference::Branch("main".to_owned()));

        let (git, _) = read("{url: ../stacks, commit: 4f2c9e1a0b7d3c5e6f8091a2b3c4d5e6f7081920}");
        let git = git.expect("a declaration");
        assert_eq!(git.url.to_string(), "/etc/skep/../stacks");
        assert!(matches!(git.reference, Reference::Commit(_)));
    }

    #[test]
    fn a_source_of_the_settings_can_be_fetched_from() {
        let text = "sources: [{name: here, path: stacks}, {name: there, git: {url: 'git@h:a/b'}}]";
        let (settings, _) = parse(text.as_bytes(), "skep.yaml".into());
        let repositories = Repositories::new("/var/lib/skep", Limits::default());
        let sources = settings.map(|settings| settings.sources).unwrap_or_default();
        let opened: Vec<_> = sources
            .iter()
            .map(|source| source.open(Path::new("/etc/skep"), &repositories))
            .map(|source| (source.name.to_string(), source.directory().map(Path::to_owned)))
            .collect();
        let here = Some(Path::new("/etc/skep/stacks").to_owned());
        assert_eq!(opened, [("here".to_owned(), here), ("there".to_owned(), None)]);
    }

    #[test]
    fn mistakes_are_all_reported_and_no_secret_is() {
        let (_, findings) = read(
            "{url: 'https://me:hunter2@h/a', branch: a, tag: b, version: x, commit: 4f2c, token: hunter2, username: me,
              token_file: t, bearer_token_file: b, interval: 1ms, ssh: {passphrase_file: p}, verify: {signed: al}}",
        );
        assert!(!findings.concat().contains("hunter2"), "{findings:#?}");
        insta::assert_snapshot!(findings.join("\n"));
        let (_, findings) = read("{url: /srv/stacks.git, token_file: t, ssh: {accept_new: true}}");
        assert_eq!(findings.len(), 2, "{findings:?}");
        let (_, findings) = read("{branch: main}");
        assert_eq!(findings, ["missing-key: sources[0].git needs `url`"]);
    }
}
