//! Mailboxes, through a mail server.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, Tls, TlsParameters, TlsParametersBuilder,
};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::secret::Redacted;
use crate::notify::answer;
use crate::notify::error::SendError;
use crate::notify::message::Message;
use crate::notify::wire::{SecretFile, Wire, refuse_secret};
use crate::spec::decode::{Cursor, Decode, Fields, Report};

/// How long a mail server may take for each command.
const PATIENCE: Duration = Duration::from_secs(15);

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
    pub(super) async fn send(&self, message: &Message, wire: &Wire) -> Result<(), SendError> {
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(message.title())
            .header(ContentType::TEXT_PLAIN);
        for mailbox in &self.to {
            mail = mail.to(mailbox.clone());
        }
        let mail = mail
            .body(format!("{}\n", message.text()))
            .map_err(|error| SendError::Write(error.into()))?;
        let login = match (&self.username, &self.password_file) {
            (Some(username), Some(file)) => Some((username, wire.secret(file).await?)),
            _ => None,
        };
        let transport = self.transport(login.as_ref(), wire).await?;
        let secrets = login.iter().flat_map(|(username, password)| spoken(username, password));
        transport.send(mail).await.map_err(|error| told(&error, secrets.collect())).map(drop)
    }

    async fn transport(
        &self,
        login: Option<&(&String, Redacted<String>)>,
        wire: &Wire,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, SendError> {
        let tls = match self.tls {
            Encryption::Starttls => Tls::Required(self.parameters(wire).await?),
            Encryption::Tls => Tls::Wrapper(self.parameters(wire).await?),
            Encryption::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port.unwrap_or_else(|| self.tls.port()))
            .timeout(Some(PATIENCE))
            .tls(tls);
        if let Some((username, password)) = login {
            let credentials = Credentials::new((*username).clone(), password.expose().clone());
            builder = builder.credentials(credentials);
        }
        Ok(builder.build())
    }

    async fn parameters(&self, wire: &Wire) -> Result<TlsParameters, SendError> {
        let authorities = wire.authorities(self.ca_file.as_ref()).await?;
        let builder =
            TlsParameters::builder(self.host.clone()).certificate_store(CertificateStore::None);
        let certificates = authorities
            .into_iter()
            .filter_map(|certificate| Certificate::from_der(certificate.to_vec()).ok());
        certificates
            .fold(builder, TlsParametersBuilder::add_root_certificate)
            .build()
            .map_err(|error| SendError::Tls(error.into()))
    }
}

/// A password as it is, and as it is said to a mail server (RFC 4616, and the `LOGIN` of old).
fn spoken(username: &str, password: &Redacted<String>) -> [Redacted<String>; 3] {
    let plain = format!("\0{username}\0{}", password.expose());
    let encoded = |text: &str| Redacted::new(BASE64.encode(text));
    [encoded(&plain), encoded(password.expose()), password.clone()]
}

/// What an answer of a mail server means (RFC 5321, 4.2.1): with 4 it is tried again, with 5 it is not. Of a login that
/// is refused, the password may be about to change.
fn told(error: &Error, secrets: Vec<Redacted<String>>) -> SendError {
    let words = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let words = answer::words(&words, true, secrets);
    if error.is_timeout() {
        SendError::TimedOut(PATIENCE)
    } else if error.is_permanent() {
        let is_login = error.status().is_some_and(|code| u16::from(code) == 535);
        if is_login { SendError::Busy { after: None, words } } else { SendError::Refused { words } }
    } else if error.is_transient() {
        SendError::Busy { after: None, words }
    } else {
        SendError::Reach(words.into())
    }
}
