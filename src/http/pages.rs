//! Answers with pages and with JSON, made from the same views.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use maud::Markup;
use serde::{Deserialize, Serialize};

use super::html::{self, Filter, Place, RouteFilter};
use super::routes::Served;
use super::view::{ClusterView, EventsView, RoutesView, Scope, ServiceView, StackView, Wanted};
use super::{assets, badge, etag};
use crate::reconciler::controller::certificates::Certificates;
use crate::reconciler::controller::report::Report;
use crate::reconciler::controller::scene::Scene;
use crate::reconciler::journal::News;

/// What a page may load: styles, scripts, the icon and news, all of it from here.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What is known at the time of a request.
struct Known {
    report: Arc<Report>,
    scene: Option<Result<Arc<Scene>, String>>,
    news: Option<Arc<News>>,
    certificates: Option<Arc<Certificates>>,
    is_alive: bool,
    now: Timestamp,
}

impl Known {
    fn of(served: &Served) -> Self {
        let report = Arc::clone(&served.shown.reports.borrow());
        let is_alive = served.shown.pulse.is_felt();
        let news = served.page().and_then(|page| page.news.as_ref());
        let news = news.map(|news| Arc::clone(&news.borrow()));
        let certificates = served.page().and_then(|page| page.certificates.as_ref());
        let certificates = certificates.map(|known| Arc::clone(&known.borrow()));
        Self { report, scene: None, news, certificates, is_alive, now: Timestamp::now() }
    }

    /// With tasks and nodes, which the engine is asked for.
    async fn with_tasks(served: &Served) -> Self {
        // Tasks older than what is said of their services would contradict it, and nobody would come again for newer ones.
        let passed = served.shown.reports.borrow().last_pass.as_ref().map(|pass| pass.at);
        let scene = match served.page().and_then(|page| page.scenes.as_ref()) {
            Some(scenes) => Some(scenes.look(passed).await),
            None => None,
        };
        Self { scene, ..Self::of(served) }
    }

    fn scope(&self) -> Scope<'_> {
        let scene = self.scene.as_ref().map(|scene| match scene {
            Ok(scene) => Ok(&**scene),
            Err(reason) => Err(reason.as_str()),
        });
        let Self { report, scene: _, news, certificates, is_alive, now } = self;
        let (news, certificates) = (news.as_deref(), certificates.as_deref());
        Scope { report, scene, news, certificates, is_alive: *is_alive, now: *now }
    }

    fn page(
        &self,
        headers: &HeaderMap,
        title: &str,
        place: Place,
        view: &impl Serialize,
        content: impl FnOnce(Timestamp) -> Markup,
    ) -> Response {
        // Ages change all the time, and the page with them; whether there is news, the view tells.
        let Ok(known) = serde_json::to_vec(view) else { return failed() };
        let tag = etag::of(&known);
        // Only scripts, which keep ages up to date, ask whether it has changed. A browser keeps none: it would show ages
        // of the past, and what an older skep has written.
        let response = if etag::is_known(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let page = html::page(title, &self.report.fleet, place, &content(self.now));
            html_page(StatusCode::OK, page)
        };
        with_tag(response, &tag)
    }

    fn missing(&self, what: &str) -> Response {
        let content = html::missing(what);
        let page = html::page("Not here", &self.report.fleet, Place::Nowhere, &content);
        html_page(StatusCode::NOT_FOUND, page)
    }
}

fn html_page(status: StatusCode, page: Markup) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (status, headers, page.into_string()).into_response()
}

fn with_tag(mut response: Response, tag: &str) -> Response {
    response.headers_mut().extend(etag::header(tag).map(|tag| (ETAG, tag)));
    response
}

fn failed() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// A document as JSON.
fn json(headers: &HeaderMap, document: &impl Serialize) -> Response {
    let Ok(text) = serde_json::to_vec(document) else { return failed() };
    tagged(headers, &etag::of(&text), text)
}

fn tagged(headers: &HeaderMap, tag: &str, text: impl Into<Body>) -> Response {
    let mut response = if etag::is_known(headers, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        as_json(StatusCode::OK, text)
    };
    let kept = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(CACHE_CONTROL, kept);
    with_tag(response, tag)
}

fn as_json(status: StatusCode, text: impl Into<Body>) -> Response {
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, headers, text.into()).into_response()
}

/// Why there is no document.
fn problem(status: StatusCode, reason: &str) -> Response {
    as_json(status, serde_json::json!({ "error": reason }).to_string().into_bytes())
}

pub(super) async fn overview(
    State(served): State<Arc<Served>>,
    filter: Query<Filter>,
    headers: HeaderMap,
) -> Response {
    let known = Known::of(&served);
    let Ok(made) = served.overviews.of(&known.report, &known.scope()) else { return failed() };
    let Query(filter) = filter;
    known.page(&headers, "Overview", Place::Overview, &(&made.tag, &filter), |now| {
        html::overview(&made.view, &filter, now)
    })
}

pub(super) async fn stack(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let known = Known::with_tasks(&served).await;
    let Some(view) = StackView::of(&known.scope(), &name) else {
        return known.missing("No stack has this name.");
    };
    known.page(&headers, &name, Place::Overview, &view, |now| html::stack(&view, now))
}

pub(super) async fn service(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let known = Known::with_tasks(&served).await;
    let Some(view) = ServiceView::of(&known.scope(), &name) else {
        return known.missing("No service has this name.");
    };
    known.page(&headers, &name, Place::Overview, &view, |now| html::service(&view, now))
}

pub(super) async fn cluster(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let known = Known::with_tasks(&served).await;
    let view = ClusterView::of(&known.scope());
    known.page(&headers, "Cluster", Place::Cluster, &view, |now| html::cluster(&view, now))
}

pub(super) async fn routes(
    State(served): State<Arc<Served>>,
    Query(filter): Query<RouteFilter>,
    headers: HeaderMap,
) -> Response {
    let known = Known::of(&served);
    let view = RoutesView::of(&known.scope());
    known.page(&headers, "Routes", Place::Routes, &(&view, &filter), |now| {
        html::routes(&view, &filter, now)
    })
}

pub(super) async fn events(
    State(served): State<Arc<Served>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let known = Known::of(&served);
    let view = EventsView::of(&known.scope(), wanted);
    known.page(&headers, "Events", Place::Events, &view, |now| html::events(&view, now))
}

pub(super) async fn api_history(
    State(served): State<Arc<Served>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    json(&headers, &EventsView::of(&Known::of(&served).scope(), wanted))
}

pub(super) async fn api_status(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let known = Known::of(&served);
    match known.report.document() {
        Ok(Some(document)) => json(&headers, &document),
        Ok(None) => problem(StatusCode::SERVICE_UNAVAILABLE, "nothing was compared yet"),
        Err(_) => failed(),
    }
}

pub(super) async fn api_overview(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
) -> Response {
    let known = Known::of(&served);
    let Ok(made) = served.overviews.of(&known.report, &known.scope()) else { return failed() };
    tagged(&headers, &made.tag, made.json.clone())
}

pub(super) async fn api_stack(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match StackView::of(&Known::with_tasks(&served).await.scope(), &name) {
        Some(view) => json(&headers, &view),
        None => problem(StatusCode::NOT_FOUND, "there is no stack of this name"),
    }
}

pub(super) async fn api_service(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match ServiceView::of(&Known::with_tasks(&served).await.scope(), &name) {
        Some(view) => json(&headers, &view),
        None => problem(StatusCode::NOT_FOUND, "there is no service of this name"),
    }
}

pub(super) async fn api_cluster(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    json(&headers, &ClusterView::of(&Known::with_tasks(&served).await.scope()))
}

pub(super) async fn api_routes(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    json(&headers, &RoutesView::of(&Known::of(&served).scope()))
}

pub(super) async fn api_events(State(served): State<Arc<Served>>) -> Response {
    let watching = served.live.as_ref().and_then(super::live::Live::watch);
    watching.unwrap_or_else(|| {
        problem(StatusCode::SERVICE_UNAVAILABLE, "too many watch already; try again later")
    })
}

/// Which version of an asset is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    v: Option<String>,
}

pub(super) async fn asset(
    Path(name): Path<String>,
    Query(Version { v }): Query<Version>,
    headers: HeaderMap,
) -> Response {
    assets::answer(&name, v.as_deref(), &headers)
        .unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

pub(super) async fn stack_badge(
    State(served): State<Arc<Served>>,
    Path(file): Path<String>,
) -> Response {
    let badges = served.page().map(|page| &page.badges);
    let Some(stack) = file
        .strip_suffix(".svg")
        .filter(|stack| badges.is_some_and(|badges| badges.contains(*stack)))
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let report = Arc::clone(&served.shown.reports.borrow());
    let condition = report.stacks.get(stack).map(|stack| stack.condition);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, badge::badge(stack, condition).into_string()).into_response()
}
