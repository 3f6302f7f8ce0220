//! One entry of `routes`, on a service or on the stack.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::hosting::HostChoice;
use super::places::{exact, one_or_more, prefix};
use super::pool::scheme;
use super::raw::modules;
use super::text::port;
use crate::model::route::{
    ActiveHealth, Balance, BasicAuth, Encode, ExternalTarget, Headers, Hsts, IpRange, Maintenance,
    PassiveHealth, PathPattern, Redirect, Respond, Rewrite, Scheme, StaticFiles, Timeouts, Tls,
};
use crate::spec::compose::inline_schema::inline_schema;
use crate::spec::compose::size::ByteSize;
use crate::spec::compose::text_list::TextList;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report};

/// A route: which requests, what is done with them, and who answers.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Route {
    /// Host names, a wildcard such as `*.example.com`, `*` for every host, or `auto` for
    /// `<service>.<stack>.<root domain>`.
    #[schemars(with = "TextList", example = &"shop.example.com")]
    pub host: Vec<Located<HostChoice>>,
    /// The path; it stands for everything below it, too. All paths if absent.
    #[schemars(with = "Option<String>", example = &"/api")]
    pub path: Option<Option<Located<PathPattern>>>,
    /// One path alone, instead of `path`.
    #[schemars(with = "Option<String>", example = &"/healthz")]
    pub exact_path: Option<Option<Located<PathPattern>>>,
    /// The port that the containers listen on. A route of a service needs it.
    #[schemars(with = "Option<u32>", example = 8080)]
    pub port: Option<Located<u16>>,
    /// What the containers speak; http if absent.
    #[schemars(with = "Option<String>", extend("enum" = ["http", "https", "h2c"]), example = &"h2c")]
    pub scheme: Option<Scheme>,
    /// Whether certificates of the containers are believed without a check; `scheme` has taken it in.
    #[schemars(with = "Option<bool>", example = true)]
    pub insecure: bool,
    /// How requests are spread over tasks.
    #[schemars(example = &"least_conn")]
    pub lb: Option<Located<Balance>>,
    /// Requests of the proxy's own that tell whether the service is well: a path, or more.
    #[schemars(example = &"/healthz")]
    pub health_check: Option<Located<ActiveHealth>>,
    /// What answers tell of the service.
    #[schemars(example = json!({ "fail_duration": "30s", "max_fails": 3 }))]
    pub passive_health: Option<PassiveHealth>,
    /// How long things may take.
    #[schemars(example = json!({ "response": "30s" }))]
    pub timeouts: Option<Timeouts>,
    /// Clients are sent elsewhere, to a URL or path. Only in routes of the stack.
    #[schemars(example = &"https://www.example.com")]
    pub redirect: Option<Redirect>,
    /// A server outside answers. Only in routes of the stack.
    #[schemars(example = &"https://api.example.org")]
    pub proxy: Option<ExternalTarget>,
    /// Files answer, from a directory that the proxy sees. Only in routes of the stack.
    #[schemars(rename = "static", example = &"/srv/site")]
    pub files: Option<StaticFiles>,
    /// The proxy answers, with a status, a text, or both. Only in routes of the stack.
    #[schemars(example = &"pong")]
    pub respond: Option<Respond>,
    /// Whether the target sees the path without that of the route.
    #[schemars(with = "Option<bool>", example = true)]
    pub strip_prefix: bool,
    /// The path that the target sees, or parts of it that are replaced.
    #[schemars(example = &"/index.php")]
    pub rewrite: Option<Rewrite>,
    /// Changes to headers.
    #[schemars(
        with = "Option<Headers>",
        example = json!({ "response": { "set": { "X-Frame-Options": "DENY" } } })
    )]
    pub headers: Headers,
    /// Whether answers are compressed, or how.
    #[schemars(example = true)]
    pub encode: Option<Encode>,
    /// Names and passwords that are asked for.
    #[schemars(example = json!({
        "users": { "ann": "$$2a$$14$$ShnA6wrlbmeSnIYwZmr7.eJFdn.95MwYszz1nQ61zKQXkwuu4FAlC" }
    }))]
    pub basic_auth: Option<BasicAuth>,
    /// Addresses that get through; all if absent.
    #[schemars(with = "Option<TextList>", example = ["10.0.0.0/8"])]
    pub allow: Vec<IpRange>,
    /// Addresses that do not get through, whatever `allow` says.
    #[schemars(with = "Option<TextList>", example = ["192.0.2.0/24"])]
    pub deny: Vec<IpRange>,
    /// How large a request may be.
    #[schemars(example = &"10m")]
    pub max_body: Option<ByteSize>,
    /// Whether everybody gets a page with status 503 instead.
    #[schemars(example = true)]
    pub maintenance: Option<Maintenance>,
    /// Where the certificate of the host comes from: `automatic`, `internal`, files or issuers.
    #[schemars(example = &"internal")]
    pub tls: Option<Located<Tls>>,
    /// Whether the host is served without TLS only.
    #[schemars(with = "Option<bool>", example = true)]
    pub http_only: Option<Located<bool>>,
    /// Whether browsers are told to use TLS only, for a year or as said.
    #[schemars(example = true)]
    pub hsts: Option<Located<Hsts>>,
    /// Handlers as Caddy's JSON has them, before the target.
    #[schemars(with = "Option<Vec<serde_json::Map<String, Value>>>", example = [
        json!({ "handler": "vars", "tenant": "a" })
    ])]
    pub caddy: Vec<Value>,
    /// Where it begins.
    #[schemars(skip)]
    pub place: crate::model::place::Place,
}

/// `routes` of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceRoutes(pub Vec<Route>);

/// `routes` of the stack.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackRoutes(pub Vec<Route>);

/// Keys of routes to a service.
const OF_SERVICES: [&str; 7] =
    ["port", "scheme", "insecure", "lb", "health_check", "passive_health", "timeouts"];
/// Keys that say what becomes of the requests of a stack's route.
const OF_STACKS: [&str; 4] = ["redirect", "proxy", "static", "respond"];

/// Routes with `needed`, and without any of the keys `elsewhere`.
fn routes_schema(generator: &mut SchemaGenerator, needed: &[&str], elsewhere: &[&str]) -> Schema {
    let elsewhere = elsewhere.iter().map(|key| json!({ "required": [key] }));
    json_schema!({
        "type": "array",
        "items": {
            "allOf": [generator.subschema_for::<Route>()],
            "required": needed,
            "not": { "anyOf": elsewhere.collect::<Vec<_>>() }
        }
    })
}

inline_schema!(ServiceRoutes, |generator| routes_schema(generator, &["port"], &OF_STACKS));
inline_schema!(StackRoutes, |generator| routes_schema(generator, &[], &OF_SERVICES));

impl Decode for ServiceRoutes {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let routes = at.items(report)?.filter_map(|item| {
            let mut fields = item.fields(report)?;
            misplaced(&mut fields, &OF_STACKS, "stands in routes of the stack only", report);
            if fields.lacks("port") {
                let finding = item.error("missing-key", "needs `port`");
                report.push(finding.hint("write the port that the containers listen on"));
            }
            Some(route(fields, report))
        });
        Some(Self(routes.collect()))
    }
}

impl Decode for StackRoutes {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let routes = at.items(report)?.filter_map(|item| {
            let mut fields = item.fields(report)?;
            misplaced(&mut fields, &OF_SERVICES, "stands in routes of a service only", report);
            let told = OF_STACKS.into_iter().filter(|key| fields.at(key).is_some()).count();
            if told > 1 || (told == 0 && fields.at("caddy").is_none()) {
                let says =
                    "needs exactly one of `redirect`, `proxy`, `static`, `respond` or `caddy`";
                let finding = item.error("missing-key", says);
                report
                    .push(finding.hint("a route to a service stands in `x-skep` of that service"));
            }
            let route = route(fields, report);
            for host in route.host.iter().filter(|host| host.value == HostChoice::Auto) {
                let says = "cannot be `auto`, which is made of the name of a service";
                let mut finding = item.error("invalid-host", says);
                finding.place = Some(host.place.clone());
                report.push(finding.hint("write a name"));
            }
            Some(route)
        });
        Some(Self(routes.collect()))
    }
}

fn misplaced(fields: &mut Fields<'_>, keys: &[&'static str], says: &str, report: &mut Report) {
    for key in keys {
        if let Some(place) = fields.key_place(key) {
            let at = fields.cursor();
            let mut finding = at.error("misplaced-key", format_args!("has `{key}`, which {says}"));
            finding.place = Some(place.clone());
            report.push(finding);
        }
    }
}

fn route(mut fields: Fields<'_>, report: &mut Report) -> Route {
    let item = fields.cursor().clone();
    if fields.lacks("host") {
        let finding = item.error("missing-key", "needs `host`");
        report.push(finding.hint("write a name such as shop.example.com, or `*` for every host"));
    }
    if let (Some(_), Some(at)) = (fields.at("path"), fields.at("exact_path")) {
        let finding = at.error("conflicting-keys", "cannot stand beside `path`");
        report.push(finding.hint("make it a route of its own"));
    }
    let scheme = scheme(&mut fields, report);
    let mut several = |key, report: &mut Report| {
        fields.at(key).map(|at| one_or_more(&at, report)).unwrap_or_default()
    };
    let (allow, deny) = (several("allow", report), several("deny", report));
    let route = Route {
        host: fields.at("host").map(|at| one_or_more(&at, report)).unwrap_or_default(),
        path: fields.at("path").map(|at| prefix(&at, report)),
        exact_path: fields.at("exact_path").map(|at| exact(&at, report)),
        port: fields.at("port").and_then(|at| Some(Located::at(&at, port(&at, report)?))),
        scheme,
        insecure: fields.or_default("insecure", report),
        lb: fields.get("lb", report),
        health_check: fields.get("health_check", report),
        passive_health: fields.get("passive_health", report),
        timeouts: fields.get("timeouts", report),
        redirect: fields.get("redirect", report),
        proxy: fields.get("proxy", report),
        files: fields.get("static", report),
        respond: fields.get("respond", report),
        strip_prefix: fields.or_default("strip_prefix", report),
        rewrite: fields.get("rewrite", report),
        headers: fields.or_default("headers", report),
        encode: fields.get("encode", report),
        basic_auth: fields.get("basic_auth", report),
        allow,
        deny,
        max_body: fields.get("max_body", report),
        maintenance: fields.get("maintenance", report),
        tls: fields.get("tls", report),
        http_only: fields.get("http_only", report),
        hsts: fields.get("hsts", report),
        caddy: fields.at("caddy").map(|at| modules(&at, "handler", report)).unwrap_or_default(),
        place: item.place().clone(),
    };
    fields.finish(report);
    route
}

impl Route {
    /// Its path; `None` if it could not be read.
    pub fn pattern(&self) -> Option<Located<PathPattern>> {
        match self.exact_path.as_ref().or(self.path.as_ref()) {
            Some(path) => path.clone(),
            None => Some(Located::new(PathPattern::root(), self.place.clone())),
        }
    }
}
