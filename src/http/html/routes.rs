//! Routes as a page, and as a part of the page of their stack.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::layout::banner;
use super::parts;
use crate::http::view::RoutesView;
use crate::http::view::words::count;
use crate::reconciler::route_status::{
    CertificateStatus, EntryPoint, RouteState, RouteStatus, certificate_words,
};
use crate::reconciler::status::Health;

/// Which routes are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::http) struct RouteFilter {
    /// What is in the host and path, the target or the stack.
    q: String,
    /// `unwell` for those that somebody should look at; all if empty.
    show: String,
}

impl RouteFilter {
    fn has(&self, route: &RouteStatus) -> bool {
        let sought = self.q.trim().to_lowercase();
        let address = format!("{}{}", route.host, route.path);
        let target = route.target.as_deref().unwrap_or_default();
        let has = |text: &str| text.to_lowercase().contains(&sought);
        (has(&address) || has(target) || has(&route.stack))
            && (self.show != "unwell" || route.state != RouteState::Live || route.is_unwell())
    }
}

/// The page.
pub(in crate::http) fn routes(view: &RoutesView, filter: &RouteFilter, now: Timestamp) -> Markup {
    let link = |show: &str| {
        let sought = utf8_percent_encode(&filter.q, NON_ALPHANUMERIC);
        format!("/routes?q={sought}&show={show}")
    };
    let shown: Vec<&RouteStatus> = view.routes.iter().filter(|route| filter.has(route)).collect();
    html! {
        (banner(&view.looked, now))
        div.lead {
            h1 { "Routes" }
            p.chips {
                @for (state, number) in counts(&view.routes) {
                    span.meta { (number) " " (state_chip(state)) }
                }
            }
            p.meta {
                @if let Some(proxy) = &view.proxy { "Caddy, asked at " code { (proxy) } }
                @else { "The settings name no proxy." }
            }
            @if let Some(reason) = &view.entry_problem {
                p.meta { "Certificates cannot be looked at: " (reason) }
            }
        }
        @if let Some(problem) = &view.problem {
            p.banner.is-bad role="alert" { strong { "Caddy cannot be asked." } " " (problem) }
        }
        section aria-labelledby="list" {
            div.bar {
                h2 id="list" { "Who answers " span.quiet { (count(shown.len(), "route")) } }
                nav.filters aria-label="Routes" {
                    @for (show, word) in [("", "All"), ("unwell", "Needs a look")] {
                        a href=(link(show)) aria-current=[(filter.show == show).then_some("true")] { (word) }
                    }
                }
                (parts::search("/routes", "routes", "Host, path, target, stack", &filter.q, &filter.show))
            }
            @if view.routes.is_empty() {
                p.empty { "No stack declares a route." }
            } @else if shown.is_empty() {
                p.empty { "No route is like that." }
            } @else {
                (table(shown.into_iter(), true, now))
            }
        }
    }
}

/// How many routes are in each state, the best state first.
fn counts(routes: &[RouteStatus]) -> BTreeMap<RouteState, usize> {
    let mut counts = BTreeMap::new();
    for route in routes {
        *counts.entry(route.state).or_default() += 1;
    }
    counts
}

/// Routes as a table; with the stack of each where they are of several.
pub(super) fn table<'a>(
    routes: impl Iterator<Item = &'a RouteStatus>,
    with_stack: bool,
    now: Timestamp,
) -> Markup {
    let heads = ["Route", "Target", "Health", "In Caddy", "Certificate", "Stack"];
    let (heads, _) = heads.split_at(if with_stack { 6 } else { 5 });
    html! {
        table.rows {
            (parts::heads(heads))
            tbody { @for route in routes { (row(route, with_stack, now)) } }
        }
    }
}

fn row(route: &RouteStatus, with_stack: bool, now: Timestamp) -> Markup {
    let is_http = route.entry == Some(EntryPoint::Http);
    let class = if route.is_unwell() && route.health != Some(Health::Progressing) {
        Some("is-bad")
    } else {
        (route.state != RouteState::Live).then_some(look(route.state).0)
    };
    html! {
        tr class=[class] {
            th scope="row" {
                code.address {
                    @if is_http { span.quiet { "http://" } }
                    (route.host) span.quiet { (route.path) }
                }
                @if let Some(place) = &route.place { span.meta { code { (place) } } }
                @if let Some(reason) = &route.reason { span.words { (reason) } }
            }
            td data-label="Target" {
                @match (&route.service, &route.target) {
                    (Some(service), Some(target)) => { a href=(parts::path("services", service)) { code { (target) } } }
                    (None, Some(target)) => { code { (target) } }
                    (_, None) => { span.quiet { "–" } }
                }
            }
            td data-label="Health" {
                @if let Some(health) = route.health { (parts::health(health)) } @else { span.quiet { "–" } }
            }
            td data-label="In Caddy" { (state_chip(route.state)) }
            td data-label="Certificate" {
                @if let Some(shown) = &route.certificate { (certificate(shown, now)) }
                @else if is_http { span.quiet { "without TLS" } }
                @else { span.quiet { "–" } }
            }
            @if with_stack { td data-label="Stack" { (parts::stack_link(&route.stack)) } }
        }
    }
}

fn look(state: RouteState) -> (&'static str, &'static str) {
    match state {
        RouteState::Live => ("is-good", "✓"),
        RouteState::Unknown => ("is-quiet", "?"),
        RouteState::Undeclared => ("is-warn", "+"),
        RouteState::Drifted => ("is-warn", "≠"),
        RouteState::Missing => ("is-move", "◌"),
        RouteState::Held => ("is-warn", "■"),
    }
}

fn state_chip(state: RouteState) -> Markup {
    let (class, sign) = look(state);
    parts::chip(class, sign, &state.to_string())
}

fn certificate(shown: &CertificateStatus, now: Timestamp) -> Markup {
    let words = certificate_words(shown, now);
    let (class, sign) = match shown.problem {
        Some(_) => ("is-bad", "✕"),
        None if shown.ends_soon(now) => ("is-warn", "!"),
        None => ("is-good", "✓"),
    };
    html! {
        span.certificate.(class) title=[shown.expires.map(|expires| format!("until {expires:.0}"))] {
            span.sign aria-hidden="true" { (sign) } (words)
        }
    }
}
