//! Values in Caddy's own words, as Caddy hands them out again.

use serde_json::Value;

/// A value as Caddy's admin API gives it back: numbers are 64-bit floats to it, which it writes as short as it can (Go's
/// `encoding/json`). What was written otherwise would never be found as it was declared.
pub(super) fn as_handed_out(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let short =
                number.as_f64().and_then(|float| serde_json::from_str(&float.to_string()).ok());
            short.unwrap_or_else(|| value.clone())
        }
        Value::Array(items) => items.iter().map(as_handed_out).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), as_handed_out(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_short_as_they_can_be() {
        let value = json!([{ "a": 1.0, "b": 1.5 }, -3, 9_007_199_254_740_993_u64, null, "1.0"]);
        let wanted = json!([{ "a": 1, "b": 1.5 }, -3, 9_007_199_254_740_992_u64, null, "1.0"]);
        assert_eq!(as_handed_out(&value), wanted);
    }
}
