//! What every page has: head, navigation, how far what is shown can be relied on.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::parts::ago;
use crate::http::assets;
use crate::http::view::{Looked, Looking};

/// Where in the navigation a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Place {
    /// The overview, and what is below it.
    Overview,
    /// The nodes.
    Cluster,
    /// The routes.
    Routes,
    /// What happened.
    Events,
    /// Nowhere.
    Nowhere,
}

const NAVIGATION: [(Place, &str, &str); 4] = [
    (Place::Overview, "/", "Overview"),
    (Place::Cluster, "/cluster", "Cluster"),
    (Place::Routes, "/routes", "Routes"),
    (Place::Events, "/events", "Events"),
];

/// A whole page around `content`.
pub(in crate::http) fn page(title: &str, fleet: &str, place: Place, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " · skep" }
                link rel="icon" href=(assets::link("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::link("page.css"));
                script src=(assets::link("theme.js")) {}
                script src=(assets::link("page.js")) defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { span.hive aria-hidden="true" {} "skep" }
                    span.fleet title="fleet" { (fleet) }
                    nav aria-label="Pages" {
                        @for (of, path, name) in NAVIGATION {
                            a href=(path) aria-current=[(of == place).then_some("page")] { (name) }
                        }
                    }
                    span.live id="live" role="status" hidden {}
                    button.theme id="theme" type="button" hidden { "Theme" }
                }
                main id="main" tabindex="-1" { (content) }
                footer.bottom {
                    p {
                        "Read-only. The same as JSON: "
                        a href="/api/v1/status" { "/api/v1/status" }
                    }
                }
            }
        }
    }
}

/// A page that is not there.
pub(in crate::http) fn missing(what: &str) -> Markup {
    html! {
        section.empty {
            h1 { "There is nothing here" }
            p { (what) }
            p { a href="/" { "To the overview" } }
        }
    }
}

/// How far what is shown can be relied on, where it cannot fully.
pub(super) fn banner(looked: &Looked, now: Timestamp) -> Markup {
    let Looked { state, at, reasons: _, milliseconds: _, trouble, since } = looked;
    let before = html! {
        @if let Some(at) = at {
            " What is shown is how it was " (ago(*at, now)) "."
        } @else {
            " Nothing was seen before."
        }
    };
    match state {
        Looking::Fresh => html! {},
        Looking::Starting => html! {
            p.banner.is-note role="status" {
                strong { "Nothing was compared yet." }
                " The controller reads its sources and looks at the Swarm for the first time."
            }
        },
        Looking::Blind => html! {
            div.banner.is-bad role="alert" {
                p {
                    strong {
                        "The Swarm cannot be observed"
                        @if let Some(since) = since { " since " (ago(*since, now)) }
                        "."
                    }
                    (before)
                }
                @if let Some(trouble) = trouble { p.words { (trouble) } }
            }
        },
        Looking::Stuck => html! {
            div.banner.is-bad role="alert" {
                p { strong { "The controller's loop does not turn; restart it." } (before) }
            }
        },
    }
}

/// `3 s ago (event), 120 ms`
pub(super) fn looked(looked: &Looked, now: Timestamp) -> Markup {
    html! {
        @if let Some(at) = looked.at {
            (ago(at, now))
            @if let Some(reasons) = &looked.reasons { " (" (reasons) ")" }
            @if let Some(milliseconds) = looked.milliseconds { ", " (milliseconds) " ms" }
        } @else {
            "not yet"
        }
    }
}
