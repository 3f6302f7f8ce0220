//! A program, which gets JSON or what a template says, signed.

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName};
use schemars::JsonSchema;
use sha2::Sha256;

use crate::model::secret::Redacted;
use crate::notify::delivery::Delivery;
use crate::notify::error::SendError;
use crate::notify::message::Message;
use crate::notify::target::template::{NAMES, TemplateError};
use crate::notify::wire::{Request, SecretFile, Wire, refuse_secret, url};
use crate::spec::decode::{Cursor, Decode, Report};

use super::template::Template;

/// The header with the time of the request, which the signature covers.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-skep-timestamp");
/// The header with the signature.
const SIGNATURE: HeaderName = HeaderName::from_static("x-skep-signature-256");
/// The header with what tells a message from others; another try of the same has the same.
const DELIVERY: HeaderName = HeaderName::from_static("x-skep-delivery");

/// The media type of JSON.
const JSON: &str = "application/json";

/// A program that takes messages over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Webhook {
    /// The address. Give it or `url_file`.
    #[schemars(with = "Option<String>", example = &"https://ops.example.com/hooks/skep")]
    pub url: Option<Url>,
    /// The file with the address, where that is a secret.
    #[schemars(with = "Option<String>", example = &"/run/secrets/webhook-url")]
    pub url_file: Option<SecretFile>,
    /// The file with the key of signatures: `X-Skep-Signature-256` is `sha256=` and the HMAC-SHA256, in hexadecimal digits,
    /// of `X-Skep-Timestamp`, a full stop, and the body.
    #[schemars(with = "Option<String>", example = &"/run/secrets/webhook-key")]
    pub key_file: Option<SecretFile>,
    /// The file with a token that is sent as `Authorization: Bearer`.
    #[schemars(with = "Option<String>", example = &"/run/secrets/webhook-token")]
    pub token_file: Option<SecretFile>,
    /// What is sent instead of the message as JSON: a text with `{{fleet}}`, `{{title}}`, `{{text}}`, `{{severity}}`,
    /// `{{recovered}}` and `{{id}}`.
    #[schemars(with = "Option<String>", example = &r#"{"summary": "{{title}}", "details": "{{text}}"}"#)]
    pub template: Option<Template>,
    /// The media type of what the template makes; `application/json` if absent. With that, or one that ends with `+json`,
    /// values are written as JSON wants them.
    #[schemars(example = &"text/plain")]
    pub media_type: Option<String>,
    /// The file with the certificates of authorities that are believed instead of the system's.
    #[schemars(example = &"company-ca.pem")]
    pub ca_file: Option<String>,
}

impl Decode for Webhook {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        refuse_secret(&mut fields, "key", "key_file", report);
        refuse_secret(&mut fields, "token", "token_file", report);
        let is_told = fields.at("url").is_some() != fields.at("url_file").is_some();
        if !is_told {
            let finding = at.error("missing-key", "needs either `url` or `url_file`");
            report.push(finding.hint("write `url: https://host/path`"));
        }
        let media_type: Option<String> = fields.get("media_type", report);
        let is_json = media_type.as_deref().is_none_or(is_json);
        let target = Self {
            url: fields.at("url").and_then(|at| url(&at, report)),
            url_file: fields.get("url_file", report),
            key_file: fields.get("key_file", report),
            token_file: fields.get("token_file", report),
            template: fields.at("template").and_then(|at| template(&at, is_json, report)),
            media_type,
            ca_file: fields.get("ca_file", report),
        };
        fields.finish(report);
        Some(target)
    }
}

fn template(at: &Cursor<'_>, is_json: bool, report: &mut Report) -> Option<Template> {
    let text: String = at.get(report)?;
    match Template::parse(&text) {
        Ok(template) if is_json && !template.is_json() => {
            let finding = at.error("invalid-template", "does not make JSON");
            report.push(
                finding.hint("put names into quotes: \"{{title}}\"; or name another `media_type`"),
            );
            None
        }
        Ok(template) => Some(template),
        Err(error) => {
            let hint = match &error {
                TemplateError::Unknown { closest: Some(name) } => {
                    format!("did you mean `{{{{{name}}}}}`?")
                }
                TemplateError::Unknown { closest: None } | TemplateError::Open => {
                    format!("names are {}", NAMES.join(", "))
                }
            };
            report.push(at.error("invalid-template", error).hint(hint));
            None
        }
    }
}

/// Whether what has this media type is JSON (RFC 6838, 4.2.8): `application/problem+json; charset=utf-8` is.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == JSON || essence.ends_with("+json")
}

impl Webhook {
    pub(super) async fn send(
        &self,
        message: &Message,
        wire: &Wire,
        _: &mut Delivery,
    ) -> Result<(), SendError> {
        wire.post(self.request(message, wire, Timestamp::now()).await?, self.ca_file.as_ref()).await
    }

    async fn request(
        &self,
        message: &Message,
        wire: &Wire,
        now: Timestamp,
    ) -> Result<Request, SendError> {
        let url = match (&self.url_file, &self.url) {
            (Some(file), _) => wire.secret_url(file).await?,
            (None, Some(url)) => Redacted::new(url.clone()),
            // The settings have one of the two.
            (None, None) => return Err(SendError::Refused { words: "no address".to_owned() }),
        };
        let media_type = self.media_type.clone().unwrap_or_else(|| JSON.to_owned());
        let body = match &self.template {
            Some(template) => template.fill(message, is_json(&media_type)),
            None => message.document().to_string(),
        };
        let time = now.as_second().to_string();
        let plain = |text: String| Redacted::new(text);
        let mut headers =
            vec![(DELIVERY, plain(message.id().to_string())), (TIMESTAMP, plain(time.clone()))];
        let mut secrets = Vec::new();
        if let Some(file) = &self.key_file {
            let key = wire.secret(file).await?;
            let signature = signature(&key, &time, body.as_bytes())?;
            headers.push((SIGNATURE, plain(signature)));
            secrets.push(key);
        }
        if let Some(file) = &self.token_file {
            let token = wire.secret(file).await?;
            headers.push((AUTHORIZATION, plain(format!("Bearer {}", token.expose()))));
            secrets.push(token);
        }
        Ok(Request { url, headers, secrets, media_type, body: body.into_bytes() })
    }
}

/// `sha256=` and the HMAC of `TIME.BODY`.
fn signature(key: &Redacted<String>, time: &str, body: &[u8]) -> Result<String, SendError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .map_err(|error| SendError::Write(error.into()))?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_by_whatever_name() {
        for (media_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.ops+json", true),
            ("application/problem+JSON ;charset=utf-8", true),
            ("text/plain", false),
            ("text/plain; of=application/json", false),
            ("application/jsonl", false),
        ] {
            assert_eq!(is_json(media_type), expected, "{media_type}");
        }
    }
}
