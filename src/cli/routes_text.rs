//! Routes as people read them: a table for each stack.

use std::fmt::Write as _;

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use crate::diff::render::{Look, Role, clean};
use crate::reconciler::route_status::{
    CertificateStatus, EntryPoint, RouteState, RouteStatus, Routes, certificate_words,
};

use super::headline::health_role;
use super::paragraph::paragraph;

/// The heads of the columns.
const HEADS: [&str; 5] = ["ROUTE", "TARGET", "HEALTH", "STATE", "CERTIFICATE"];

/// Routes as people read them.
pub(super) fn text(routes: &Routes, now: Timestamp, look: Look) -> String {
    let Routes { format_version: _, fleet, proxy, problem, entry_problem, compared, routes: rows } =
        routes;
    let paint = |role, words: &str| look.palette.paint(role, words);
    let at = proxy.as_ref().map_or_else(String::new, |proxy| format!(", Caddy at {proxy}"));
    let mut text = paint(Role::Strong, &headline(rows));
    let _ = writeln!(text, "   {}", paint(Role::Quiet, &clean(&format!("fleet {fleet}{at}"))));
    if let Some(problem) = problem {
        text.push_str(&paragraph(problem, 0, Role::Removed, look));
    }
    if let Some(problem) = entry_problem {
        let words = format!("No certificate was looked at: {problem}. {ENTRY}");
        text.push_str(&paragraph(&words, 0, Role::Removed, look));
    }
    if !compared && problem.is_none() {
        text.push_str(&paragraph(NOT_COMPARED, 0, Role::Quiet, look));
    }
    let table: Vec<[(Role, String); 5]> = rows.iter().map(|row| cells(row, now)).collect();
    let mut widths = HEADS.map(UnicodeWidthStr::width);
    for row in &table {
        for (width, (_, cell)) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut stack = None;
    for (route, cells) in rows.iter().zip(&table) {
        if stack != Some(&route.stack) {
            stack = Some(&route.stack);
            let _ = writeln!(text, "\n{}", paint(Role::Strong, &format!("stack {}", route.stack)));
            let heads = HEADS.map(|head| (Role::Quiet, head.to_owned()));
            text.push_str(&line(&heads, &widths, look));
        }
        text.push_str(&line(cells, &widths, look));
        if let Some(reason) = &route.reason {
            text.push_str(&paragraph(reason, 4, Role::Standing, look));
        }
    }
    text
}

/// Said where nobody listens at the entry point.
const ENTRY: &str = "--entry says where clients reach Caddy.";
/// Said where there is nothing to compare with.
const NOT_COMPARED: &str =
    "These are the routes that Caddy has; --path compares them with stack files.";

/// `3 routes: 2 live, 1 held`
fn headline(routes: &[RouteStatus]) -> String {
    let states = [
        RouteState::Live,
        RouteState::Drifted,
        RouteState::Missing,
        RouteState::Held,
        RouteState::Undeclared,
        RouteState::Unknown,
    ];
    let counted = states.into_iter().filter_map(|state| {
        let count = routes.iter().filter(|route| route.state == state).count();
        (count > 0).then(|| format!("{count} {state}"))
    });
    match routes.len() {
        0 => "No routes.".to_owned(),
        1 => format!("1 route: {}", counted.collect::<String>()),
        count => format!("{count} routes: {}", counted.collect::<Vec<_>>().join(", ")),
    }
}

fn line(cells: &[(Role, String); 5], widths: &[usize; 5], look: Look) -> String {
    let mut line = String::new();
    for ((role, cell), width) in cells.iter().zip(widths) {
        let blanks = width.saturating_sub(cell.width());
        let cell = if cell.is_empty() { String::new() } else { look.palette.paint(*role, cell) };
        let _ = write!(line, "  {cell}{}", " ".repeat(blanks));
    }
    line.truncate(line.trim_end().len());
    line + "\n"
}

fn cells(route: &RouteStatus, now: Timestamp) -> [(Role, String); 5] {
    let RouteStatus { host, path, entry, target, health, state, certificate, .. } = route;
    let scheme = if *entry == Some(EntryPoint::Http) { "http://" } else { "" };
    let state_role = match state {
        RouteState::Live => Role::Added,
        RouteState::Drifted | RouteState::Missing | RouteState::Undeclared => Role::Changed,
        RouteState::Held => Role::Standing,
        RouteState::Unknown => Role::Quiet,
    };
    let certificate = certificate.as_ref().map(|shown| shown_as(shown, now));
    [
        (Role::Plain, clean(&format!("{scheme}{host}{path}"))),
        (Role::Plain, target.as_deref().map(clean).unwrap_or_default()),
        (
            health.map_or(Role::Plain, health_role),
            health.map(|health| health.to_string()).unwrap_or_default(),
        ),
        (state_role, state.to_string()),
        certificate.unwrap_or((Role::Plain, String::new())),
    ]
}

/// `Let's Encrypt, R11, 61 days left`
fn shown_as(shown: &CertificateStatus, now: Timestamp) -> (Role, String) {
    let role = match shown.problem {
        Some(_) => Role::Removed,
        None if shown.ends_soon(now) => Role::Waiting,
        None => Role::Plain,
    };
    (role, clean(&certificate_words(shown, now)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::diff::document::{Action, Cause, Change, Effect, Hold, HoldCode, StackSection};
    use crate::diff::render::{Glyphs, Palette};
    use crate::model::key::{Kind, ObjectKey};
    use crate::model::name::FleetName;
    use crate::proxy::{Compiled, Features, Live, ProxyPolicy, ShownCertificate, compile};
    use crate::reconciler::controller::example;
    use crate::reconciler::route_status::{Declared, FORMAT_VERSION, Known, fold};
    use crate::reconciler::status::{Health, ServiceStatus, Sync};
    use crate::spec::desired::{Identity, world};
    use crate::spec::discover::StackFiles;
    use crate::spec::interpolate::Variables;
    use crate::spec::load::{Input, Options, load};
    use crate::spec::tree::MemoryTree;

    const LOOK: Look = Look { width: 100, palette: Palette::Plain, glyphs: Glyphs::Ascii };

    const SHOP: &str = "
services:
  web:
    image: nginx
    x-skep:
      routes:
        - {host: shop.example.com, port: 80}
        - {host: shop.example.com, path: /api, port: 81}
        - {host: new.example.com, port: 80}
        - {host: auto, port: 80}
        - {host: '*', http_only: true, exact_path: /health, port: 80}
x-skep:
  routes:
    - {host: www.example.com, redirect: 'https://shop.example.com'}
";

    fn declared(fleet: &FleetName) -> Compiled {
        let tree = MemoryTree([("shop.yaml".to_owned(), SHOP.as_bytes().to_vec())].into());
        let files = StackFiles {
            name: "shop".to_owned(),
            files: vec!["shop.yaml".to_owned()],
            directory: String::new(),
        };
        let inputs = [Input { files, variables: Variables::new() }];
        let loaded = load(&tree, &inputs, &Options::default());
        assert_eq!(loaded.findings, []);
        let source = "cli".parse().unwrap();
        let desired = world(&loaded.stacks, &Identity { fleet, source: &source, key: None });
        compile(&desired, fleet, &ProxyPolicy::default(), Features::MODERN)
    }

    /// A plan in which something is in the way of one route.
    fn plan(stack: &str, route: &str, reason: &str) -> Vec<StackSection> {
        let object = ObjectKey::new(Kind::Route, route);
        let mut change = Change::new(object, Action::Create, Effect::None, vec![Cause::Git]);
        change.holds.push(Hold::new(HoldCode::WaitsForHealth, reason));
        vec![StackSection {
            name: stack.to_owned(),
            file: None,
            services: 1,
            holds: Vec::new(),
            changes: vec![change],
            unchanged: 0,
            retained: Vec::new(),
        }]
    }

    fn live(routes: &[Value]) -> Live {
        let config = json!({ "apps": { "http": { "servers": { "a": { "routes": routes } } } } });
        Live { config, etag: None, features: Features::MODERN }
    }

    #[test]
    fn each_route_is_a_line_with_what_is_known_of_it() {
        let fleet: FleetName = "default".parse().unwrap();
        let compiled = declared(&fleet);
        let object = |host: &str, path: &str| {
            let mut all = compiled.routes.iter();
            let found = all.find(|route| route.id.key.to_string() == format!("{host}{path}"));
            found.unwrap().object.clone()
        };
        let mut edited = object("shop.example.com", "/api/*");
        edited["handle"][0]["upstreams"][0]["dial"] = "elsewhere:81".into();
        let mut gone = object("www.example.com", "/*");
        gone["@id"] = "skep:default:shop:https:old.example.com~*".into();
        let live = live(&[
            object("shop.example.com", "/*"),
            edited,
            object("www.example.com", "/*"),
            object("*", "/health"),
            gone,
        ]);
        let plan =
            plan("shop", "new.example.com/*", "waits for service shop_web: 0/2 tasks healthy");
        let mut status = Arc::unwrap_or_clone(example::report().status.unwrap());
        status.stacks[0].services.push(ServiceStatus {
            name: "shop_web".to_owned(),
            mode: None,
            image: None,
            sync: Sync::Synced,
            health: Health::Healthy,
            state: "2/2 tasks healthy".to_owned(),
            judged: None,
        });
        let compared = [Declared { compiled: &compiled, plan: &plan }];
        let elsewhere = BTreeSet::new();
        let (live, declared, elsewhere) = (Some(&live), Some(&compared[..]), &elsewhere);
        let known = Known { fleet: &fleet, live, declared, elsewhere, status: &status };
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut routes = fold(&known);
        let asked = routes.iter_mut().filter(|route| route.name_to_ask().is_some());
        for (route, (hours, fits)) in
            asked.zip([(11, true), (1500, true), (-1, true), (9000, false)])
        {
            let expires = now + jiff::SignedDuration::from_hours(hours);
            let shown = ShownCertificate { issuer: "Let's Encrypt, R11".to_owned(), expires, fits };
            route.certificate = Some(CertificateStatus::of(&Ok(shown), now));
        }
        let routes = Routes {
            format_version: FORMAT_VERSION,
            fleet: "default".to_owned(),
            proxy: Some("unix:///run/caddy/admin.sock".to_owned()),
            problem: None,
            entry_problem: None,
            compared: true,
            routes,
        };
        insta::assert_snapshot!(text(&routes, now, LOOK));

        let unread = Known { live: None, ..known };
        let routes = Routes {
            problem: Some("cannot read the configuration of Caddy: timed out".to_owned()),
            routes: fold(&unread),
            ..routes
        };
        insta::assert_snapshot!(text(&routes, now, LOOK));

        let undeclared = Known { declared: None, ..known };
        let routes = Routes {
            problem: None,
            entry_problem: Some("cannot connect to 127.0.0.1:443: connection refused".to_owned()),
            compared: false,
            routes: fold(&undeclared),
            ..routes
        };
        insta::assert_snapshot!(text(&routes, now, LOOK));
    }
}
