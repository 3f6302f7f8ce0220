//! Keys of a route that concern its whole host: name, certificate, HSTS.

use serde_json::json;

use super::raw::modules;
use super::shape::{boolean, list, mapping, or_mapping, text};
use super::text::time;
use crate::model::nanos::Nanos;
use crate::model::route::{Certificate, HostPattern, Hsts, Tls};
use crate::spec::compose::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report};
use crate::spec::yaml::node::Value;

/// The host of a route as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostChoice {
    /// `<service>.<stack>.<root domain>`.
    Auto,
    /// A name or pattern.
    Named(HostPattern),
}

impl Decode for HostChoice {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        match &at.node.value {
            Value::Scalar(scalar) if scalar.text == "auto" => Some(Self::Auto),
            _ => at.get(report).map(Self::Named),
        }
    }
}

/// What a public suffix list of browsers wants at least (hstspreload.org): a year.
const YEAR: Nanos = Nanos::seconds(365 * 24 * 3600);

impl Decode for Hsts {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let on: bool = at.get(report)?;
            return on.then_some(Self { max_age: YEAR, subdomains: false, preload: false });
        }
        let mut fields = at.fields(report)?;
        let hsts = Self {
            max_age: time(&mut fields, "max_age", report).unwrap_or(YEAR),
            subdomains: fields.or_default("subdomains", report),
            preload: fields.or_default("preload", report),
        };
        fields.finish(report);
        if hsts.preload && (hsts.max_age < YEAR || !hsts.subdomains) {
            report
                .push(at.error("hsts-preload", "asks for preloading, which browsers refuse").hint(
                    "they want `subdomains: true` and a `max_age` of a year, 8760h, or more",
                ));
        }
        Some(hsts)
    }
}

inline_schema!(Hsts, |_| or_mapping(
    &json!({ "type": "boolean" }),
    &mapping(
        &[],
        [
            ("max_age", text("How long browsers remember; a year if absent.", "8760h")),
            ("subdomains", boolean("Whether for every name below it, too.", true)),
            ("preload", boolean("Whether browsers may be shipped with it.", true)),
        ]
    )
));

impl Decode for Tls {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let text: String = at.get(report)?;
            return match text.as_str() {
                "automatic" => Some(Self::Automatic),
                "internal" => Some(Self::Internal),
                _ => {
                    let says = format_args!("cannot be {}", at.quoted(&text));
                    report.push(at.error("invalid-value", says).hint(
                        "use `automatic`, `internal`, or a mapping with `certificate` and `key`, or `issuers`",
                    ));
                    None
                }
            };
        }
        let mut fields = at.fields(report)?;
        let certificate = fields.at("certificate").and_then(|at| file(&at, report));
        let key = fields.at("key").and_then(|at| file(&at, report));
        let issuers = fields.at("issuers").map(|at| modules(&at, "module", report));
        let told = (
            fields.at("certificate").is_some(),
            fields.at("key").is_some(),
            fields.at("issuers").is_some(),
        );
        fields.finish(report);
        match told {
            (true, true, false) => {
                Some(Self::Files(Certificate { certificate: certificate?, key: key? }))
            }
            (false, false, true) => issuers.map(Self::Issuers),
            _ => {
                let says = "needs either `certificate` and `key`, or `issuers`";
                report.push(at.error("missing-key", says));
                None
            }
        }
    }
}

/// A file as the proxy sees it.
pub(super) fn file(at: &Cursor<'_>, report: &mut Report) -> Option<String> {
    let path: String = at.get(report)?;
    let is_clean = !path.split('/').any(|segment| segment == "..") && !path.contains(['{', '}']);
    if path.starts_with('/') && is_clean {
        return Some(path);
    }
    let says = format_args!("must be an absolute path, not {}", at.quoted(&path));
    report.push(
        at.error("invalid-value", says)
            .hint("write the path as the proxy's container sees it, such as /srv/site"),
    );
    None
}

inline_schema!(Tls, |_| or_mapping(
    &json!({ "type": "string", "enum": ["automatic", "internal"] }),
    &mapping(
        &[],
        [
            (
                "certificate",
                text("File with the certificate, as the proxy sees it.", "/certs/shop.pem")
            ),
            ("key", text("File with its key, as the proxy sees it.", "/certs/shop.key")),
            (
                "issuers",
                list(
                    &json!({ "type": "object" }),
                    "Issuers as Caddy's JSON has them.",
                    json!([{
                        "module": "acme",
                        "challenges": { "dns": { "provider": { "name": "hetzner" } } }
                    }]),
                )
            ),
        ]
    )
));
