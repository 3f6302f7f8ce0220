//! Hosts below wildcards: each shows the certificate that it asks for, whatever the wildcard has.

use std::time::Duration;

use serde_json::{Value, json};
use skep::proxy::{Acme, ProxyPolicy, ShownCertificate, shown_certificate};
use tokio::time::{Instant, sleep};

use super::caddy::Caddy;
use super::identity::Identity;
use super::stacks::{declared, pass_of, routes};

/// The certificate that is shown for a host once it is as wanted.
async fn shows(caddy: &Caddy, host: &str, is_wanted: impl Fn(&ShownCertificate) -> bool) {
    let entry = format!("127.0.0.1:{}", caddy.https);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let shown = shown_certificate(&entry, host).await;
        if shown.as_ref().is_ok_and(&is_wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{host} shows {shown:?}\n{}", caddy.log());
        sleep(Duration::from_millis(50)).await;
    }
}

fn is_of_intermediate(shown: &ShownCertificate) -> bool {
    shown.issuer.contains("Intermediate") && shown.fits
}

fn is_of_root(shown: &ShownCertificate) -> bool {
    shown.issuer.contains("Root") && shown.fits
}

/// Waits until Caddy sets out to get a certificate for a host.
async fn is_sought(caddy: &Caddy, host: &str) {
    let words = format!("\"identifier\":\"{host}\"");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !caddy.log().contains(&words) {
        assert!(Instant::now() < deadline, "{host} in {}", caddy.log());
        sleep(Duration::from_millis(50)).await;
    }
}

fn names(config: &Value) -> &Value {
    &config["apps"]["tls"]["certificates"]["automate"]
}

const OWN: &str = "{issuers: [{module: internal, sign_with_root: true}]}";

#[tokio::test(flavor = "multi_thread")]
async fn a_host_below_a_wildcard_has_the_certificate_that_it_asks_for() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let hosts = format!(
        "    - {{host: own.example.com, tls: {OWN}, respond: own}}
    - {{host: same.example.com, tls: internal, respond: same}}
    - {{host: inner.example.org, tls: internal, respond: inner}}"
    );
    let wildcards = format!(
        "    - {{host: '*.example.com', tls: internal, respond: any}}
    - {{host: '*.example.org', tls: {OWN}, respond: any}}"
    );
    let policy = caddy.policy();
    let both = declared(&routes(&format!("{hosts}\n{wildcards}")));
    assert!(pass_of(&caddy, &both, &policy).await.unwrap());
    assert!(!pass_of(&caddy, &both, &policy).await.unwrap());
    shows(&caddy, "own.example.com", is_of_root).await;
    shows(&caddy, "same.example.com", is_of_intermediate).await;
    shows(&caddy, "any.example.com", is_of_intermediate).await;
    shows(&caddy, "inner.example.org", is_of_intermediate).await;
    shows(&caddy, "any.example.org", is_of_root).await;
    let expected = json!(["inner.example.org", "own.example.com"]);
    assert_eq!(*names(&caddy.live().await.config), expected);

    // What somebody else has told Caddy to get stays when the wildcards go.
    caddy
        .put(|config| {
            let names = &mut config["apps"]["tls"]["certificates"]["automate"];
            names.as_array_mut().unwrap().insert(0, "theirs.localhost".into());
        })
        .await;
    assert!(!pass_of(&caddy, &both, &policy).await.unwrap());
    let without = declared(&routes(&hosts));
    assert!(pass_of(&caddy, &without, &policy).await.unwrap());
    assert!(!pass_of(&caddy, &without, &policy).await.unwrap());
    assert_eq!(*names(&caddy.live().await.config), json!(["theirs.localhost"]));
    shows(&caddy, "own.example.com", is_of_root).await;
    shows(&caddy, "inner.example.org", is_of_intermediate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_below_a_wildcard_from_files_has_the_certificate_that_it_asks_for() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let identity = Identity::of("*.example.com");
    caddy.file("any.pem", &identity.certificate);
    caddy.file("any.key", &identity.key);
    let file = |name: &str| caddy.folder().join(name).display().to_string();
    let stack = declared(&routes(&format!(
        "    - {{host: '*.example.com', tls: {{certificate: {}, key: {}}}, respond: any}}
    - {{host: inner.example.com, tls: internal, respond: inner}}
    - {{host: usual.example.com, respond: usual}}",
        file("any.pem"),
        file("any.key"),
    )));
    assert!(pass_of(&caddy, &stack, &caddy.policy()).await.unwrap());
    shows(&caddy, "inner.example.com", is_of_intermediate).await;
    // What says nothing is content with what is there.
    shows(&caddy, "usual.example.com", |shown| shown.issuer.contains("rcgen")).await;
    assert_eq!(*names(&caddy.live().await.config), json!(["inner.example.com"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_sought_for_a_host_below_a_wildcard_that_would_not_do() {
    for above in ["tls: internal, ", ""] {
        let Some(caddy) = Caddy::start(json!({})).await else { return };
        // Nobody answers there.
        let directory = Some("http://localhost:9/directory".to_owned());
        let acme = Some(Acme { directory, ..Acme::default() });
        let policy = ProxyPolicy { acme, ..caddy.policy() };
        let stack = declared(&routes(&format!(
            "    - {{host: '*.example.com', {above}respond: any}}
    - {{host: shop.example.com, respond: shop}}"
        )));
        assert!(pass_of(&caddy, &stack, &policy).await.unwrap());
        assert!(!pass_of(&caddy, &stack, &policy).await.unwrap());
        is_sought(&caddy, "shop.example.com").await;
        // It is not got, and so what is above it has to do meanwhile.
        if !above.is_empty() {
            shows(&caddy, "shop.example.com", is_of_intermediate).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_public_authority_certifies_have_certificates_of_caddys_own() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let acme = Some(Acme { email: Some("ops@example.com".to_owned()), ..Acme::default() });
    let policy = ProxyPolicy { acme, ..caddy.policy() };
    let stack = declared(&routes(
        "    - {host: site.localhost, respond: site}
    - {host: printer.local, respond: printer}",
    ));
    assert!(pass_of(&caddy, &stack, &policy).await.unwrap());
    for host in ["site.localhost", "printer.local"] {
        shows(&caddy, host, is_of_intermediate).await;
    }
}
