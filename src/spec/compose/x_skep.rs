//! `x-skep`: what a stack file asks of skep itself.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::routes::{ServiceRoutes, StackRoutes, modules};
use crate::model::name::StackName;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report, closest};

/// `x-skep` at the top of a stack file.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StackExtension {
    /// Nothing of this stack is written while it is true.
    #[schemars(example = true)]
    pub paused: Option<bool>,
    /// Nothing of this stack is ever removed or replaced.
    #[schemars(example = true)]
    pub protect: Option<bool>,
    /// Whether objects that the file no longer declares are removed; the settings decide if absent.
    #[schemars(example = true)]
    pub prune: Option<bool>,
    /// The name that the stack had before it was renamed.
    #[schemars(with = "Option<String>", example = &"shop-old")]
    pub previous_name: Option<StackName>,
    /// Stacks that must be as declared and healthy before services of this one are created or rolled. One that is
    /// not declared beside it must be there and healthy.
    #[schemars(with = "Option<Vec<String>>", example = ["data"])]
    pub depends_on: Option<Vec<Located<StackName>>>,
    /// Routes of the stack itself: redirects, servers outside, files, fixed answers.
    #[schemars(example = json!([{ "host": "www.example.com", "redirect": "https://shop.example.com" }]))]
    pub routes: Option<Located<StackRoutes>>,
    /// Handlers as Caddy's JSON has them, in every route of the stack and of its services, before their own.
    #[schemars(with = "Option<Vec<Map<String, Value>>>", example = json!([{ "handler": "vars", "tenant": "a" }]))]
    pub caddy: Option<Located<Vec<Value>>>,
}

/// `x-skep` on a service.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ServiceExtension {
    /// Fields that someone else owns, such as an autoscaler; skep neither reports nor repairs them.
    #[schemars(example = ["deploy.replicas"])]
    pub ignore: Option<Vec<Located<String>>>,
    /// The key that the service had in this file before it was renamed.
    #[schemars(example = &"api")]
    pub previous_name: Option<Located<String>>,
    /// Which requests the proxy sends to it.
    #[schemars(example = json!([{ "host": "shop.example.com", "port": 8080 }]))]
    pub routes: Option<Located<ServiceRoutes>>,
    /// Handlers as Caddy's JSON has them, in every route of the service, before its own.
    #[schemars(with = "Option<Vec<Map<String, Value>>>", example = json!([{ "handler": "vars", "tenant": "a" }]))]
    pub caddy: Option<Located<Vec<Value>>>,
}

/// Keys on the stack that later versions know.
const LATER_ON_STACK: [&str; 1] = ["generate"];
/// Keys on a service that later versions know.
const LATER_ON_SERVICE: [&str; 4] = ["probe", "schedule", "sleep", "strategy"];

/// The fields that can be ignored, and everything below them.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "cap_add", "cap_drop", "command", "configs", "credential_spec", "deploy.endpoint_mode", "deploy.labels",
    "deploy.placement", "deploy.replicas", "deploy.resources", "deploy.restart_policy", "deploy.rollback_config",
    "deploy.update_config", "dns", "dns_opt", "dns_search", "entrypoint", "environment", "extra_hosts", "group_add",
    "healthcheck", "hostname", "image", "init", "isolation", "labels", "logging", "networks", "oom_score_adj", "ports",
    "read_only", "secrets", "security_opt", "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tty",
    "ulimits", "user", "volumes", "working_dir",
];

impl Decode for StackExtension {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let extension = Self {
            paused: fields.get("paused", report),
            protect: fields.get("protect", report),
            prune: fields.get("prune", report),
            previous_name: fields.get("previous_name", report),
            depends_on: fields.get("depends_on", report),
            routes: fields.get("routes", report),
            caddy: fields.at("caddy").map(|at| handlers(&at, report)),
        };
        refuse_later(&mut fields, &LATER_ON_STACK, report);
        fields.finish(report);
        Some(extension)
    }
}

impl Decode for ServiceExtension {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let extension = Self {
            ignore: fields.get("ignore", report),
            previous_name: fields.get("previous_name", report),
            routes: fields.get("routes", report),
            caddy: fields.at("caddy").map(|at| handlers(&at, report)),
        };
        for field in extension.ignore.iter().flatten() {
            check_field(at, field, report);
        }
        refuse_later(&mut fields, &LATER_ON_SERVICE, report);
        fields.finish(report);
        Some(extension)
    }
}

/// Handlers of every route.
fn handlers(at: &Cursor<'_>, report: &mut Report) -> Located<Vec<Value>> {
    Located::at(at, modules(at, "handler", report))
}

fn refuse_later(fields: &mut Fields<'_>, keys: &[&'static str], report: &mut Report) {
    for key in keys {
        if let Some(at) = fields.at(key) {
            report.push(at.error("not-in-this-version", "is not in this version of skep"));
        }
    }
}

fn check_field(at: &Cursor<'_>, field: &Located<String>, report: &mut Report) {
    let within = |known: &str| {
        field.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if FIELDS.iter().any(|known| within(known)) {
        return;
    }
    let says = format_args!("names a field that there is not: {}", field.quoted(&field.value));
    let mut finding = at.error("unknown-field", says);
    finding.place = Some(field.place.clone());
    report.push(match closest(field, FIELDS.iter().copied()) {
        Some(known) => finding.hint(format!("did you mean `{known}`?")),
        None => finding
            .hint("use the path of a service key, such as `deploy.replicas` or `environment.NAME`"),
    });
}

impl Decode for StackName {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let name: String = at.get(report)?;
        match name.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                let says = format_args!("is no name of a stack: {}", at.quoted(&name));
                report.push(at.error("invalid-name", says).hint(error.rule()));
                None
            }
        }
    }
}
