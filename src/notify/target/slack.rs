//! Slack, and what takes the same: Mattermost and Rocket.Chat.

use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::notify::delivery::Delivery;
use crate::notify::error::SendError;
use crate::notify::message::Message;
use crate::notify::wire::{Request, SecretFile, Wire, refuse_secret, required_file};
use crate::reconciler::journal::Severity;
use crate::spec::decode::{Cursor, Decode, Report};

/// An incoming webhook of Slack, Mattermost or Rocket.Chat.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Slack {
    /// The file with the address of the webhook, which is a secret.
    #[schemars(with = "String", example = &"/run/secrets/slack-url")]
    pub url_file: SecretFile,
    /// Another channel than the webhook's own; Slack itself ignores it.
    #[schemars(example = &"#deployments")]
    pub channel: Option<String>,
    /// The file with the certificates of authorities that are believed instead of the system's.
    #[schemars(example = &"company-ca.pem")]
    pub ca_file: Option<String>,
}

impl Decode for Slack {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        refuse_secret(&mut fields, "url", "url_file", report);
        let url_file = required_file(&mut fields, "url_file", report);
        let (channel, ca_file) = (fields.get("channel", report), fields.get("ca_file", report));
        fields.finish(report);
        Some(Self { url_file: url_file?, channel, ca_file })
    }
}

impl Slack {
    pub(super) async fn send(
        &self,
        message: &Message,
        wire: &Wire,
        _: &mut Delivery,
    ) -> Result<(), SendError> {
        let url = wire.secret_url(&self.url_file).await?;
        wire.post(Request::json(url, &self.body(message)), self.ca_file.as_ref()).await
    }

    fn body(&self, message: &Message) -> Value {
        let text = escaped(&message.text());
        let mut body = json!({
            "text": format!("*{}*", escaped(&message.title())),
            "attachments": [{ "color": color(message), "text": text, "fallback": text }],
        });
        if let (Some(channel), Some(body)) = (&self.channel, body.as_object_mut()) {
            body.insert("channel".to_owned(), channel.clone().into());
        }
        body
    }
}

/// The three characters that mean something (<https://docs.slack.dev/messaging/formatting-message-text>): nobody is
/// called by what a task wrote.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn color(message: &Message) -> &'static str {
    match message.severity() {
        _ if message.is_recovery() => "#2e8b57",
        Severity::Error => "#c0392b",
        Severity::Warning => "#d68910",
        Severity::Info => "#5b7083",
    }
}
