//! Phones and desktops, through a server of ntfy.

use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::model::secret::Redacted;
use crate::notify::delivery::Delivery;
use crate::notify::error::SendError;
use crate::notify::message::{Message, short};
use crate::notify::wire::{Request, SecretFile, Wire, refuse_secret, url};
use crate::reconciler::journal::Severity;
use crate::spec::decode::{Cursor, Decode, Report};

/// The server that everybody can use.
const PUBLIC: &str = "https://ntfy.sh";
/// A message may have 4096 bytes (<https://docs.ntfy.sh/publish/#limitations>), and a character up to four.
const LONGEST: usize = 1000;

/// A topic of ntfy.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ntfy {
    /// The server; `https://ntfy.sh` if absent.
    #[schemars(with = "Option<String>", example = &"https://ntfy.example.com")]
    pub url: Option<Url>,
    /// The topic. Give it or `topic_file`.
    #[schemars(example = &"swarm")]
    pub topic: Option<String>,
    /// The file with the topic, where whoever knows it can read along.
    #[schemars(with = "Option<String>", example = &"/run/secrets/ntfy-topic")]
    pub topic_file: Option<SecretFile>,
    /// The file with an access token.
    #[schemars(with = "Option<String>", example = &"/run/secrets/ntfy-token")]
    pub token_file: Option<SecretFile>,
    /// The file with the certificates of authorities that are believed instead of the system's.
    #[schemars(example = &"company-ca.pem")]
    pub ca_file: Option<String>,
}

impl Decode for Ntfy {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        refuse_secret(&mut fields, "token", "token_file", report);
        let target = Self {
            url: fields.at("url").and_then(|at| url(&at, report)),
            topic: fields.get("topic", report),
            topic_file: fields.get("topic_file", report),
            token_file: fields.get("token_file", report),
            ca_file: fields.get("ca_file", report),
        };
        if target.topic.is_some() == target.topic_file.is_some() {
            let finding = at.error("missing-key", "needs either `topic` or `topic_file`");
            report.push(finding.hint("write `topic: swarm`"));
        }
        fields.finish(report);
        Some(target)
    }
}

impl Ntfy {
    pub(super) async fn send(
        &self,
        message: &Message,
        wire: &Wire,
        _: &mut Delivery,
    ) -> Result<(), SendError> {
        let topic = match (&self.topic_file, &self.topic) {
            (Some(file), _) => wire.secret(file).await?,
            (None, topic) => Redacted::new(topic.clone().unwrap_or_default()),
        };
        let url = match &self.url {
            Some(url) => url.clone(),
            None => Url::parse(PUBLIC).map_err(|error| SendError::Write(error.into()))?,
        };
        let mut request = Request::json(Redacted::new(url), &body(topic.expose(), message));
        if let Some(file) = &self.token_file {
            let token = wire.secret(file).await?;
            let bearer = Redacted::new(format!("Bearer {}", token.expose()));
            request.headers.push((AUTHORIZATION, bearer));
            request.secrets.push(token);
        }
        if self.topic_file.is_some() {
            request.secrets.push(topic);
        }
        wire.post(request, self.ca_file.as_ref()).await
    }
}

/// <https://docs.ntfy.sh/publish/#publish-as-json>
fn body(topic: &str, message: &Message) -> Value {
    let (priority, tag) = match message.severity() {
        _ if message.is_recovery() => (3, "white_check_mark"),
        Severity::Error => (5, "rotating_light"),
        Severity::Warning => (4, "warning"),
        Severity::Info => (3, "information_source"),
    };
    json!({
        "topic": topic,
        "title": message.title(),
        "message": short(&message.text(), LONGEST),
        "priority": priority,
        "tags": [tag],
    })
}
