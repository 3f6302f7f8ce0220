//! A conversation with a mail server: one mail, and what is said of each of those whom it is for.

use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout, timeout_at};

use crate::model::secret::Redacted;

use super::answer;
use super::delivery::Refusal;
use super::error::SendError;

/// How long each address of a mail server may take to be there.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a mail server may take until it has a mail. It may look into it before it says so, and who gives up before
/// that sends it twice.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a mail server may take to part. By then it has the mail.
const PARTING: Duration = Duration::from_secs(5);

/// A mail server, and who asks it.
pub(super) struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) secrecy: Secrecy,
    pub(super) login: Option<Login>,
}

/// How what is said becomes secret.
pub(super) enum Secrecy {
    /// It begins in the clear, and nothing is said before it is secret.
    Starttls(TlsParameters),
    /// It is secret from the beginning.
    Tls(TlsParameters),
    /// It is not.
    None,
}

/// Who asks a mail server.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: Redacted<String>,
}

/// A mail as it is handed over.
pub(super) struct Letter<'a> {
    pub(super) from: &'a Address,
    /// Whom it is for, whatever it says itself.
    pub(super) to: Vec<&'a Address>,
    pub(super) mail: Vec<u8>,
}

impl MailServer {
    /// Hands a mail over, and says whom the server does not take it for. It has it for all others.
    ///
    /// # Errors
    /// When it has it for nobody, for a reason that is about none of them.
    pub(super) async fn deliver(&self, letter: &Letter<'_>) -> Result<Vec<Refusal>, SendError> {
        let deadline = Instant::now() + PATIENCE;
        let mut connection = self.by(deadline, self.greet()).await?;
        let parameters = letter.parameters(&connection)?;
        let told = self.by(deadline, letter.hand_over(&mut connection, parameters)).await;
        if !matches!(told, Err(SendError::TimedOut(_))) {
            // Nothing depends on whether it hears this.
            let _ = timeout(PARTING, connection.abort()).await;
        }
        let refusal = |(who, error): (Address, Error)| Refusal {
            who: who.to_string(),
            words: self.words(&error),
            is_final: error.is_permanent(),
        };
        Ok(told?.into_iter().map(refusal).collect())
    }

    async fn by<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SendError> {
        match timeout_at(deadline, work).await {
            Ok(done) => done.map_err(|error| self.told(&error)),
            Err(_) => Err(SendError::TimedOut(PATIENCE)),
        }
    }

    async fn greet(&self) -> Result<AsyncSmtpConnection, Error> {
        let (name, address) = (ClientId::default(), (self.host.as_str(), self.port));
        let secret = match &self.secrecy {
            Secrecy::Tls(parameters) => Some(parameters.clone()),
            Secrecy::Starttls(_) | Secrecy::None => None,
        };
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &name, secret, None);
        let mut connection = connecting.await?;
        if let Secrecy::Starttls(parameters) = &self.secrecy {
            connection.starttls(parameters.clone(), &name).await?;
        }
        if let Some(Login { username, password }) = &self.login {
            let credentials = Credentials::new(username.clone(), password.expose().clone());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// What an answer of a mail server means (RFC 5321, 4.2.1): with 4 it is tried again, with 5 it is not. Of a login
    /// that is refused, the password may be about to change.
    fn told(&self, error: &Error) -> SendError {
        let words = self.words(error);
        if error.is_timeout() {
            SendError::TimedOut(CONNECT)
        } else if error.is_permanent() {
            let is_login = error.status().is_some_and(|code| u16::from(code) == 535);
            if is_login {
                SendError::Busy { after: None, words }
            } else {
                SendError::Refused { words }
            }
        } else if error.is_transient() {
            SendError::Busy { after: None, words }
        } else {
            SendError::Reach(words.into())
        }
    }

    fn words(&self, error: &Error) -> String {
        let secrets = self.login.iter().flat_map(Login::spoken).collect();
        answer::words(&error.to_string(), true, secrets)
    }
}

impl Login {
    /// A password as it is, and as it is said to a mail server (RFC 4616, and the `LOGIN` of old).
    fn spoken(&self) -> [Redacted<String>; 3] {
        let Self { username, password } = self;
        let plain = format!("\0{username}\0{}", password.expose());
        let encoded = |text: &str| Redacted::new(BASE64.encode(text));
        [encoded(&plain), encoded(password.expose()), password.clone()]
    }
}

impl Letter<'_> {
    /// What a server must know for addresses beyond ASCII (RFC 6531).
    fn parameters(&self, server: &AsyncSmtpConnection) -> Result<Vec<MailParameter>, SendError> {
        let mut addresses = self.to.iter().copied().chain([self.from]);
        if self.mail.is_ascii() && addresses.all(|address| address.to_string().is_ascii()) {
            return Ok(Vec::new());
        }
        if !server.server_info().supports_feature(Extension::SmtpUtfEight) {
            let words = "it knows no addresses beyond ASCII".to_owned();
            return Err(SendError::Refused { words });
        }
        Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
    }

    async fn hand_over(
        &self,
        server: &mut AsyncSmtpConnection,
        parameters: Vec<MailParameter>,
    ) -> Result<Vec<(Address, Error)>, Error> {
        server.command(Mail::new(Some(self.from.clone()), parameters)).await?;
        let mut refused = Vec::new();
        for &address in &self.to {
            match server.command(Rcpt::new(address.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(error) if error.status().is_some() => refused.push((address.clone(), error)),
                Err(error) => return Err(error),
            }
        }
        if refused.len() < self.to.len() {
            server.command(Data).await?;
            server.message(&self.mail).await?;
        }
        Ok(refused)
    }
}
