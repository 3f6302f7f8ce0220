//! Replaces the secrets of a service by a mark, for files that leave the machine.

use serde_json::Value;

use crate::diff::compare::to_json;
use crate::diff::fields::SERVICE;
use crate::diff::fields::format::Format;
use crate::diff::fields::shape::Secrecy;
use crate::model::secret::MASK;
use crate::model::service::ServiceSpec;

use super::scan::{Piece, announces_secret, pieces};
use super::sensitivity::Sensitivity;

/// `spec` with every secret replaced by `(sensitive)`. Two specs redacted alike can be compared; what was replaced
/// on both sides is equal then.
pub fn redact_service(
    spec: &ServiceSpec,
    sensitivity: &Sensitivity,
) -> Result<ServiceSpec, serde_json::Error> {
    let mut json = to_json(spec);
    Walk { sensitivity, found: &mut Vec::new() }.redact(&mut json, &mut Vec::new());
    serde_json::from_value(json)
}

/// The secrets that [`redact_service`] takes out of `spec`.
pub(super) fn secrets_of_service(spec: &ServiceSpec, sensitivity: &Sensitivity) -> Vec<String> {
    let mut found = Vec::new();
    Walk { sensitivity, found: &mut found }.redact(&mut to_json(spec), &mut Vec::new());
    found
}

/// A walk over the JSON of a service that takes secrets out of it.
struct Walk<'a> {
    sensitivity: &'a Sensitivity,
    found: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn redact(&mut self, value: &mut Value, path: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, child) in map {
                    path.push(key.clone());
                    self.redact(child, path);
                    path.pop();
                }
            }
            Value::Array(items) => {
                let mut follows_flag = false;
                // Positions stand where the comparison has keys, so that the same paths are found.
                for (index, item) in items.iter_mut().enumerate() {
                    if let Value::String(text) = item {
                        let announced = announces_secret(text, self.sensitivity);
                        if follows_flag {
                            *text = self.take(text);
                        }
                        follows_flag = announced;
                    }
                    path.push(index.to_string());
                    self.redact(item, path);
                    path.pop();
                }
            }
            Value::String(text) => *text = self.redacted(text, path),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn redacted(&mut self, text: &str, path: &[String]) -> String {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let found = SERVICE.find(&path);
        if found.format == Some(Format::Env) {
            let Some((name, value)) = text.split_once('=') else { return text.to_owned() };
            let secrecy = Secrecy::Named(name.to_owned());
            return format!("{name}={}", self.masked(value, &secrecy));
        }
        self.masked(text, &found.secrecy)
    }

    fn masked(&mut self, text: &str, secrecy: &Secrecy) -> String {
        match secrecy {
            Secrecy::Open => return text.to_owned(),
            Secrecy::Named(name) if self.sensitivity.is_sensitive(name) && !text.is_empty() => {
                return self.take(text);
            }
            Secrecy::Named(_) | Secrecy::Scanned => {}
        }
        let pieces = pieces(text, self.sensitivity).into_iter().map(|piece| match piece {
            Piece::Plain(plain) => plain.to_owned(),
            Piece::Secret(secret) => self.take(secret),
        });
        pieces.collect()
    }

    /// Notes a secret and returns what stands in its place.
    fn take(&mut self, secret: &str) -> String {
        self.found.push(secret.to_owned());
        MASK.to_owned()
    }
}
