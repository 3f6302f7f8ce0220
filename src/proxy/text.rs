//! Texts, times and matchers in Caddy's notation.

use serde_json::{Value, json};

use crate::model::nanos::Nanos;
use crate::model::route::{Part, PathPattern, Template};

/// A text in which Caddy fills in what the template says and nothing else.
pub(super) fn filled(template: &Template) -> String {
    let mut text = String::new();
    for part in template.parts() {
        match part {
            Part::Literal(literal) => text.push_str(&escaped(literal)),
            Part::Placeholder(name) => {
                text.push('{');
                text.push_str(name);
                text.push('}');
            }
        }
    }
    text
}

/// A text that Caddy's replacer leaves as it is. It looks for placeholders only where a `}` follows a `{`, and a backslash
/// takes that meaning from the braces (caddyserver/caddy `replacer.go`).
pub(super) fn escaped(text: &str) -> String {
    text.replace('{', "\\{").replace('}', "\\}")
}

/// A duration; whole seconds and milliseconds read better than nanoseconds.
pub(super) fn time(time: Nanos) -> Value {
    let nanos = time.0.max(0);
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1, "ns")];
    let whole = units.into_iter().find(|(unit, _)| nanos % unit == 0);
    let (unit, name) = whole.unwrap_or((1, "ns"));
    format!("{}{name}", nanos / unit).into()
}

/// The patterns of a path; none for every path. `/api*` would match `/apix`, too.
pub(super) fn patterns(path: &PathPattern) -> Vec<String> {
    match path {
        PathPattern::Prefix(prefix) if prefix.is_empty() => Vec::new(),
        PathPattern::Prefix(prefix) => vec![prefix.clone(), format!("{prefix}/*")],
        PathPattern::Exact(path) => vec![path.clone()],
    }
}

/// The type of a text: HTML if it begins as that does.
pub(super) fn content_type(body: &str) -> &'static str {
    if body.trim_start().starts_with('<') {
        "text/html; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    }
}

/// An answer with a text.
pub(super) fn answer(status: u16, body: Option<&Template>) -> Value {
    let mut answer = json!({ "handler": "static_response", "status_code": status });
    if let Some(body) = body {
        answer["body"] = filled(body).into();
        answer["headers"] = json!({ "Content-Type": [content_type(body.as_str())] });
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_whole_units() {
        for (nanos, text) in [
            (Nanos::seconds(90), "90s"),
            (Nanos(1_500_000_000), "1500ms"),
            (Nanos(1_500), "1500ns"),
            (Nanos(0), "0s"),
        ] {
            assert_eq!(time(nanos), text);
        }
    }

    #[test]
    fn braces_that_are_no_placeholder_are_escaped() {
        let template = Template::parse(r#"{"host": "{http.request.host}"}"#).unwrap();
        assert_eq!(filled(&template), r#"\{"host": "{http.request.host}"\}"#);
    }
}
