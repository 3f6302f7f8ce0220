//! Issuers of certificates that a real Caddy was built without: what needs them is held, and what does not is written.

use std::fs;

use serde_json::{Value, json};

use crate::caddy::Caddy;
use crate::engine::Engine;
use crate::routes::settings;
use crate::stage::Stage;

/// A stack of nothing but a route whose certificate comes from there.
fn sign(host: &str, tls: &str) -> String {
    format!(
        "services: {{}}\nx-skep: {{ routes: [{{ host: '{host}', tls: {tls}, respond: sign }}] }}\n"
    )
}

const DNS: &str = "{ issuers: [{ module: acme, challenges: { dns: { provider: { name: hetzner, api_token: '{env.HETZNER_TOKEN}' } } } }] }";

/// Where the certificates of hosts come from, as Caddy has it.
async fn issuers(caddy: &Caddy) -> Vec<(String, Value)> {
    let config = caddy.live().await.config;
    let policies = config["apps"]["tls"]["automation"]["policies"].as_array().cloned();
    let of = |policy: Value| {
        (policy["subjects"][0].as_str().unwrap().to_owned(), policy["issuers"].clone())
    };
    policies.unwrap_or_default().into_iter().map(of).collect()
}

#[tokio::test]
async fn a_missing_module_for_one_certificate_is_named_and_stops_no_other_one() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stage = Stage::on(&engine);
    let settings = settings(&caddy).replace("proxy: {", "proxy: {raw: true, ");
    fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
    let shop = |tls: &str| stage.exact_stack("shop", &sign("*.shop.example.com", tls));
    let zoo = |tls: &str| stage.exact_stack("zoo", &sign("zoo.example.com", tls));
    let skep = || stage.apply(&["-c", "skep.yaml"]);
    let told =
        ["unknown module: dns.providers.hetzner", "a Caddy that was built with this DNS provider"];
    let internal = || json!([{ "module": "internal" }]);
    let (of_shop, of_zoo) = ("*.shop.example.com".to_owned(), "zoo.example.com".to_owned());

    // A new route does not come without its certificate.
    shop(DNS);
    zoo("internal");
    let run = skep();
    run.ends(1, &told);
    run.ends(1, &["created route zoo.example.com/*"]);
    assert_eq!(issuers(&caddy).await, [(of_zoo.clone(), internal())]);
    assert_eq!(caddy.live().await.routes().count(), 1);

    // One that is live keeps the certificate that it has, whatever is to become of those of others.
    shop("internal");
    stage.apply_well(&["-c", "skep.yaml"]);
    shop(DNS);
    zoo("{ issuers: [{ module: internal, sign_with_root: true }] }");
    let run = skep();
    run.ends(1, &told);
    run.ends(1, &[&format!("stack {}: Caddy refuses it", stage.name("shop"))]);
    let root = json!([{ "module": "internal", "sign_with_root": true }]);
    let kept = (of_shop.clone(), internal());
    assert_eq!(issuers(&caddy).await, [(of_zoo.clone(), root), kept.clone()]);
    assert_eq!(caddy.live().await.routes().count(), 2);

    // So it does with a certificate from files that are not there.
    shop("{ certificate: /nowhere/own.pem, key: /nowhere/own.key }");
    zoo("internal");
    skep().ends(1, &["/nowhere/own.pem"]);
    assert_eq!(issuers(&caddy).await, [(of_zoo, internal()), kept]);

    shop("internal");
    stage.apply_well(&["-c", "skep.yaml"]);
    stage.apply_well(&["-c", "skep.yaml"]).ends(0, &["No changes."]);
}
