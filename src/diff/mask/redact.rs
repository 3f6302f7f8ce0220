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
    redact(&mut json, &mut Vec::new(), sensitivity);
    serde_json::from_value(json)
}

fn redact(value: &mut Value, path: &mut Vec<String>, sensitivity: &Sensitivity) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                path.push(key.clone());
                redact(child, path, sensitivity);
                path.pop();
            }
        }
        Value::Array(items) => {
            let mut follows_flag = false;
            // Positions stand where the comparison has keys, so that the same paths are found.
            for (index, item) in items.iter_mut().enumerate() {
                if let Value::String(text) = item {
                    let announced = announces_secret(text, sensitivity);
                    if follows_flag {
                        MASK.clone_into(text);
                    }
                    follows_flag = announced;
                }
                path.push(index.to_string());
                redact(item, path, sensitivity);
                path.pop();
            }
        }
        Value::String(text) => *text = redacted(text, path, sensitivity),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redacted(text: &str, path: &[String], sensitivity: &Sensitivity) -> String {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let found = SERVICE.find(&path);
    if found.format == Some(Format::Env) {
        let Some((name, value)) = text.split_once('=') else { return text.to_owned() };
        let secrecy = Secrecy::Named(name.to_owned());
        return format!("{name}={}", masked(value, &secrecy, sensitivity));
    }
    masked(text, &found.secrecy, sensitivity)
}

fn masked(text: &str, secrecy: &Secrecy, sensitivity: &Sensitivity) -> String {
    match secrecy {
        Secrecy::Open => return text.to_owned(),
        Secrecy::Named(name) if sensitivity.is_sensitive(name) && !text.is_empty() => {
            return MASK.to_owned();
        }
        Secrecy::Named(_) | Secrecy::Scanned => {}
    }
    let piece = |piece| match piece {
        Piece::Plain(plain) => plain,
        Piece::Secret(_) => MASK,
    };
    pieces(text, sensitivity).into_iter().map(piece).collect()
}
