//! What becomes of the requests of a stack's route: `redirect`, `proxy`, `static`, `respond`.

use serde_json::json;

use super::hosting::file;
use super::shape::{boolean, integer, key, list, mapping, or_mapping, text};
use super::text::status;
use crate::model::route::{
    ExternalTarget, Redirect, Respond, Scheme, StaticFiles, Template, Timeouts,
};
use crate::spec::compose::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report};
use crate::spec::yaml::node::{ScalarKind, Value};

impl Decode for Redirect {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let to = destination(at, true, report)?;
            return Some(Self { to, permanent: false, keep_path: true });
        }
        let mut fields = at.fields(report)?;
        let keep_path = fields.get("keep_path", report).unwrap_or(true);
        let to = fields.at("to").map(|at| destination(&at, keep_path, report));
        if fields.lacks("to") {
            report.push(at.error("missing-key", "needs `to`"));
        }
        let permanent = fields.or_default("permanent", report);
        fields.finish(report);
        Some(Self { to: to??, permanent, keep_path })
    }
}

fn destination(at: &Cursor<'_>, keep_path: bool, report: &mut Report) -> Option<Template> {
    let to: Template = at.get(report)?;
    let text = to.as_str();
    let is_url = url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let is_path = text.starts_with('/') && !text.starts_with("//");
    if text.contains(['\r', '\n', '\0', ' ']) || !(is_url || is_path) {
        let says = format_args!("is neither a URL nor a path: {}", at.quoted(text));
        report.push(
            at.error("invalid-url", says).hint("write https://www.example.com, or /elsewhere"),
        );
        return None;
    }
    if keep_path && (text == "/" || text.contains(['?', '#'])) {
        let says = format_args!("cannot have a path behind it: {}", at.quoted(text));
        report.push(at.error("invalid-url", says).hint("say `keep_path: false`"));
        return None;
    }
    Some(to)
}

inline_schema!(Redirect, |_| or_mapping(
    &json!({ "type": "string" }),
    &mapping(
        &["to"],
        [
            ("to", text("A URL or a path.", "https://www.example.com")),
            ("permanent", boolean("Whether it is for ever: 308, else 307.", true)),
            (
                "keep_path",
                boolean(
                    "Whether the rest of the path and the query are kept; true if absent.",
                    false
                )
            ),
        ]
    )
));

impl Decode for ExternalTarget {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            return target(at, false, false, Timeouts::default(), report);
        }
        let mut fields = at.fields(report)?;
        let keep_host = fields.or_default("keep_host", report);
        let insecure = fields.or_default("insecure", report);
        let timeouts = fields.or_default("timeouts", report);
        let url = fields.at("url");
        if fields.lacks("url") {
            report.push(at.error("missing-key", "needs `url`"));
        }
        fields.finish(report);
        target(&url?, keep_host, insecure, timeouts, report)
    }
}

fn target(
    at: &Cursor<'_>,
    keep_host: bool,
    insecure: bool,
    timeouts: Timeouts,
    report: &mut Report,
) -> Option<ExternalTarget> {
    let text: String = at.get(report)?;
    let url = url::Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && matches!(url.path(), "/" | "")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let parts = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    let (Some(url), Some((host, port))) = (&url, parts) else {
        // It may hold a password, so no message shows it.
        report.push(
            at.error("invalid-url", "is no URL of a server")
                .hint("write https://api.example.com: scheme, host and port, no path; `rewrite` changes paths"),
        );
        return None;
    };
    if host.contains(['{', '}']) {
        let says = "has a `{` or `}` in the name of a server, where Caddy would fill something in";
        report.push(
            at.error("foreign-placeholder", says)
                .hint("write the name itself; a variable of skep's is written ${NAME}"),
        );
        return None;
    }
    let scheme = match (url.scheme(), insecure) {
        ("https", true) => Scheme::InsecureHttps,
        ("https", false) => Scheme::Https,
        _ => Scheme::Http,
    };
    if insecure && scheme == Scheme::Http {
        let finding = at.error("conflicting-keys", "cannot be `insecure` without TLS");
        report.push(finding.hint("write https://, or remove `insecure`"));
    }
    Some(ExternalTarget { host: host.to_owned(), port, scheme, keep_host, timeouts })
}

inline_schema!(ExternalTarget, |generator| or_mapping(
    &json!({ "type": "string" }),
    &mapping(
        &["url"],
        [
            ("url", text("Scheme, host and port of the server.", "https://api.example.org")),
            (
                "keep_host",
                boolean(
                    "Whether it sees the host that the client asked for, instead of its own.",
                    true
                )
            ),
            ("insecure", boolean("Whether its certificate is believed without a check.", true)),
            (
                "timeouts",
                key(
                    json!({ "allOf": [generator.subschema_for::<Timeouts>()] }),
                    "How long things may take.",
                    json!({ "dial": "3s" }),
                )
            ),
        ]
    )
));

impl Decode for StaticFiles {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let directory = file(at, report)?;
            return Some(Self { directory, spa: false, index: Vec::new(), not_found: None });
        }
        let mut fields = at.fields(report)?;
        let directory = fields.at("dir").map(|at| file(&at, report));
        if fields.lacks("dir") {
            report.push(at.error("missing-key", "needs `dir`"));
        }
        let spa = fields.or_default("spa", report);
        let index = fields.at("index").and_then(|at| {
            Some(at.items(report)?.filter_map(|item| inner(&item, report)).collect())
        });
        let not_found = fields.at("not_found").and_then(|at| inner(&at, report));
        if spa && let Some(at) = fields.at("not_found") {
            let finding = at.error("conflicting-keys", "cannot stand beside `spa`");
            report.push(finding.hint("with `spa`, every path without a file gets the index"));
        }
        fields.finish(report);
        Some(Self { directory: directory??, spa, index: index.unwrap_or_default(), not_found })
    }
}

/// A file inside of the directory.
fn inner(at: &Cursor<'_>, report: &mut Report) -> Option<String> {
    let path: String = at.get(report)?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let is_segment =
        |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['{', '}', '*']);
    if path.split('/').all(is_segment) {
        return Some(path.to_owned());
    }
    let says = format_args!("is no file of the directory: {}", at.quoted(path));
    report.push(at.error("invalid-value", says).hint("write it as seen from `dir`: 404.html"));
    None
}

inline_schema!(StaticFiles, |_| or_mapping(
    &json!({ "type": "string" }),
    &mapping(
        &["dir"],
        [
            ("dir", text("The directory as the proxy sees it.", "/srv/site")),
            ("spa", boolean("Whether paths without a file get the index.", true)),
            (
                "index",
                list(
                    &json!({ "type": "string" }),
                    "Files that stand for their directory; index.html if absent.",
                    json!(["index.html"]),
                )
            ),
            ("not_found", text("The file for paths without one, sent with 404.", "404.html")),
        ]
    )
));

impl Decode for Respond {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(scalar) = &at.node.value {
            return match scalar.kind {
                ScalarKind::String => Some(Self { status: 200, body: Some(at.get(report)?) }),
                _ => Some(Self { status: status(at, report)?, body: None }),
            };
        }
        let mut fields = at.fields(report)?;
        let code = fields.at("status").map(|at| status(&at, report));
        let body = fields.get("body", report);
        fields.finish(report);
        Some(Self { status: code.unwrap_or(Some(200))?, body })
    }
}

inline_schema!(Respond, |_| or_mapping(
    &json!({ "type": ["string", "integer"] }),
    &mapping(
        &[],
        [
            ("status", integer("The status; 200 if absent.", 410)),
            ("body", text("The text; HTML if it begins with `<`.", "gone")),
        ]
    )
));
