//! Caddy's objects without the secrets in them.

use serde_json::Value;

use crate::diff::mask::Sensitivity;
use crate::model::secret::MASK;

/// An object for people: texts below names that say that their value is secret are masked, such as the hash of a
/// `password`, the `api_token` of an issuer and the header `Authorization`. `sensitivity` has the names.
pub fn masked(object: &Value, sensitivity: &Sensitivity) -> Value {
    let mut object = object.clone();
    each(&mut object, At::Plain, sensitivity, &mut |text| MASK.clone_into(text));
    object
}

/// The texts of a configuration that [`masked`] takes out of it.
pub fn secrets(config: &Value, sensitivity: &Sensitivity) -> Vec<String> {
    let mut found = Vec::new();
    each(&mut config.clone(), At::Plain, sensitivity, &mut |text| found.push(std::mem::take(text)));
    found
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Below names that say nothing.
    Plain,
    /// Below `issuers`, where a `key` opens an account. Elsewhere it is the name of something, or a file.
    Issuers,
    /// Below a name that says that it is secret.
    Secret,
}

impl At {
    fn below(self, key: &str, sensitivity: &Sensitivity) -> Self {
        match self {
            Self::Secret => Self::Secret,
            Self::Plain | Self::Issuers if sensitivity.is_sensitive(key) => Self::Secret,
            Self::Issuers if key == "key" => Self::Secret,
            Self::Plain if key == "issuers" => Self::Issuers,
            at => at,
        }
    }
}

/// Calls `take` with every text that is secret. One that is empty is none.
fn each(value: &mut Value, at: At, sensitivity: &Sensitivity, take: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                each(value, at.below(key, sensitivity), sensitivity, take);
            }
        }
        Value::Array(items) => {
            for item in items {
                each(item, at, sensitivity, take);
            }
        }
        Value::String(text) if at == At::Secret && !text.is_empty() => take(text),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_below_sensitive_names_are_masked_in_issuers_headers_and_accounts() {
        let object = |secret: &str, empty: &str| {
            json!({
                "issuers": [{ "challenges": { "dns": { "provider": { "name": "x", "api_token": secret, "key": secret } } } }],
                "key": "/certs/shop.key",
                "handle": [
                    { "handler": "headers", "request": { "set": { "Authorization": [secret], "X-A": ["b"] } } },
                    { "accounts": [{ "username": "ann", "password": secret }], "tokens": 3 },
                ],
                "secret": empty,
            })
        };
        let usual = Sensitivity::default();
        assert_eq!(masked(&object("hunter2", ""), &usual), object(MASK, ""));
        assert_eq!(secrets(&object("hunter2", ""), &usual), ["hunter2"; 4]);
    }
}
