//! Issuers of certificates in Caddy's own words: handed on as they are written, used, and named where Caddy lacks a module.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use skep::proxy::{Acme, AdminError, ProxyPolicy, shown_certificate};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use super::caddy::Caddy;
use super::stacks::{declared, pass, pass_of, routes};

/// What would issue certificates (RFC 8555), if it ever answered.
struct Authority {
    directory: String,
    listener: TcpListener,
}

impl Authority {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { directory: format!("http://localhost:{port}/directory"), listener }
    }

    /// Waits until somebody asks what it can do.
    async fn is_asked(&self) {
        let asking = timeout(Duration::from_secs(20), self.listener.accept()).await;
        let mut begin = [0; 14];
        asking.unwrap().unwrap().0.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"GET /directory");
    }
}

/// The issuers that Caddy has for a host.
fn issuers<'c>(config: &'c Value, host: &str) -> &'c Value {
    let policies = config["apps"]["tls"]["automation"]["policies"].as_array().unwrap();
    let of_host = |policy: &&Value| policy["subjects"] == json!([host]);
    &policies.iter().find(of_host).unwrap_or_else(|| panic!("{host} in {policies:#?}"))["issuers"]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_reaches_caddy_as_it_is_written_and_is_asked_for_the_certificate() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let authority = Authority::start().await;
    let own = json!([{ "module": "internal", "lifetime": "2h", "sign_with_root": true }]);
    let theirs = json!([
        { "module": "acme", "ca": authority.directory, "email": "ops@example.com",
          "challenges": { "http": { "disabled": true }, "tls-alpn": { "alternate_port": 8443 } } },
        { "module": "internal" },
    ]);
    // A number is the same however it is written.
    let written = theirs.to_string().replace("8443", "8443.0");
    let stack = routes(&format!(
        "    - {{host: own.example.com, tls: {{issuers: {own}}}, respond: own}}
    - {{host: theirs.example.com, tls: {{issuers: {written}}}, respond: theirs}}"
    ));
    assert!(pass(&caddy, &stack).await.unwrap());
    assert!(!pass(&caddy, &stack).await.unwrap());
    let config = caddy.live().await.config;
    assert_eq!(*issuers(&config, "own.example.com"), own);
    assert_eq!(*issuers(&config, "theirs.example.com"), theirs);

    let entry = format!("127.0.0.1:{}", caddy.https);
    let deadline = Instant::now() + Duration::from_secs(20);
    let shown = loop {
        match shown_certificate(&entry, "own.example.com").await {
            Ok(shown) => break shown,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}\n{}", caddy.log()),
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!(shown.issuer.contains("Root") && shown.fits, "{shown:?}");
    assert!(shown.expires < Timestamp::now() + SignedDuration::from_hours(3), "{shown:?}");

    authority.is_asked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_of_the_settings_is_asked_for_hosts_without_a_word_on_it() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let authority = Authority::start().await;
    let acme = Acme { directory: Some(authority.directory.clone()), ..Acme::default() };
    let policy = ProxyPolicy { acme: Some(acme), ..caddy.policy() };
    let stack = declared(&routes("    - {host: a.example.com, respond: a}"));
    assert!(pass_of(&caddy, &stack, &policy).await.unwrap());
    assert!(!pass_of(&caddy, &stack, &policy).await.unwrap());
    authority.is_asked().await;
}

#[tokio::test]
async fn an_issuer_whose_dns_provider_caddy_was_built_without_changes_nothing_and_is_named() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let good = "    - {host: a.example.com, tls: internal, respond: a}";
    assert!(pass(&caddy, &routes(good)).await.unwrap());
    let before = caddy.live().await.config;
    let provider = "{name: hetzner, api_token: \"{env.HETZNER_TOKEN}\"}";
    let wildcard = format!(
        "{good}\n    - {{host: '*.example.com', tls: {{issuers: [{{module: acme, challenges: {{dns: {{provider: {provider}}}}}}}]}}, respond: b}}"
    );
    let error = pass(&caddy, &routes(&wildcard)).await.unwrap_err();
    let AdminError::Refused { words, needed, .. } = &error else { panic!("{error}") };
    assert!(words.contains("unknown module: dns.providers.hetzner"), "{words}");
    assert_eq!(*needed, Some("a Caddy that was built with this DNS provider"));
    assert!(!error.is_passing());
    assert_eq!(caddy.live().await.config, before);
}
