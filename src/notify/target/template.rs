//! What a webhook is sent, where its receiver wants another form: a text with names in double braces, and nothing else.

use std::fmt;

use serde_json::Value;

use crate::notify::message::Message;
use crate::spec::decode::closest;

/// The names that a template may have.
pub(super) const NAMES: [&str; 6] = ["fleet", "title", "text", "severity", "recovered", "id"];

/// A text with names in double braces. It has no conditions, loops or calls: what it says is what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(&'static str),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Braces that do not end.
    #[error("has {{{{ without }}}}")]
    Open,
    /// A name that nobody knows.
    #[error("has an unknown name in braces")]
    Unknown {
        /// What may have been meant.
        closest: Option<&'static str>,
    },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When braces do not end, or hold an unknown name.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Open)?;
            let name = name.trim();
            let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
                return Err(TemplateError::Unknown { closest: closest(name, NAMES) });
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Name(known));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Whether it makes JSON of every message: values stand in strings, or for a boolean or a number.
    pub fn is_json(&self) -> bool {
        let message = Message::test("a \"fleet\"", jiff::Timestamp::UNIX_EPOCH);
        serde_json::from_str::<Value>(&self.fill(&message, true)).is_ok()
    }

    /// The text for a message; `as_json` if values are to be written as they stand in strings of JSON.
    pub fn fill(&self, message: &Message, as_json: bool) -> String {
        let value = |name: &str| match name {
            "fleet" => message.fleet().to_owned(),
            "title" => message.title(),
            "text" => message.text(),
            "severity" => message.severity().to_string(),
            "recovered" => message.is_recovery().to_string(),
            _ => message.id().to_string(),
        };
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) if as_json => {
                    let quoted = Value::from(value(name)).to_string();
                    let bare = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    filled.push_str(bare.unwrap_or(&quoted));
                }
                Piece::Name(name) => filled.push_str(&value(name)),
            }
        }
        filled
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Name(name) => write!(f, "{{{{{name}}}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_and_stays_json_whatever_is_in_a_message() {
        let message = Message::test("a \"fleet\"\n", jiff::Timestamp::from_second(5).unwrap());
        let template = Template::parse(r#"{"t": "{{title}}", "ok": {{ recovered }}, "n": {{id}}}"#);
        let template = template.unwrap();
        assert!(template.is_json());
        let filled: Value = serde_json::from_str(&template.fill(&message, true)).unwrap();
        assert_eq!(filled["n"], 5_000_000);
        assert_eq!(filled["ok"], false);
        assert!(filled["t"].as_str().unwrap().starts_with("[a \"fleet\"\\n] this is a test"));
        assert!(!Template::parse(r#"{"t": {{title}}}"#).unwrap().is_json());
        let plain = Template::parse("{{severity}}: {{title}}").unwrap();
        assert!(plain.fill(&message, false).starts_with("info: [a \"fleet\""));
        assert_eq!(plain.to_string(), "{{severity}}: {{title}}");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        assert_eq!(Template::parse("a {{title"), Err(TemplateError::Open));
        let unknown = TemplateError::Unknown { closest: Some("title") };
        assert_eq!(Template::parse("{{titel}}"), Err(unknown));
    }
}
