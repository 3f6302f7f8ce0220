//! Keys of a route that change requests and answers: `headers`, `encode`, `rewrite`.

use schemars::json_schema;
use serde_json::json;

use super::shape::{key, list, mapping, or_mapping, text, texts};
use crate::model::route::{Encode, Encoding, HeaderEdits, Headers, Rewrite, Template};
use crate::spec::compose::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report, closest};
use crate::spec::yaml::node::Value;

impl Decode for Headers {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let headers = Self {
            request: fields.or_default("request", report),
            response: fields.or_default("response", report),
        };
        fields.finish(report);
        Some(headers)
    }
}

impl Decode for HeaderEdits {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let mut remove: Vec<String> = fields
            .at("remove")
            .and_then(|at| {
                let items = at.items(report)?;
                Some(items.filter_map(|item| name(&item, item.get(report)?, report)).collect())
            })
            .unwrap_or_default();
        remove.sort();
        let edits = Self {
            set: values(&mut fields, "set", report),
            add: values(&mut fields, "add", report),
            remove,
        };
        fields.finish(report);
        Some(edits)
    }
}

/// Values by name, sorted.
pub fn header_values(at: &Cursor<'_>, report: &mut Report) -> Vec<(String, Template)> {
    let mut values = Vec::new();
    let Some(entries) = at.entries(report) else { return values };
    for (entry, value) in entries {
        let header = name(&value, entry.key.clone(), report);
        let template: Option<Template> = value.get(report);
        if template.as_ref().is_some_and(|text| text.as_str().contains(['\r', '\n', '\0'])) {
            report.push(value.error("invalid-header", "has more than one line"));
            continue;
        }
        values.extend(header.zip(template));
    }
    values.sort();
    values
}

fn values(
    fields: &mut Fields<'_>,
    key: &'static str,
    report: &mut Report,
) -> Vec<(String, Template)> {
    fields.at(key).map(|at| header_values(&at, report)).unwrap_or_default()
}

/// A name of a header (RFC 9110, `token`).
fn name(at: &Cursor<'_>, name: String, report: &mut Report) -> Option<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.is_empty() && name.chars().all(is_token) {
        return Some(name);
    }
    let says = format_args!("is no name of a header: {}", at.quoted(&name));
    report.push(at.error("invalid-header", says));
    None
}

inline_schema!(Headers, |_| {
    let edits = |whose: &str| {
        let edits = mapping(
            &[],
            [
                (
                    "set",
                    texts(
                        "Values that replace whatever is there.",
                        json!({ "X-Environment": "production" }),
                    ),
                ),
                (
                    "add",
                    texts("Values that are added to what is there.", json!({ "Vary": "Origin" })),
                ),
                (
                    "remove",
                    list(
                        &json!({ "type": "string" }),
                        "Headers that are taken out.",
                        json!(["Server"]),
                    ),
                ),
            ],
        );
        let example = json!({ "set": { "X-Environment": "production" }, "remove": ["Server"] });
        key(edits.to_value(), &format!("Headers of {whose}."), example)
    };
    mapping(
        &[],
        [
            ("request", edits("requests, as the target sees them")),
            ("response", edits("answers, as clients see them")),
        ],
    )
});

const ENCODINGS: [(&str, Encoding); 2] = [("zstd", Encoding::Zstd), ("gzip", Encoding::Gzip)];

impl Decode for Encode {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let on: bool = at.get(report)?;
            return on
                .then(|| Self { encodings: ENCODINGS.map(|(_, encoding)| encoding).to_vec() });
        }
        let mut encodings = Vec::new();
        for item in at.items(report)? {
            let Some(text) = item.get::<Located<String>>(report) else { continue };
            match ENCODINGS.iter().find(|(name, _)| *name == text.as_str()) {
                Some((_, encoding)) if encodings.contains(encoding) => {
                    report.push(item.error("listed-twice", "is there twice"));
                }
                Some((_, encoding)) => encodings.push(*encoding),
                None => {
                    let says = format_args!("cannot be {}", item.quoted(&text));
                    let finding = item.error("invalid-value", says);
                    report.push(match closest(&text, ["zstd", "gzip"]) {
                        Some(near) => finding.hint(format!("did you mean `{near}`?")),
                        None => finding.hint("Caddy has zstd and gzip"),
                    });
                }
            }
        }
        (!encodings.is_empty()).then_some(Self { encodings })
    }
}

inline_schema!(Encode, |_| json_schema!({
    "anyOf": [
        { "type": "boolean" },
        { "type": "array", "items": { "enum": ["zstd", "gzip"] }, "uniqueItems": true }
    ]
}));

impl Decode for Rewrite {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let text: String = at.get(report)?;
            if text.starts_with('/') && !text.contains(['{', '}', '#', ' ']) {
                return Some(Self::To(text));
            }
            let says = format_args!("is no path: {}", at.quoted(&text));
            report.push(
                at.error("invalid-path", says)
                    .hint("write a path from the root, with a query if that is to change, too"),
            );
            return None;
        }
        let mut fields = at.fields(report)?;
        let find: Option<String> = fields.get("find", report);
        let replace: Option<String> = fields.get("replace", report);
        if fields.lacks("find") || fields.lacks("replace") {
            report.push(at.error("missing-key", "needs `find` and `replace`"));
        }
        for key in ["find", "replace"] {
            if let Some(at) = fields.at(key)
                && let Value::Scalar(text) = &at.node.value
                && let Err(name) = Template::parse(&text.text)
            {
                let says = format_args!("has the placeholder {}", at.quoted(name));
                report.push(at.error("foreign-placeholder", says));
            }
        }
        fields.finish(report);
        Some(Self::Replace { find: find?, replace: replace? })
    }
}

inline_schema!(Rewrite, |_| or_mapping(
    &json!({ "type": "string" }),
    &mapping(
        &["find", "replace"],
        [
            ("find", text("A regular expression (RE2) for parts of the path.", "^/v[0-9]+/")),
            ("replace", text("What stands there instead; `$1` is the first group.", "/")),
        ]
    )
));
