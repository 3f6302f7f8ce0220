//! Discord.

use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::notify::delivery::Delivery;
use crate::notify::error::SendError;
use crate::notify::message::{Message, short};
use crate::notify::wire::{Request, SecretFile, Wire, refuse_secret, required_file};
use crate::reconciler::journal::Severity;
use crate::spec::decode::{Cursor, Decode, Report};

/// How long title and text of an embed may be (<https://discord.com/developers/docs/resources/message#embed-limits>).
const LONGEST: (usize, usize) = (250, 4000);

/// A webhook of Discord.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Discord {
    /// The file with the address of the webhook, which is a secret.
    #[schemars(with = "String", example = &"/run/secrets/discord-url")]
    pub url_file: SecretFile,
    /// The file with the certificates of authorities that are believed instead of the system's.
    #[schemars(example = &"company-ca.pem")]
    pub ca_file: Option<String>,
}

impl Decode for Discord {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        refuse_secret(&mut fields, "url", "url_file", report);
        let url_file = required_file(&mut fields, "url_file", report);
        let ca_file = fields.get("ca_file", report);
        fields.finish(report);
        Some(Self { url_file: url_file?, ca_file })
    }
}

impl Discord {
    pub(super) async fn send(
        &self,
        message: &Message,
        wire: &Wire,
        _: &mut Delivery,
    ) -> Result<(), SendError> {
        let url = wire.secret_url(&self.url_file).await?;
        wire.post(Request::json(url, &body(message)), self.ca_file.as_ref()).await
    }
}

fn body(message: &Message) -> Value {
    json!({
        "embeds": [{
            "title": short(&escaped(&message.title()), LONGEST.0),
            "description": short(&escaped(&message.text()), LONGEST.1),
            "color": color(message),
        }],
        // Nobody is called by what a task wrote.
        "allowed_mentions": { "parse": [] },
    })
}

/// The text as it is, without anything that Discord takes for markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '[' | ']' | '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn color(message: &Message) -> u32 {
    match message.severity() {
        _ if message.is_recovery() => 0x2e_8b57,
        Severity::Error => 0xc0_392b,
        Severity::Warning => 0xd6_8910,
        Severity::Info => 0x5b_7083,
    }
}
