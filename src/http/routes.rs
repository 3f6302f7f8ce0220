//! Every path that is served, and how everything else is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tokio::sync::{Semaphore, watch};

use crate::reconciler::controller::certificates::Certificates;
use crate::reconciler::controller::metrics::Exposition;
use crate::reconciler::controller::pulse::Pulse;
use crate::reconciler::controller::report::Report;
use crate::reconciler::controller::scene::Scenes;
use crate::reconciler::journal::News;

use super::access::Access;
use super::answer::{finished, nothing, refusal, text};
use super::hook::{self, Hooks};
use super::live::Live;
use super::metrics::METRICS;
use super::overviews::Overviews;
use super::{assets, health, metrics, pages};

/// What is shown of a controller. None of it leads to anything that writes.
#[derive(Debug)]
pub struct Shown {
    /// What it tells about itself.
    pub reports: watch::Receiver<Arc<Report>>,
    /// Whether it turns.
    pub pulse: Pulse,
    /// What it counts; `None` if that is not to be shown, or by itself.
    pub metrics: Option<Exposition>,
    /// Who may see all but its health.
    pub access: Access,
    /// Who may say that there is something new.
    pub hooks: Hooks,
    /// What else is shown; `None` if there are to be no pages.
    pub page: Option<Page>,
}

/// What pages show besides reports.
#[derive(Debug, Default)]
pub struct Page {
    /// Where tasks and nodes are asked for; `None` if nobody is to ask.
    pub scenes: Option<Box<dyn Scenes>>,
    /// What happened, where somebody remembers.
    pub news: Option<watch::Receiver<Arc<News>>>,
    /// The certificates of routes, where somebody looks at them.
    pub certificates: Option<watch::Receiver<Arc<Certificates>>>,
    /// The stacks that have a badge, which anybody may see.
    pub badges: BTreeSet<String>,
}

/// What requests are answered with.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) shown: Shown,
    /// Whom watchers listen to; there are none without pages.
    pub(super) live: Option<Live>,
    /// The newest overview.
    pub(super) overviews: Overviews,
    /// For how many more hooks there is room.
    hooking: Semaphore,
}

impl Served {
    pub(super) fn page(&self) -> Option<&Page> {
        self.shown.page.as_ref()
    }
}

/// Every path there is, but for [`HOOK`]. All of them answer GET and HEAD, and nothing else.
pub const ROUTES: [&str; 19] = [
    "/",
    "/stacks/{stack}",
    "/services/{service}",
    "/cluster",
    "/routes",
    "/events",
    "/assets/{file}",
    "/badges/{file}",
    "/api/v1/status",
    "/api/v1/overview",
    "/api/v1/stacks/{stack}",
    "/api/v1/services/{service}",
    "/api/v1/cluster",
    "/api/v1/routes",
    "/api/v1/history",
    "/api/v1/events",
    "/healthz",
    "/readyz",
    METRICS,
];

/// Where git servers say that a source may have something new; it answers POST, and nothing else.
pub const HOOK: &str = "/hooks/{source}";

/// What answers at one of [`ROUTES`].
fn route(path: &str) -> Option<MethodRouter<Arc<Served>>> {
    Some(match path {
        "/" => get(pages::overview),
        "/stacks/{stack}" => get(pages::stack),
        "/services/{service}" => get(pages::service),
        "/cluster" => get(pages::cluster),
        "/routes" => get(pages::routes),
        "/events" => get(pages::events),
        "/assets/{file}" => get(pages::asset),
        "/badges/{file}" => get(pages::stack_badge),
        "/api/v1/status" => get(pages::api_status),
        "/api/v1/overview" => get(pages::api_overview),
        "/api/v1/stacks/{stack}" => get(pages::api_stack),
        "/api/v1/services/{service}" => get(pages::api_service),
        "/api/v1/cluster" => get(pages::api_cluster),
        "/api/v1/routes" => get(pages::api_routes),
        "/api/v1/history" => get(pages::api_history),
        "/api/v1/events" => get(pages::api_events),
        "/healthz" => get(healthz),
        "/readyz" => get(readyz),
        METRICS => get(collected),
        _ => return None,
    })
}

/// What somebody is told who asked for another host.
const MISDIRECTED: &str =
    "without a token this is served to this machine only; ask for localhost\n";

/// Whether a path is served to whoever gets in: how the controller is, and what tells nothing.
fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
        || [assets::BELOW, "/badges/"].iter().any(|below| path.starts_with(below))
}

/// Whether a path is served although there are no pages.
fn is_plain(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | METRICS)
}

/// The routes of a controller, and refusals for whatever else is asked. It is called where tasks can be spawned.
pub fn routes(shown: Shown) -> Router {
    let live = shown.page.as_ref();
    let live = live.map(|page| Live::start(shown.reports.clone(), page.news.clone()));
    let has_pages = shown.page.is_some();
    let (overviews, hooking) = (Overviews::default(), Semaphore::new(hook::AT_ONCE));
    let served = Arc::new(Served { shown, live, overviews, hooking });
    let wanted = ROUTES.into_iter().filter(|path| has_pages || is_plain(path));
    wanted
        .filter_map(|path| Some((path, route(path)?)))
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .route(HOOK, post(hook))
        .fallback(async || nothing())
        .with_state(Arc::clone(&served))
        .layer(from_fn_with_state(served, guard))
}

/// Lets through what reads and who may, before anything else sees it, and says of every answer what it is not for.
async fn guard(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let access = &served.shown.access;
    let is_hook = *request.method() == Method::POST
        && path.strip_prefix("/hooks/").is_some_and(|name| served.shown.hooks.contains_key(name));
    // Whoever collects metrics may know the controller by any name.
    let response = if is_hook {
        next.run(request).await
    } else if let Some(refusal) = refusal(&request) {
        refusal
    } else if !is_open(path) && path != METRICS && !access.is_meant(request.headers()) {
        text(StatusCode::MISDIRECTED_REQUEST, MISDIRECTED)
    } else if !is_open(path) && !access.allows(request.headers()) {
        unknown(access)
    } else {
        next.run(request).await
    };
    // Whatever else a hook has to say is not read.
    finished(response, is_hook)
}

/// What somebody is told who may not read; a browser asks for the token.
fn unknown(access: &Access) -> Response {
    let mut refusal = text(StatusCode::UNAUTHORIZED, "who are you?\n");
    if access.token.is_some() {
        let headers = refusal.headers_mut();
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"skep\""));
        let basic = HeaderValue::from_static("Basic realm=\"skep: any user, the token\"");
        headers.append(WWW_AUTHENTICATE, basic);
    }
    refusal
}

async fn hook(
    State(served): State<Arc<Served>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match served.shown.hooks.get(&source) {
        Some(hook) => {
            let (status, words) = hook.receive(&headers, body, &served.hooking).await;
            text(status, words)
        }
        None => nothing(),
    }
}

async fn healthz(State(served): State<Arc<Served>>) -> Response {
    match health::alive(&served.shown.pulse) {
        Ok(()) => text(StatusCode::OK, "ok\n"),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn readyz(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let report = Arc::clone(&served.shown.reports.borrow());
    let Err(missing) = health::ready(&report, &served.shown.pulse) else {
        return text(StatusCode::OK, "ok\n");
    };
    let access = &served.shown.access;
    let mut lines: Vec<String> = if access.is_meant(&headers) && access.allows(&headers) {
        missing.into_iter().map(|missing| missing.words).collect()
    } else {
        missing.into_iter().map(|missing| missing.condition.to_owned()).collect()
    };
    lines.dedup();
    text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", lines.join("\n")))
}

async fn collected(State(served): State<Arc<Served>>) -> Response {
    metrics::answer(served.shown.metrics.as_ref())
}
