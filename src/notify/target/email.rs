//! Mailboxes, through a mail server.

use lettre::Address;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::notify::delivery::Delivery;
use crate::notify::error::SendError;
use crate::notify::message::Message;
use crate::notify::smtp::{Letter, Login, MailServer, Secrecy};
use crate::notify::wire::{Authorities, SecretFile, Wire, refuse_secret};
use crate::spec::decode::{Cursor, Decode, Fields, Report};

/// How a connection to a mail server is made secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// It begins in the clear, and nothing is said before it is secret.
    #[default]
    Starttls,
    /// It is secret from the beginning.
    Tls,
    /// It is not secret. For a server on this machine.
    None,
}

impl Encryption {
    /// The port that is usual for it.
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Mail to some people.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Email {
    /// The mail server.
    #[schemars(example = &"mail.example.com")]
    pub host: String,
    /// Its port; 587, or 465 with `tls: tls`, or 25 with `tls: none`.
    #[schemars(example = 587)]
    pub port: Option<u16>,
    /// How the connection is made secret: `starttls`, `tls` or `none`; `starttls` if absent.
    #[schemars(with = "Option<Encryption>", example = Encryption::Tls)]
    pub tls: Encryption,
    /// The user; needs `password_file`.
    #[schemars(example = &"skep@example.com")]
    pub username: Option<String>,
    /// The file with the password.
    #[schemars(with = "Option<String>", example = &"/run/secrets/mail-password")]
    pub password_file: Option<SecretFile>,
    /// Whom mail is from.
    #[schemars(with = "String", example = &"skep <skep@example.com>")]
    pub from: Mailbox,
    /// Whom it goes to.
    #[schemars(with = "Vec<String>", example = ["ops@example.com"])]
    pub to: Vec<Mailbox>,
    /// The file with the certificates of authorities that are believed instead of the system's.
    #[schemars(example = &"company-ca.pem")]
    pub ca_file: Option<String>,
}

impl Decode for Email {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        refuse_secret(&mut fields, "password", "password_file", report);
        for key in ["host", "from", "to"] {
            if fields.lacks(key) {
                report.push(at.error("missing-key", format_args!("needs `{key}`")));
            }
        }
        let tls = encryption(&mut fields, report);
        let username: Option<String> = fields.get("username", report);
        let password_file: Option<SecretFile> = fields.get("password_file", report);
        if username.is_some() != password_file.is_some() {
            let finding =
                at.error("missing-key", "needs both `username` and `password_file`, or none");
            report.push(finding);
        }
        let host: Option<String> = fields.get("host", report);
        let (port, from) = (
            fields.at("port").and_then(|at| port(&at, report)),
            fields.at("from").and_then(|at| mailbox(&at, report)),
        );
        let to = fields.at("to").and_then(|at| mailboxes(&at, report));
        let ca_file = fields.get("ca_file", report);
        fields.finish(report);
        Some(Self {
            host: host?,
            port,
            tls,
            username,
            password_file,
            from: from?,
            to: to?,
            ca_file,
        })
    }
}

fn encryption(fields: &mut Fields<'_>, report: &mut Report) -> Encryption {
    match fields.choice("tls", &["starttls", "tls", "none"], report).as_deref().map(String::as_str)
    {
        Some("tls") => Encryption::Tls,
        Some("none") => Encryption::None,
        _ => Encryption::Starttls,
    }
}

fn port(at: &Cursor<'_>, report: &mut Report) -> Option<u16> {
    let number: u32 = at.get(report)?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        report.push(at.error("invalid-port", "must be between 1 and 65535"));
    }
    port
}

fn mailbox(at: &Cursor<'_>, report: &mut Report) -> Option<Mailbox> {
    let text: String = at.get(report)?;
    let mailbox = text.parse().ok();
    if mailbox.is_none() {
        let finding = at.error("invalid-value", "is no mail address");
        report.push(finding.hint("write `ops@example.com` or `Ops <ops@example.com>`"));
    }
    mailbox
}

fn mailboxes(at: &Cursor<'_>, report: &mut Report) -> Option<Vec<Mailbox>> {
    let all: Vec<_> = at.items(report)?.map(|at| mailbox(&at, report)).collect();
    if all.is_empty() {
        report.push(at.error("missing-key", "names nobody").hint("list at least one address"));
        return None;
    }
    all.into_iter().collect()
}

impl Email {
    pub(super) async fn send(
        &self,
        message: &Message,
        wire: &Wire,
        delivery: &mut Delivery,
    ) -> Result<(), SendError> {
        let to = self.to.iter().map(|mailbox| &mailbox.email);
        let to: Vec<&Address> =
            to.filter(|address| !delivery.is_settled(address.as_ref())).collect();
        let tried = to.iter().map(ToString::to_string).collect();
        let letter = Letter { from: &self.from.email, to, mail: self.mail(message)?.formatted() };
        let refusals = self.server(wire).await?.deliver(&letter).await?;
        delivery.note(tried, refusals)
    }

    /// The mail. Every try of one message has the same id, by which those who got it before know it again.
    fn mail(&self, message: &Message) -> Result<lettre::Message, SendError> {
        let id = format!("<{}.skep@{}>", message.id(), ascii(self.from.email.domain()));
        let mut mail = lettre::Message::builder()
            .message_id(Some(id))
            .from(self.from.clone())
            .subject(message.title())
            .header(ContentType::TEXT_PLAIN);
        for mailbox in &self.to {
            mail = mail.to(mailbox.clone());
        }
        let text = format!("{}\n", message.text());
        mail.body(text).map_err(|error| SendError::Write(error.into()))
    }

    async fn server(&self, wire: &Wire) -> Result<MailServer, SendError> {
        let login = match (&self.username, &self.password_file) {
            (Some(username), Some(file)) => {
                Some(Login { username: username.clone(), password: wire.secret(file).await? })
            }
            _ => None,
        };
        let secrecy = match self.tls {
            Encryption::Starttls => Secrecy::Starttls(self.parameters(wire).await?),
            Encryption::Tls => Secrecy::Tls(self.parameters(wire).await?),
            Encryption::None => Secrecy::None,
        };
        let port = self.port.unwrap_or_else(|| self.tls.port());
        Ok(MailServer { host: self.host.clone(), port, secrecy, login })
    }

    async fn parameters(&self, wire: &Wire) -> Result<TlsParameters, SendError> {
        let authorities = wire.authorities(self.ca_file.as_ref()).await?;
        let building = believing(TlsParameters::builder(self.host.clone()), authorities);
        building.build().map_err(|error| SendError::Tls(error.into()))
    }
}

fn believing(builder: TlsParametersBuilder, authorities: Authorities) -> TlsParametersBuilder {
    match authorities {
        Authorities::Listed(certificates) => certificates
            .into_iter()
            .filter_map(|certificate| Certificate::from_der(certificate.to_vec()).ok())
            .fold(
                builder.certificate_store(CertificateStore::None),
                TlsParametersBuilder::add_root_certificate,
            ),
        Authorities::BuiltIn => builder.certificate_store(CertificateStore::WebpkiRoots),
    }
}

/// A domain in ASCII. An address of a machine is that already.
fn ascii(domain: &str) -> String {
    url::Host::parse(domain).map_or_else(|_| domain.to_owned(), |host| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_system_believes_nobody_mail_servers_are_checked_by_what_is_built_in() {
        let believed = |authorities| {
            let builder = believing(TlsParameters::builder("localhost".to_owned()), authorities);
            format!("{builder:?}")
        };
        assert!(believed(Authorities::of(Vec::new())).contains("cert_store: WebpkiRoots"));
        let listed = Authorities::Listed(vec![vec![0x30].into()]);
        assert!(believed(listed).contains("cert_store: None"));
    }

    #[test]
    fn the_domain_of_an_id_is_ascii() {
        for (domain, expected) in [
            ("example.com", "example.com"),
            ("müller.example", "xn--mller-kva.example"),
            ("[127.0.0.1]", "[127.0.0.1]"),
        ] {
            assert_eq!(ascii(domain), expected);
        }
    }
}
