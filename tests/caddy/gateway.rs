//! Writes of whole plans to a Caddy that refuses some of what is in them, or does not take any more what it has.

use std::sync::Arc;

use serde_json::json;
use skep::diff::mask::Sensitivity;
use skep::model::key::{Kind, ObjectKey};
use skep::model::secret::Redacted;
use skep::proxy::{Compiled, CompiledRoute, ProxyPolicy, compile};
use skep::reconciler::caddy::{Gateway, NotWritten, ProxyAddress, ProxyPart, Written};
use skep::reconciler::step::{RouteWrite, Step, Write};

use super::caddy::Caddy;
use super::identity::Identity;
use super::stacks::{declared_of, fleet, routes};

/// Writes all routes of these stacks, and tells what came of each; the words of Caddy without what comes before them.
async fn write(caddy: &Caddy, stacks: &[(&str, &str)]) -> Vec<String> {
    let ProxyPolicy { servers, .. } = caddy.policy();
    let live = caddy.live().await;
    let desired = declared_of(stacks);
    let wanted = compile(&desired, &fleet("default"), &caddy.policy(), live.features);
    let steps = steps(&wanted);
    let part = ProxyPart {
        fleet: fleet("default"),
        servers,
        live: Arc::new(live),
        wanted: Arc::new(wanted),
    };
    let address =
        ProxyAddress { endpoint: caddy.endpoint(), identity: None, authority: None, entry: None };
    let mut gateway = Gateway::new(&address, Sensitivity::default()).unwrap();
    let steps: Vec<&Step> = steps.iter().collect();
    let mut outcomes: Vec<String> = gateway
        .write(&part, &steps)
        .await
        .into_iter()
        .map(|(step, outcome)| format!("{}: {}", step.object.name, told(outcome)))
        .collect();
    outcomes.sort();
    outcomes
}

fn told(outcome: Result<Written, NotWritten>) -> String {
    let last = |words: &str| words.rsplit(": ").next().unwrap().to_owned();
    match outcome {
        Ok(written) => format!("{written:?}"),
        Err(NotWritten::Refused(words)) => format!("refused: {}", last(&words)),
        Err(NotWritten::Passing(words)) => format!("passing: {}", last(&words)),
        Err(other) => format!("{other:?}"),
    }
}

fn steps(wanted: &Compiled) -> Vec<Step> {
    let step = |route: &CompiledRoute| {
        let write = RouteWrite {
            ids: vec![route.id.clone()],
            before: Redacted::new(Vec::new()),
            after: Redacted::new(vec![route.object.clone()]),
            is_raw: route.is_raw,
        };
        let object = ObjectKey::new(Kind::Route, route.id.key.to_string());
        Step { object, write: Write::Route(Box::new(write)), needs: Vec::new() }
    };
    wanted.routes.iter().map(step).collect()
}

async fn hosts(caddy: &Caddy) -> Vec<String> {
    let live = caddy.live().await;
    live.routes().map(|(id, _)| id.key.host.to_string()).collect()
}

#[tokio::test]
async fn what_caddy_refuses_in_its_own_words_stops_nobody_else_and_is_told_of_itself() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let raw = |host: &str, module: &str| {
        format!(
            "    - {{host: {host}, http_only: true, caddy: [{{handler: {module}}}], respond: a}}"
        )
    };
    let plain = "    - {host: e.example.com, http_only: true, respond: e}";
    let (a, b) = (raw("a.example.com", "none_a"), raw("b.example.com", "vars"));
    let c = format!("{}\n{}", raw("c.example.com", "vars"), raw("d.example.com", "none_d"));
    let stacks = [("a", a), ("b", b), ("c", c), ("e", plain.to_owned())];
    let stacks = stacks.map(|(name, text)| (name, routes(&text)));
    let stacks: Vec<(&str, &str)> =
        stacks.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(
        write(&caddy, &stacks).await,
        [
            "a.example.com/*: refused: http.handlers.none_a; it needs a Caddy that was built with this module",
            "b.example.com/*: Anew",
            "c.example.com/*: Anew",
            "d.example.com/*: refused: http.handlers.none_d; it needs a Caddy that was built with this module",
            "e.example.com/*: Anew",
        ]
    );
    assert_eq!(hosts(&caddy).await, ["b.example.com", "c.example.com", "e.example.com"]);
}

#[tokio::test]
async fn a_certificate_of_a_plain_route_that_is_not_there_does_not_stop_routes_in_caddys_own_words()
{
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let shop = routes(
        "    - {host: shop.example.com, tls: {certificate: /none.pem, key: /none.key}, respond: shop}",
    );
    let other = routes("    - {host: b.example.com, http_only: true, respond: b}");
    let raw = routes(
        "    - {host: raw.example.com, http_only: true, caddy: [{handler: vars}], respond: raw}",
    );
    assert_eq!(
        write(&caddy, &[("b", &other), ("raw", &raw), ("shop", &shop)]).await,
        [
            "b.example.com/*: Anew",
            "raw.example.com/*: Anew",
            "shop.example.com/*: refused: no such file or directory",
        ]
    );
}

#[tokio::test]
async fn nobody_is_to_blame_for_what_caddy_has_and_does_not_take_any_more() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let identity = Identity::of("shop.example.com");
    caddy.file("shop.pem", &identity.certificate);
    caddy.file("shop.key", &identity.key);
    let file = |name: &str| caddy.folder().join(name).display().to_string();
    let shop = routes(&format!(
        "    - {{host: shop.example.com, tls: {{certificate: {}, key: {}}}, respond: shop}}",
        file("shop.pem"),
        file("shop.key"),
    ));
    assert_eq!(write(&caddy, &[("shop", &shop)]).await, ["shop.example.com/*: Anew"]);
    std::fs::remove_file(caddy.folder().join("shop.pem")).unwrap();
    let before = caddy.live().await.config;
    let other =
        |host: &str| routes(&format!("    - {{host: {host}, http_only: true, respond: other}}"));
    let (b, c) = (other("b.example.com"), other("c.example.com"));
    let words = format!(
        "passing: no such file or directory; it does not take what it has any more, because of {}, which stack shop has for shop.example.com",
        file("shop.pem")
    );
    for stacks in [&[("b", b.as_str())][..], &[("b", &b), ("c", &c)]] {
        let outcomes = write(&caddy, stacks).await;
        assert_eq!(outcomes.len(), stacks.len());
        assert!(outcomes.iter().all(|outcome| outcome.ends_with(&words)), "{outcomes:#?}");
    }
    assert_eq!(caddy.live().await.config, before);
    // Two stacks that make the same mistake are to blame for it.
    caddy.file("shop.pem", &identity.certificate);
    let bad = |host: &str| {
        let tls = "{certificate: /none.pem, key: /none.key}";
        routes(&format!("    - {{host: {host}, tls: {tls}, respond: other}}"))
    };
    let (b, c) = (bad("b.example.com"), bad("c.example.com"));
    assert_eq!(
        write(&caddy, &[("b", &b), ("c", &c)]).await,
        ["b", "c"].map(|name| format!("{name}.example.com/*: refused: no such file or directory"))
    );
}
