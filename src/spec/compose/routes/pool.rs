//! Keys of a route that say how the tasks of a service are spoken with.

use serde_json::json;

use super::shape::{choice, integer, list, mapping, or_mapping, text};
use super::text::{status, time};
use crate::model::route::{ActiveHealth, Balance, PassiveHealth, Policy, Scheme, Sticky, Timeouts};
use crate::spec::compose::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Fields, Report, closest};
use crate::spec::yaml::node::Value;

const POLICIES: [(&str, Policy); 6] = [
    ("random", Policy::Random),
    ("round_robin", Policy::RoundRobin),
    ("least_conn", Policy::FewestRequests),
    ("first", Policy::First),
    ("ip_hash", Policy::IpHash),
    ("uri_hash", Policy::UriHash),
];

/// `scheme` of a route, with `insecure` beside it.
pub(super) fn scheme(fields: &mut Fields<'_>, report: &mut Report) -> Option<Scheme> {
    let scheme = fields.choice("scheme", &["http", "https", "h2c"], report);
    let insecure: bool = fields.or_default("insecure", report);
    let is_tls = scheme.as_ref().is_some_and(|scheme| scheme.as_str() == "https");
    if insecure && !is_tls {
        let says = "says `insecure`, but not `scheme: https`";
        let finding = fields.cursor().error("conflicting-keys", says);
        report.push(finding.hint("without TLS there is nothing to check"));
    }
    scheme.map(|scheme| match scheme.as_str() {
        "https" if insecure => Scheme::InsecureHttps,
        "https" => Scheme::Https,
        "h2c" => Scheme::H2c,
        _ => Scheme::Http,
    })
}

impl Decode for Balance {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let text: String = at.get(report)?;
            if text == "tasks" {
                return Some(Self { by_task: true, ..Self::default() });
            }
            let policy = policy(at, &text, report)?;
            return Some(Self { policy: Some(policy), by_task: true, ..Self::default() });
        }
        let mut fields = at.fields(report)?;
        let named = fields.at("policy").and_then(|at| {
            let text: String = at.get(report)?;
            policy(&at, &text, report)
        });
        let sticky = fields.at("sticky").and_then(|at| sticky(&at, report));
        if sticky.is_some() && named.is_some() {
            let finding = at.error("conflicting-keys", "cannot have both `policy` and `sticky`");
            report.push(finding.hint("a cookie is a policy of its own"));
        }
        let policy = sticky.map(Policy::Sticky).or(named);
        let upstreams = fields.choice("upstreams", &["service", "tasks"], report);
        if let Some(upstreams) = upstreams.as_ref().filter(|text| text.as_str() == "service")
            && policy.is_some()
        {
            let says = "chooses among tasks, but dials the service's one address";
            let mut finding = at.error("conflicting-keys", says);
            finding.place = Some(upstreams.place.clone());
            report.push(finding.hint("say `upstreams: tasks`, or leave it out"));
        }
        let balance = Self {
            by_task: match upstreams {
                Some(text) => text.as_str() == "tasks",
                None => policy.is_some(),
            },
            policy,
            retries: fields.get("retries", report),
            try_duration: time(&mut fields, "try_duration", report),
        };
        fields.finish(report);
        Some(balance)
    }
}

fn policy(at: &Cursor<'_>, text: &str, report: &mut Report) -> Option<Policy> {
    let known = POLICIES.iter().find(|(name, _)| *name == text);
    if known.is_none() {
        let names = POLICIES.map(|(name, _)| name);
        let finding = at.error("invalid-value", format_args!("cannot be {}", at.quoted(text)));
        report.push(match closest(text, names) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint(format!("use one of {}", names.join(", "))),
        });
    }
    known.map(|(_, policy)| policy.clone())
}

fn sticky(at: &Cursor<'_>, report: &mut Report) -> Option<Sticky> {
    let cookie: String = at.get(report)?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if cookie.is_empty() || !cookie.chars().all(is_token) {
        let says = format_args!("is no name of a cookie: {}", at.quoted(&cookie));
        report.push(at.error("invalid-value", says));
        return None;
    }
    Some(Sticky { cookie })
}

inline_schema!(Balance, |_| {
    let policies = POLICIES.map(|(name, _)| name);
    let short: Vec<&str> = ["tasks"].into_iter().chain(policies).collect();
    or_mapping(
        &json!({ "type": "string", "enum": short }),
        &mapping(
            &[],
            [
                ("policy", choice(&policies, "Which task gets a request.", "least_conn")),
                ("sticky", text("A cookie that keeps clients with their task.", "shop")),
                (
                    "upstreams",
                    choice(
                        &["service", "tasks"],
                        "Whether the virtual address of the service is dialled, or each task by itself; tasks with a policy.",
                        "tasks",
                    ),
                ),
                ("retries", integer("How often another task is tried.", 2)),
                ("try_duration", text("How long other tasks are tried; 5s if absent.", "10s")),
            ],
        ),
    )
});

impl Decode for ActiveHealth {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let path = health_path(at, report)?;
            return Some(Self { path, interval: None, timeout: None, status: None, host: None });
        }
        let mut fields = at.fields(report)?;
        let path = fields.at("path").map(|at| health_path(&at, report));
        if fields.lacks("path") {
            report.push(at.error("missing-key", "needs `path`"));
        }
        let interval = time(&mut fields, "interval", report);
        let timeout = time(&mut fields, "timeout", report);
        let status = fields.at("status").and_then(|at| status(&at, report));
        let host = fields.get("host", report);
        fields.finish(report);
        Some(Self { path: path??, interval, timeout, status, host })
    }
}

fn health_path(at: &Cursor<'_>, report: &mut Report) -> Option<String> {
    let path: String = at.get(report)?;
    if path.starts_with('/') && !path.contains(['{', '}', ' ', '#']) {
        return Some(path);
    }
    let says = format_args!("is no path: {}", at.quoted(&path));
    report.push(at.error("invalid-path", says).hint("write it from the root: /healthz"));
    None
}

inline_schema!(ActiveHealth, |_| or_mapping(
    &json!({ "type": "string" }),
    &mapping(
        &["path"],
        [
            ("path", text("What is asked for.", "/healthz")),
            ("interval", text("Time between requests.", "10s")),
            ("timeout", text("Time that an answer may take.", "2s")),
            ("status", integer("The status that is wanted; 200 to 299 if absent.", 204)),
            ("host", text("The host that is asked for.", "shop.example.com")),
        ]
    )
));

impl Decode for PassiveHealth {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let codes = fields.at("status").and_then(|at| {
            Some(at.items(report)?.filter_map(|item| status(&item, report)).collect())
        });
        let passive = Self {
            fail_duration: time(&mut fields, "fail_duration", report),
            max_fails: fields.get("max_fails", report),
            status: codes.unwrap_or_default(),
        };
        fields.finish(report);
        if passive.fail_duration.is_none() {
            let finding = at.error("missing-key", "needs `fail_duration`");
            report.push(finding.hint("it says how long a failure counts; without it nothing does"));
        }
        Some(passive)
    }
}

inline_schema!(PassiveHealth, |_| mapping(
    &["fail_duration"],
    [
        ("fail_duration", text("How long a failure counts.", "30s")),
        ("max_fails", integer("How many failures make a target unwell; 1 if absent.", 3)),
        (
            "status",
            list(
                &json!({ "type": "integer" }),
                "Answers that count as failures, beside refused connections.",
                json!([502, 503]),
            )
        ),
    ]
));

impl Decode for Timeouts {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let timeouts = Self {
            dial: time(&mut fields, "dial", report),
            response: time(&mut fields, "response", report),
            read: time(&mut fields, "read", report),
            write: time(&mut fields, "write", report),
            stream_close: time(&mut fields, "stream_close", report),
        };
        fields.finish(report);
        Some(timeouts)
    }
}

inline_schema!(Timeouts, |_| mapping(
    &[],
    [
        ("dial", text("For a connection; 1s if absent.", "3s")),
        ("response", text("Until the head of an answer.", "30s")),
        ("read", text("Between two reads of an answer.", "1m")),
        ("write", text("Between two writes of a request.", "1m")),
        (
            "stream_close",
            text(
                "How long streams outlive a change of Caddy's configuration; 5m if absent. Caddy 2.7 and newer.",
                "1h",
            )
        ),
    ]
));
