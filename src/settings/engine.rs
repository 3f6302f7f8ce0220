//! Where the engine is, as the settings say it: managers of one Swarm, or a docker context.

use std::path::Path;

use schemars::JsonSchema;

use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::swarm::{Address, AddressError, Declared, TlsFiles};

/// Where the engine is: `hosts`, or a docker `context`. It counts only in a file that is named with `--config` or
/// `SKEP_CONFIG`; whoever writes stacks would else choose where secrets go.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EngineSettings {
    /// Managers of one Swarm, the preferred one first: `unix:///path`, `tcp://host:port` or `ssh://user@host`. When one
    /// is of no use, the next one is worked with.
    #[schemars(with = "Option<Vec<String>>", example = ["ssh://deploy@manager-1", "ssh://deploy@manager-2"])]
    pub hosts: Vec<Located<Address>>,
    /// The docker context that has the address, instead of `hosts`.
    #[schemars(with = "Option<String>", example = &"production")]
    pub context: Option<Located<String>>,
    /// TLS for the hosts that begin with `tcp://`.
    pub tls: Option<TlsSettings>,
}

/// The files of TLS connections, relative to the settings file. They are read anew for every connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TlsSettings {
    /// The file with the certificates of authorities that are believed; by default those of the system.
    #[schemars(with = "Option<String>", example = &"tls/ca.pem")]
    pub ca_file: Option<Located<String>>,
    /// The file with the certificate that is shown; needs `key_file`.
    #[schemars(with = "Option<String>", example = &"tls/cert.pem")]
    pub cert_file: Option<Located<String>>,
    /// The file with its key.
    #[schemars(with = "Option<String>", example = &"/run/secrets/docker-key.pem")]
    pub key_file: Option<Located<String>>,
}

impl EngineSettings {
    /// The engines that this describes, relative paths taken from the `directory` of the settings file.
    pub fn declared(&self, directory: &Path) -> Declared {
        let Self { hosts, context, tls } = self;
        if let Some(context) = context {
            return Declared::Context(context.value.clone());
        }
        let files = tls.as_ref().map(|tls| tls.files(directory)).unwrap_or_default();
        let address = |host: &Located<Address>| match host.value.clone() {
            Address::Tls { host, port, files: _ } => {
                Address::Tls { host, port, files: files.clone() }
            }
            other => other,
        };
        Declared::Managers(hosts.iter().map(address).collect())
    }

    /// What single keys cannot know.
    fn check(&self, at: &Cursor<'_>, has_hosts: bool, report: &mut Report) {
        let Self { hosts, context, tls } = self;
        match (has_hosts, context) {
            (true, Some(context)) => {
                let says = "has both `hosts` and `context`";
                let finding =
                    at.error("conflicting-keys", says).related(context.place.clone(), "this one");
                report.push(finding.hint("keep one of the two"));
            }
            (false, None) => {
                let finding = at.error("missing-key", "needs `hosts` or `context`");
                report.push(finding.hint("write `hosts: [unix:///var/run/docker.sock]`"));
            }
            (true, None) | (false, Some(_)) => {}
        }
        let is_tls = |host: &Located<Address>| matches!(host.value, Address::Tls { .. });
        if tls.is_some() && !hosts.is_empty() && !hosts.iter().any(is_tls) {
            let finding =
                at.error("conflicting-keys", "has `tls`, and no host that begins with `tcp://`");
            report.push(finding.hint("sockets and ssh need no TLS"));
        }
        if tls.is_some() && context.is_some() {
            let finding = at.error("conflicting-keys", "has both `context` and `tls`");
            report.push(finding.hint("the context has the files for TLS"));
        }
    }
}

impl TlsSettings {
    fn files(&self, directory: &Path) -> TlsFiles {
        let Self { ca_file, cert_file, key_file } = self;
        let path = |file: &Located<String>| directory.join(file.as_str());
        let identity = cert_file.as_ref().zip(key_file.as_ref());
        TlsFiles {
            authorities: ca_file.as_ref().map(path),
            identity: identity.map(|(certificate, key)| (path(certificate), path(key))),
        }
    }
}

impl Decode for EngineSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let tls: Option<TlsSettings> = fields.get("tls", report);
        let listed = fields.at("hosts");
        let hosts = listed.as_ref().and_then(|at| hosts(at, tls.is_some(), report));
        let settings =
            Self { hosts: hosts.unwrap_or_default(), context: fields.get("context", report), tls };
        fields.finish(report);
        settings.check(at, listed.is_some(), report);
        Some(settings)
    }
}

fn hosts(at: &Cursor<'_>, with_tls: bool, report: &mut Report) -> Option<Vec<Located<Address>>> {
    let mut hosts: Vec<Located<Address>> = Vec::new();
    for at in at.items(report)? {
        let Some(host) = host(&at, with_tls, report) else { continue };
        if hosts.iter().any(|known| known.value == host.value) {
            report.push(at.error("listed-twice", "is listed twice").hint("keep one of the two"));
        } else {
            hosts.push(host);
        }
    }
    if at.items(report)?.next().is_none() {
        report.push(at.error("missing-key", "names no engine").hint("list at least one"));
    }
    Some(hosts)
}

fn host(at: &Cursor<'_>, with_tls: bool, report: &mut Report) -> Option<Located<Address>> {
    let text: Located<String> = at.get(report)?;
    let files = with_tls.then(TlsFiles::default);
    match Address::parse(text.as_str(), files.as_ref()) {
        Ok(address) => {
            if address.is_exposed() {
                let says = "is spoken with in the clear: whoever is in between can do anything";
                let finding = at.warning("exposed-engine", says);
                report.push(finding.hint("set `engine.tls`, or use `ssh://`"));
            }
            Some(text.with(address))
        }
        Err(error @ (AddressError::Form | AddressError::NamedPipe | AddressError::Password)) => {
            report.push(at.error("invalid-value", error));
            None
        }
    }
}

impl Decode for TlsSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let settings = Self {
            ca_file: fields.get("ca_file", report),
            cert_file: fields.get("cert_file", report),
            key_file: fields.get("key_file", report),
        };
        fields.finish(report);
        if settings.cert_file.is_some() != settings.key_file.is_some() {
            let finding = at.error("missing-key", "needs both `cert_file` and `key_file`, or none");
            report.push(finding.hint("an engine with `--tlsverify` wants to see a certificate"));
        }
        Some(settings)
    }
}
