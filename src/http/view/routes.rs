//! The routes: who answers for which host and path, whether Caddy has it so, and with which certificate.

use schemars::JsonSchema;
use serde::Serialize;

use super::Scope;
use super::overview::Looked;
use super::words::{SENTENCE, tidy};
use crate::reconciler::controller::routes::RoutesSight;
use crate::reconciler::route_status::{CertificateStatus, RouteState, RouteStatus};

/// The routes of the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RoutesView {
    /// When the controller looked last.
    pub looked: Looked,
    /// Where Caddy's admin API is; absent where the settings name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Why Caddy could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why Caddy's entry point with TLS cannot be reached; then no certificates are looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_problem: Option<String>,
    /// The routes by host, each host's in the order in which Caddy asks.
    pub routes: Vec<RouteStatus>,
}

impl RoutesView {
    /// What `scope` shows of routes.
    pub fn of(scope: &Scope<'_>) -> Self {
        let seen = scope.sight().map(|sight| &sight.routes);
        let problem = seen.and_then(|seen| seen.problem.as_ref());
        let without = scope.certificates.and_then(|known| known.problem.as_ref());
        let mut routes = routes(scope, |_| true);
        routes.sort_by(|a, b| a.host.cmp(&b.host));
        Self {
            looked: Looked::of(scope),
            proxy: seen.and_then(|seen| seen.proxy.clone()),
            problem: problem.map(|problem| tidy(problem, SENTENCE)),
            entry_problem: without.map(|problem| tidy(problem, SENTENCE)),
            routes,
        }
    }
}

/// The routes that are meant, with their certificates, in words that can be shown.
pub(super) fn routes(
    scope: &Scope<'_>,
    is_meant: impl Fn(&RouteStatus) -> bool,
) -> Vec<RouteStatus> {
    let seen = scope.sight().map(|sight| &sight.routes);
    let known = seen.into_iter().flat_map(|RoutesSight { routes, .. }| routes);
    // What a source declares that was not read yet, nobody knows.
    let is_whole = scope.report.sources.iter().all(|source| source.revision.is_some());
    let shown = known.filter(|route| is_meant(route)).map(|route| {
        let mut shown = in_short(route);
        if shown.state == RouteState::Undeclared && !is_whole {
            shown.state = RouteState::Unknown;
        }
        shown.certificate = scope.certificates.and_then(|known| known.of(route)).map(tidied);
        shown
    });
    shown.collect()
}

fn in_short(route: &RouteStatus) -> RouteStatus {
    let tidy = |text: &String| tidy(text, SENTENCE);
    let mut shown = route.clone();
    shown.host = tidy(&route.host);
    shown.path = tidy(&route.path);
    shown.target = route.target.as_ref().map(tidy);
    shown.reason = route.reason.as_ref().map(tidy);
    shown
}

/// A certificate says of itself whatever it wants.
fn tidied(certificate: &CertificateStatus) -> CertificateStatus {
    let CertificateStatus { issuer, expires, problem } = certificate;
    CertificateStatus {
        issuer: issuer.as_ref().map(|issuer| tidy(issuer, SENTENCE)),
        expires: *expires,
        problem: problem.as_ref().map(|problem| tidy(problem, SENTENCE)),
    }
}
