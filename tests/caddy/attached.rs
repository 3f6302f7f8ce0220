//! Routes in a server that a person's Caddyfile made.

use serde_json::Value;
use skep::proxy::{ProxyPolicy, Servers};

use super::caddy::{Caddy, Setup, free_port};
use super::client::Browser;
use super::machine::adapt;
use super::stacks::{declared, pass_of, routes};

/// A Caddyfile as people have it: two sites, one with an opinion on TLS.
fn caddyfile(http: u16, https: u16) -> String {
    format!(
        "{{
	http_port {http}
	https_port {https}
	local_certs
}}
mine.example.org {{
	respond mine
}}
strict.example.org, *.strict.example.org {{
	tls {{
		protocols tls1.3
	}}
	handle /x {{
		respond strict
	}}
}}
"
    )
}

/// A Caddy with this Caddyfile, and the settings of a skep that has its routes there.
async fn theirs() -> Option<(Caddy, ProxyPolicy)> {
    let ports = (free_port(), free_port());
    let apps = adapt(&caddyfile(ports.0, ports.1))?["apps"].take();
    let caddy = Caddy::with(Setup { apps, ports: Some(ports), ..Setup::default() }).await?;
    let servers = Servers::Attached { https: "srv0".to_owned(), http: None };
    let policy = ProxyPolicy { servers, ..caddy.policy() };
    Some((caddy, policy))
}

/// A configuration without what is skep's.
fn without_skeps(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let is_skeps =
                |item: &&Value| item["@id"].as_str().is_some_and(|id| id.starts_with("skep:"));
            items.iter().filter(|item| !is_skeps(item)).map(without_skeps).collect()
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), without_skeps(value))).collect()
        }
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_added_have_certificates_and_redirects_and_the_others_stay_as_they_are() {
    let Some((caddy, policy)) = theirs().await else { return };
    let before = caddy.live().await.config;
    let browser = Browser::of(&caddy);
    let mine = browser.ask("GET mine.example.org/", &[], "").await;

    let stack = routes(
        "    - {host: a.example.com, tls: internal, respond: ours}
    - {host: b.example.com, respond: too}
    - {host: strict.example.org, path: /ours, respond: among theirs}
    - {host: '*.strict.example.org', path: /ours, respond: behind theirs}
    - {host: '*', path: /any, respond: any}",
    );
    assert!(pass_of(&caddy, &declared(&stack), &policy).await.unwrap());
    assert!(!pass_of(&caddy, &declared(&stack), &policy).await.unwrap());
    assert_eq!(without_skeps(&caddy.live().await.config), before);

    for (wanted, status, text) in [
        ("GET a.example.com/", 200, "ours"),
        ("GET b.example.com/", 200, "too"),
        ("GET strict.example.org/ours/x", 200, "among theirs"),
        ("GET strict.example.org/x", 200, "strict"),
        ("GET mine.example.org/any", 200, "mine"),
        ("GET a.example.com/any", 200, "ours"),
        ("HTTP a.example.com/x", 308, "location: https://a.example.com"),
        ("HTTP mine.example.org/", 308, "location: https://mine.example.org"),
    ] {
        let answer = browser.ask(wanted, &[], "").await;
        assert!(answer.status == status && answer.text().contains(text), "{wanted}: {answer:?}");
    }
    assert_eq!(browser.ask("GET mine.example.org/", &[], "").await, mine);

    assert!(pass_of(&caddy, &declared("services: {none: {image: none}}"), &policy).await.unwrap());
    assert_eq!(caddy.live().await.config, before);
}
