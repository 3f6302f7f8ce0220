//! Keys of a route that keep requests out: `basic_auth` and `maintenance`.

use serde_json::json;

use super::places::prefix;
use super::shape::{list, mapping, or_mapping, text, texts};
use super::text::time;
use crate::model::route::{BasicAuth, BcryptHash, Maintenance};
use crate::spec::compose::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report, go_text};
use crate::spec::yaml::node::Value;

impl Decode for BasicAuth {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let users = fields.at("users").map(|at| users(&at, report));
        if fields.lacks("users") {
            let finding = at.error("missing-key", "needs `users`");
            report.push(
                finding.hint("write each user with a bcrypt hash: `users: {ann: $$2a$$14$$…}`"),
            );
        }
        let except = fields.at("except").and_then(|at| {
            Some(at.items(report)?.filter_map(|item| Some(prefix(&item, report)?.value)).collect())
        });
        let basic_auth = Self {
            users: users.unwrap_or_default(),
            realm: fields.get("realm", report),
            except: except.unwrap_or_default(),
        };
        fields.finish(report);
        Some(basic_auth)
    }
}

fn users(at: &Cursor<'_>, report: &mut Report) -> Vec<(String, BcryptHash)> {
    let mut users = Vec::new();
    let Some(entries) = at.entries(report) else { return users };
    for (entry, value) in entries {
        if entry.key.is_empty() || entry.key.contains([':', '{', '}']) {
            let says = "has a user whose name is empty or has `:`, `{` or `}`";
            report.push(at.error("invalid-value", says));
        }
        match go_text(&value).as_deref().and_then(BcryptHash::parse) {
            Some(hash) => users.push((entry.key.clone(), hash)),
            // The value may be a password, so no message shows it.
            None => report.push(value.error("not-bcrypt", "is no bcrypt hash").hint(
                "make one with `caddy hash-password`, and write each `$` of it twice: $$2a$$14$$…",
            )),
        }
    }
    if users.is_empty() && matches!(&at.node.value, Value::Mapping(map) if map.entries.is_empty()) {
        report.push(at.error("invalid-value", "has no user, so nobody would get through"));
    }
    users.sort_by(|a, b| a.0.cmp(&b.0));
    users
}

inline_schema!(BasicAuth, |_| mapping(
    &["users"],
    [
        (
            "users",
            texts(
                "Bcrypt hashes by user; `caddy hash-password` makes them. Each `$` is written twice.",
                json!({ "ann": "$$2a$$14$$ShnA6wrlbmeSnIYwZmr7.eJFdn.95MwYszz1nQ61zKQXkwuu4FAlC" }),
            )
        ),
        ("realm", text("What browsers show.", "shop")),
        (
            "except",
            list(
                &json!({ "type": "string" }),
                "Paths that need no password, each with everything below it.",
                json!(["/healthz"]),
            )
        ),
    ]
));

impl Decode for Maintenance {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let on: bool = at.get(report)?;
            return on.then_some(Self { body: None, retry_after: None });
        }
        let mut fields = at.fields(report)?;
        let maintenance = Self {
            body: fields.get("body", report),
            retry_after: time(&mut fields, "retry_after", report),
        };
        fields.finish(report);
        Some(maintenance)
    }
}

inline_schema!(Maintenance, |_| or_mapping(
    &json!({ "type": "boolean" }),
    &mapping(
        &[],
        [
            ("body", text("The page; HTML if it begins with `<`.", "<h1>Back at noon</h1>")),
            ("retry_after", text("When to come back.", "10m")),
        ]
    )
));
