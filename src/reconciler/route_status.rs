//! How routes are: whether Caddy has them as declared, how those are who answer, and what certificates are shown. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use jiff::{Timestamp, Unit};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::record::Routed;
use super::status::{Health, Status};
use crate::diff::document::StackSection;
use crate::model::error::chain;
use crate::model::key::{Kind, ObjectKey};
use crate::model::name::{FleetName, SourceName, StackName};
use crate::model::route::HostPattern;
use crate::proxy::{
    Compiled, CompiledRoute, Entry, HandshakeError, Live, Refused, RouteId, ShownCertificate,
    dialled, target,
};

/// From when on it is worth a look that a certificate expires, in hours: authorities renew at a third of ninety days.
const SOON: i64 = 14 * 24;

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// How a route is in Caddy. Later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RouteState {
    /// Caddy has it as declared; of stacks of sources that it is not compared with, Caddy has it.
    Live,
    /// Caddy cannot be asked, so that nobody can tell.
    Unknown,
    /// Caddy has it, and no stack file declares it any more.
    Undeclared,
    /// Caddy has it otherwise than it is declared.
    Drifted,
    /// It is declared, and Caddy does not have it.
    Missing,
    /// It is declared, and something is in the way of it.
    Held,
}

impl fmt::Display for RouteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Live => "live",
            Self::Unknown => "unknown",
            Self::Undeclared => "undeclared",
            Self::Drifted => "drifted",
            Self::Missing => "missing",
            Self::Held => "held",
        })
    }
}

/// The routes of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "skep routes")]
pub struct Routes {
    /// Layout of this document; see [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The installation of skep whose routes are shown.
    pub fleet: String,
    /// Where Caddy's admin API is; absent when nobody has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Why Caddy could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why no certificate could be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_problem: Option<String>,
    /// Whether the routes were compared with stack files.
    pub compared: bool,
    /// The routes by stack, in the order in which Caddy asks.
    pub routes: Vec<RouteStatus>,
}

/// How one route is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RouteStatus {
    /// The stack that has it.
    pub stack: String,
    /// For which host: a name, `*.example.com`, or `*` for all.
    pub host: String,
    /// For which path: `/api/*` is `/api` and everything below it, `/api` that path alone.
    pub path: String,
    /// Whether it is served with TLS (`https`) or without (`http`); absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryPoint>,
    /// Who or what answers: `shop_web:8080`, `tasks.shop_web:8080`, `answer 503`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The service that answers, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How that service is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How the route is in Caddy.
    pub state: RouteState,
    /// What is in the way of it, or where Caddy has it to instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it is declared, as `file:line:column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What the entry point shows for the host, if it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateStatus>,
    #[serde(skip)]
    key: Option<RouteId>,
}

/// An entry point of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryPoint {
    /// With TLS.
    Https,
    /// Without.
    Http,
}

/// The certificate that is shown for a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CertificateStatus {
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires: Option<Timestamp>,
    /// Why there is none, or why clients would not take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What is known of the routes of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The installation of skep.
    pub fleet: &'a FleetName,
    /// What Caddy has, if it could be asked.
    pub live: Option<&'a Live>,
    /// What each source declares, if there is something to compare with.
    pub declared: Option<&'a [Declared<'a>]>,
    /// The stacks that sources other than those declare; see [`elsewhere`].
    pub elsewhere: &'a BTreeSet<String>,
    /// How services are.
    pub status: &'a Status,
}

/// What one source declares.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// Its routes.
    pub compiled: &'a Compiled,
    /// The plan of its stacks.
    pub plan: &'a [StackSection],
}

/// The stacks of `routed`, which a fleet remembers, whose routes were written for sources other than `sources`: by somebody who ran
/// `skep apply` with a path, or by another controller.
pub fn elsewhere(
    routed: &BTreeMap<String, Routed>,
    sources: &BTreeSet<&SourceName>,
) -> BTreeSet<String> {
    let is_other = |routed: &Routed| sources.iter().all(|source| source.as_str() != routed.source);
    let others = routed.iter().filter(|(_, routed)| is_other(routed));
    others.map(|(stack, _)| stack.clone()).collect()
}

/// Tells how the routes of a fleet are.
pub fn fold(known: &Known<'_>) -> Vec<RouteStatus> {
    let Known { fleet, live, declared, elsewhere, status } = known;
    let services = status.stacks.iter().flat_map(|stack| &stack.services);
    let healths = services.map(|service| (service.name.as_str(), service.health)).collect();
    let mut found: HashMap<RouteId, &Value> = HashMap::new();
    for (id, object) in live.iter().flat_map(|live| live.routes()) {
        found.entry(id).or_insert(object);
    }
    let mut routes = Vec::new();
    let mut wanted: HashSet<&RouteId> = HashSet::new();
    for Declared { compiled, plan } in declared.unwrap_or_default() {
        for route in &compiled.routes {
            wanted.insert(&route.id);
            let found = match (live, found.get(&route.id)) {
                (None, _) => Found::Unknown,
                (Some(_), None) => Found::Nothing,
                (Some(_), Some(object)) => Found::Object(object),
            };
            routes.push(declared_route(route, found, plan, &healths));
        }
        routes.extend(compiled.refused.iter().map(refusal));
    }
    let rest = found.iter().filter(|(id, _)| id.fleet == **fleet && !wanted.contains(id));
    routes.extend(rest.map(|(id, object)| {
        let is_compared = declared.is_some() && !elsewhere.contains(id.stack.as_str());
        let state = if is_compared { RouteState::Undeclared } else { RouteState::Live };
        row(id, state, object, None, &healths)
    }));
    routes.sort_by(|a, b| order(a).cmp(&order(b)));
    routes
}

/// What Caddy has of a declared route.
#[derive(Clone, Copy)]
enum Found<'a> {
    /// It cannot be asked.
    Unknown,
    Nothing,
    Object(&'a Value),
}

/// How a declared route is, of which Caddy has `found`.
fn declared_route(
    route: &CompiledRoute,
    found: Found<'_>,
    plan: &[StackSection],
    healths: &HashMap<&str, Health>,
) -> RouteStatus {
    let CompiledRoute { id, service, is_raw: _, place, object } = route;
    let is_live = matches!(found, Found::Object(live) if live == object);
    let held = if is_live { None } else { held(id, plan) };
    let (state, reason) = match (found, held) {
        _ if is_live => (RouteState::Live, None),
        (_, Some(held)) => (RouteState::Held, Some(held)),
        (Found::Unknown, None) => (RouteState::Unknown, None),
        (Found::Object(live), None) => (RouteState::Drifted, otherwise(live, object)),
        (Found::Nothing, None) => (RouteState::Missing, None),
    };
    let row = row(id, state, object, service.clone(), healths);
    RouteStatus { place: Some(place.to_string()), reason, ..row }
}

/// Where Caddy sends requests of a route, if it is not where they are to go.
fn otherwise(live: &Value, declared: &Value) -> Option<String> {
    let found = target(live).unwrap_or_else(|| "nowhere".to_owned());
    (target(declared).as_ref() != Some(&found)).then(|| format!("Caddy has it to {found}"))
}

fn order(route: &RouteStatus) -> (&str, Option<(Entry, &crate::model::route::RouteKey)>, &str) {
    let key = route.key.as_ref().map(|id| (id.entry, &id.key));
    (&route.stack, key, &route.host)
}

/// A route that cannot be had, whoever is asked.
fn refusal(refused: &Refused) -> RouteStatus {
    let Refused { stack, route, reason, place } = refused;
    let (host, path) = route.split_once('/').unwrap_or((route, ""));
    RouteStatus {
        stack: stack.to_string(),
        host: host.to_owned(),
        path: format!("/{path}"),
        entry: None,
        target: None,
        service: None,
        health: None,
        state: RouteState::Held,
        reason: Some(reason.to_string()),
        place: Some(place.to_string()),
        certificate: None,
        key: None,
    }
}

/// What is in the way of a route, in the words of the plan.
fn held(id: &RouteId, plan: &[StackSection]) -> Option<String> {
    let section = plan.iter().find(|section| section.name == id.stack.as_str())?;
    let object = ObjectKey::new(Kind::Route, id.key.to_string());
    let change = section.changes.iter().find(|change| change.object == object);
    let own = change.and_then(|change| change.holds.first());
    own.or_else(|| section.holds.first()).map(|hold| hold.reason.clone())
}

fn row(
    id: &RouteId,
    state: RouteState,
    object: &Value,
    service: Option<String>,
    healths: &HashMap<&str, Health>,
) -> RouteStatus {
    // Of a route that nobody declares, its object alone tells who answers.
    let dialled = dialled(object);
    let mut names = dialled.iter().filter_map(|address| Some(address.rsplit_once(':')?.0));
    let service =
        service.or_else(|| names.find(|name| healths.contains_key(name)).map(str::to_owned));
    let health = |name: &str| healths.get(name).copied().unwrap_or(Health::Missing);
    RouteStatus {
        stack: id.stack.to_string(),
        host: id.key.host.to_string(),
        path: id.key.path.to_string(),
        entry: Some(match id.entry {
            Entry::Https => EntryPoint::Https,
            Entry::Http => EntryPoint::Http,
        }),
        target: target(object),
        health: service.as_deref().map(health),
        service,
        state,
        reason: None,
        place: None,
        certificate: None,
        key: Some(id.clone()),
    }
}

impl RouteStatus {
    /// The name to ask for in a handshake: the host, or one that its wildcard covers.
    pub fn name_to_ask(&self) -> Option<String> {
        let id = self.key.as_ref().filter(|id| id.entry == Entry::Https)?;
        let is_in_caddy = match self.state {
            RouteState::Live | RouteState::Drifted | RouteState::Undeclared => true,
            RouteState::Unknown | RouteState::Missing | RouteState::Held => false,
        };
        match &id.key.host {
            HostPattern::Exact(name) if is_in_caddy => Some(name.clone()),
            HostPattern::Wildcard(domain) if is_in_caddy => Some(format!("any.{domain}")),
            HostPattern::Exact(_) | HostPattern::Wildcard(_) | HostPattern::Any => None,
        }
    }

    /// Whether something about it is not as it should be, but for whether it is as declared.
    pub fn is_unwell(&self) -> bool {
        let has_problem = self.certificate.as_ref().is_some_and(|shown| shown.problem.is_some());
        has_problem || self.health.is_some_and(|health| health != Health::Healthy)
    }
}

impl Routes {
    /// The same without stacks other than `names`; all of them if there are no names.
    #[must_use]
    pub fn only(mut self, names: &BTreeSet<StackName>) -> Self {
        let is_named = |route: &RouteStatus| names.iter().any(|name| name.as_str() == route.stack);
        self.routes.retain(|route| names.is_empty() || is_named(route));
        self
    }
}

impl CertificateStatus {
    /// What came of a handshake at `now`.
    pub fn of(seen: &Result<ShownCertificate, HandshakeError>, now: Timestamp) -> Self {
        let ShownCertificate { issuer, expires, fits } = match seen {
            Ok(shown) => shown,
            Err(error) => {
                return Self { issuer: None, expires: None, problem: Some(chain(error)) };
            }
        };
        let problem = match (*expires <= now, *fits) {
            (true, _) => Some("has expired".to_owned()),
            (false, false) => Some("is for other names".to_owned()),
            (false, true) => None,
        };
        Self { issuer: Some(issuer.clone()), expires: Some(*expires), problem }
    }

    /// Whether it expires so soon that somebody should look.
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| hours(now, expires) < SOON)
    }
}

/// `Let's Encrypt, R11, 61 days left`
pub fn certificate_words(certificate: &CertificateStatus, now: Timestamp) -> String {
    let CertificateStatus { issuer, expires, problem } = certificate;
    let left = match (problem, expires.map(|expires| hours(now, expires))) {
        (Some(problem), _) => Some(problem.clone()),
        (None, Some(hours @ ..48)) => Some(format!("{hours} h left")),
        (None, Some(hours)) => Some(format!("{} days left", hours / 24)),
        (None, None) => None,
    };
    issuer.iter().cloned().chain(left).collect::<Vec<_>>().join(", ")
}

/// Whole hours from one moment to another.
fn hours(from: Timestamp, to: Timestamp) -> i64 {
    from.until((Unit::Hour, to)).map_or(0, |span| i64::from(span.get_hours()))
}

/// The JSON Schema of the document.
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Routes>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::proxy::Features;
    use crate::reconciler::controller::example;

    #[test]
    fn what_another_source_has_put_there_is_not_called_undeclared() {
        let fleet: FleetName = "default".parse().unwrap();
        let names = ["left", "pathed", "unknown"];
        let routes = names
            .map(|stack| json!({ "@id": format!("skep:default:{stack}:https:{stack}.org~*") }));
        let servers = json!({ "srv0": { "routes": routes } });
        let config = json!({ "apps": { "http": { "servers": servers } } });
        let live = Live { config, etag: None, features: Features::MODERN };
        let of = |stack: &str, source: &str| {
            let (source, beside) = (source.to_owned(), String::new());
            (stack.to_owned(), Routed { source, beside, is_protected: false })
        };
        let remembered = BTreeMap::from([of("left", "main"), of("pathed", "cli")]);
        let main: SourceName = "main".parse().unwrap();
        let elsewhere = elsewhere(&remembered, &BTreeSet::from([&main]));
        let status = example::report().status.unwrap();
        let (live, elsewhere) = (Some(&live), &elsewhere);
        let known = Known { fleet: &fleet, live, declared: Some(&[]), elsewhere, status: &status };
        let found: Vec<RouteState> = fold(&known).iter().map(|route| route.state).collect();
        // What nobody remembers is not removed by itself either, so somebody has to look at it.
        let expected = [RouteState::Undeclared, RouteState::Live, RouteState::Undeclared];
        assert_eq!(found, expected);
    }
}
