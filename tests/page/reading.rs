//! What every page and document is like, whatever it shows.

use serde_json::Value;
use skep::http::{Access, HOOK, Hooks, ROUTES};
use skep::model::secret::Redacted;
use skep::reconciler::controller::report::{Report, Trouble};

use crate::published::assert_published;
use crate::server::Server;
use crate::world;

/// Every page and document of the example.
pub(crate) const PAGES: [&str; 9] = [
    "/",
    "/?q=shop&show=Progressing",
    "/stacks/shop",
    "/stacks/mail",
    "/services/shop_web",
    "/services/mail_relay",
    "/cluster",
    "/routes",
    "/events?severity=warning",
];
pub(crate) const DOCUMENTS: [&str; 7] = [
    "/api/v1/status",
    "/api/v1/overview",
    "/api/v1/stacks/shop",
    "/api/v1/services/mail_relay",
    "/api/v1/cluster",
    "/api/v1/routes",
    "/api/v1/history?stack=mail",
];

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_run_nothing_that_is_not_theirs() {
    let server = Server::of(world::report()).await;
    for path in PAGES {
        let page = server.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"),
            "{policy}"
        );
        for never in [" style=", "<style", " onclick", "javascript:", "//cdn", "<iframe"] {
            assert!(!page.body.contains(never), "{path} has {never}");
        }
        for (before, _) in page.body.match_indices("<script") {
            assert!(page.body[before..].starts_with("<script src=\"/assets/"), "{path}");
        }
        assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
        assert!(page.body.contains("<html lang=\"en\">"), "{path}");
    }
    let first: usize = {
        let page = server.get("/").await;
        let mut links =
            page.body.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
        let mut bytes = page.body.len();
        for link in links.by_ref() {
            let asset = server.get(&format!("/assets/{link}")).await;
            assert_eq!(asset.status, 200, "{link}");
            assert!(asset.header("cache-control").unwrap().contains("immutable"), "{link}");
            bytes += asset.body.len();
        }
        bytes
    };
    assert!(first < 100_000, "the first load takes {first} bytes");
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let server = Server::of(world::report()).await;
    for path in PAGES.into_iter().chain(DOCUMENTS).chain(["/assets/page.css"]) {
        let answer = server.get(path).await;
        let tag = answer.header("etag").unwrap_or_else(|| panic!("{path}: {}", answer.head));
        let again = server.ask("GET", path, &format!("if-none-match: {tag}\r\n"), b"").await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
    // Another choice is another page, although nothing is new; and what browsers keep, they would show with old ages.
    for (path, other) in
        [("/", "/?q=blog"), ("/routes", "/routes?q=blog"), ("/events", "/events?stack=blog")]
    {
        let [one, two] = [server.get(path).await, server.get(other).await];
        assert_ne!(one.header("etag"), two.header("etag"), "{path}");
        assert_eq!(one.header("cache-control"), Some("no-store"), "{path}");
    }
    let tag = server.get("/").await.header("etag").unwrap().to_owned();
    server.reports.send_modify(|report| {
        let mut other = Report::clone(report);
        other.stacks.remove("blog");
        *report = other.into();
    });
    let other = server.ask("GET", "/", &format!("if-none-match: {tag}\r\n"), b"").await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn documents_say_what_pages_show() {
    let server = Server::of(world::report()).await;
    let overview = server.get("/api/v1/overview").await.json();
    assert_eq!(overview["attention"][0]["subject"], "stack mail");
    assert_eq!(overview["attention"][1]["subject"], "stack billing");
    assert_eq!(overview["moving"][0]["service"], "shop_web");
    assert_eq!(overview["conditions"]["Ready"], 4);
    assert_eq!(overview["sources"][0]["commit"]["author"], "Ada Lovelace");
    let shop = server.get("/api/v1/stacks/shop").await.json();
    assert_eq!(shop["condition"], "Progressing");
    assert_eq!(shop["services"][2]["tasks"].as_array().unwrap().len(), 6);
    let plan = shop["plan"]["text"].as_str().unwrap();
    assert!(
        plan.contains("shop_web") && !plan.contains('\u{1b}') && !plan.contains("docs_site"),
        "{plan}"
    );
    let relay = server.get("/api/v1/services/mail_relay").await.json();
    assert_eq!(relay["failure"]["log"]["lines"].as_array().unwrap().len(), 3);
    assert_eq!(relay["failure"]["exit_code"], 1);
    let web = server.get("/api/v1/services/shop_web").await.json();
    assert_eq!(web["fields"][0]["place"]["line"], 9);
    assert_eq!(web["fields"][2]["value"], "(sensitive #1)");
    let status = server.get("/api/v1/status").await.json();
    assert_eq!(status["controller"]["stacks"]["mail"]["condition"], "Degraded");
    assert_eq!(shop["history"][1]["outcome"], "rolled-back");
    let history = server.get("/api/v1/history?severity=error").await.json();
    assert_eq!(history["events"].as_array().unwrap().len(), 1);
    assert_eq!(history["events"][0]["service"], "mail_relay");
    let missing = server.get("/api/v1/stacks/nobody").await;
    assert_eq!((missing.status, missing.json()["error"].is_string()), (404, true));
    let missing = server.get("/stacks/nobody").await;
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("No stack has this name."));
}

#[tokio::test]
async fn documents_have_the_published_layout() {
    let server = Server::of(world::report()).await;
    let text = include_str!("../../schema/api.schema.json");
    let published: Value = serde_json::from_str(text).unwrap();
    for (key, path) in [
        ("overview", "/api/v1/overview"),
        ("stack", "/api/v1/stacks/shop"),
        ("stack", "/api/v1/stacks/billing"),
        ("service", "/api/v1/services/mail_relay"),
        ("service", "/api/v1/services/shop_web"),
        ("cluster", "/api/v1/cluster"),
        ("routes", "/api/v1/routes"),
        ("history", "/api/v1/history"),
    ] {
        let mut schema = published["properties"][key].clone();
        schema["$defs"] = published["$defs"].clone();
        let document = server.get(path).await.json();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new(), "{path}: {document:#}");
    }
    assert_published("status", &server.get("/api/v1/status").await.json());
}

#[tokio::test]
async fn a_controller_that_sees_nothing_says_since_when_and_shows_what_it_saw() {
    let server =
        Server::of(Report { status: None, last_pass: None, sight: None, ..world::report() }).await;
    let starting = server.get("/").await;
    assert!(starting.body.contains("Nothing was compared yet."), "{}", starting.body);
    assert_eq!(server.get("/api/v1/status").await.status, 503);
    let trouble = Trouble {
        reason: "cannot list services: no answer".to_owned(),
        since: world::ago(600),
        failures: 9,
    };
    server.reports.send_replace(Report { trouble: Some(trouble), ..world::report() }.into());
    for path in PAGES {
        let page = server.get(path).await.body;
        assert!(
            page.contains("The Swarm cannot be observed since") && page.contains("10 min ago"),
            "{path}"
        );
        assert!(page.contains("What is shown is how it was"), "{path}");
    }
}

#[tokio::test]
async fn who_does_not_know_the_token_sees_nothing_but_health() {
    let token = Some(Redacted::new("open sesame".to_owned()));
    let access =
        Access { token, trusted_header: Some("x-forwarded-user".to_owned()), ..Access::default() };
    let server = Server::start(world::report(), access, Hooks::default()).await;
    let open = ["/healthz", "/readyz", "/assets/{file}", "/badges/{file}"];
    for path in ROUTES {
        let answer = server.get(&path.replace("{stack}", "shop").replace("{file}", "x")).await;
        assert_eq!(answer.status == 401, !open.contains(&path), "{path}: {}", answer.head);
        assert!(!answer.body.contains("Progressing"), "{path}");
    }
    for header in ["authorization: Bearer open sesame\r\n", "x-forwarded-user: ada\r\n"] {
        assert_eq!(server.ask("GET", "/", header, b"").await.status, 200, "{header}");
    }
    let wrong = server.ask("GET", "/", "authorization: Bearer open\r\n", b"").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.header("www-authenticate").is_some());
}

#[tokio::test]
async fn who_may_not_read_learns_what_is_missing_and_nothing_of_it() {
    let trouble = Trouble {
        reason: "cannot list services: no answer of 10.0.0.1".to_owned(),
        since: world::ago(600),
        failures: 9,
    };
    let mut report = Report { trouble: Some(trouble), ..world::report() };
    for source in &mut report.sources {
        source.revision = None;
    }
    let token = Some(Redacted::new("open sesame".to_owned()));
    let access = Access { token, ..Access::default() };
    let server = Server::start(report, access, Hooks::default()).await;
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "the Swarm cannot be observed\na source was not read yet\n");
    let known = server.ask("GET", "/readyz", "authorization: Bearer open sesame\r\n", b"").await;
    assert!(known.body.contains("no answer of 10.0.0.1"), "{}", known.body);
    assert!(known.body.contains("source infra was not read yet"), "{}", known.body);
}

#[tokio::test]
async fn a_web_page_cannot_pass_itself_off_as_this_machine() {
    let trouble = Trouble { reason: "10.0.0.1".to_owned(), since: world::ago(600), failures: 9 };
    let report = Report { trouble: Some(trouble), ..world::report() };
    let server = Server::of(report.clone()).await;
    let rebound = async |server: &Server, path: &str| {
        let path = path.replace("{stack}", "shop").replace("{service}", "shop_web");
        server.under("evil.example", &path.replace("{file}", "x")).await
    };
    let open = ["/healthz", "/readyz", "/metrics", "/assets/{file}", "/badges/{file}"];
    for path in ROUTES {
        let answer = rebound(&server, path).await;
        assert_eq!(answer.status == 421, !open.contains(&path), "{path}: {}", answer.head);
        assert!(path == "/metrics" || !answer.body.contains("10.0.0.1"), "{path}");
    }
    assert_eq!(server.under("[::1]:9323", "/").await.status, 200);
    // A socket of the file system has no name that a browser could be led to, and a token no page knows.
    let unix = Access { any_host: true, ..Access::default() };
    let server = Server::start(report.clone(), unix, Hooks::default()).await;
    assert_eq!(rebound(&server, "/").await.status, 200);
    let token = Some(Redacted::new("open sesame".to_owned()));
    let limited = Access { token, ..Access::default() };
    let server = Server::start(report, limited, Hooks::default()).await;
    assert_eq!(rebound(&server, "/").await.status, 401);
}

#[tokio::test]
async fn a_badge_is_there_for_stacks_that_have_one() {
    let server = Server::of(world::report()).await;
    let badge = server.get("/badges/shop.svg").await;
    assert_eq!(badge.header("content-type"), Some("image/svg+xml"));
    assert!(badge.body.contains("shop: progressing"), "{}", badge.body);
    for other in ["/badges/mail.svg", "/badges/shop", "/badges/.svg"] {
        assert_eq!(server.get(other).await.status, 404, "{other}");
    }
}

#[test]
fn every_route_is_documented() {
    let text = include_str!("../../docs/api.md");
    for route in ROUTES.into_iter().chain([HOOK]) {
        assert!(text.contains(&format!("`{route}`")), "docs/api.md says nothing of {route}");
    }
}
