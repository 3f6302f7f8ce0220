//! Certificates of wildcards and of hosts below them, side by side in one configuration.

use serde_json::{Value, json};

use super::{compiled, declared, fleet, live, merged};
use crate::model::name::StackName;
use crate::proxy::{Acme, Claims, ProxyPolicy, Servers, compile_with, merge};

fn stack(routes: &str) -> String {
    format!("x-skep: {{routes: [{routes}]}}\nservices: {{web: {{image: nginx}}}}")
}

/// What a configuration has of certificates once it has these stacks.
fn tls(config: Value, stacks: &[(&str, &str)], policy: &ProxyPolicy) -> Value {
    let stacks: Vec<(&str, String)> =
        stacks.iter().map(|(name, routes)| (*name, stack(routes))).collect();
    let stacks: Vec<(&str, &str)> =
        stacks.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let compiled = compiled(&stacks, policy);
    assert_eq!(compiled.refused, []);
    let first = merged(config, &compiled, policy);
    assert!(!merged(first.config.clone(), &compiled, policy).is_changed);
    first.config["apps"]["tls"].clone()
}

fn subjects(tls: &Value) -> Vec<String> {
    let policies = tls["automation"]["policies"].as_array().into_iter().flatten();
    policies.map(|policy| policy["subjects"].to_string()).collect()
}

#[test]
fn exact_hosts_come_before_wildcards_of_whichever_stack() {
    let own = "{issuers: [{module: internal, sign_with_root: true}]}";
    let policy = ProxyPolicy { raw: true, ..ProxyPolicy::default() };
    let shop = format!(
        "{{host: shop.example.com, respond: a}}, {{host: own.example.com, tls: {own}, respond: a}}"
    );
    let dev = "{host: '*.example.com', tls: internal, respond: a}, {host: x.example.com, tls: internal, respond: a}";
    let with = tls(Value::Null, &[("dev", dev), ("shop", &shop)], &policy);
    assert_eq!(
        subjects(&with),
        [
            r#"["own.example.com"]"#,
            r#"["shop.example.com"]"#,
            r#"["x.example.com"]"#,
            r#"["*.example.com"]"#
        ]
    );
    // The issuer of what is automatic is Caddy's choice.
    assert_eq!(with["automation"]["policies"][1].as_object().unwrap().len(), 2);
    assert_eq!(with["certificates"]["automate"], json!(["own.example.com", "shop.example.com"]));
    let without = tls(Value::Null, &[("shop", &shop)], &policy);
    assert_eq!(subjects(&without), [r#"["own.example.com"]"#]);
    assert_eq!(without.get("certificates"), None);
}

#[test]
fn a_host_that_says_nothing_is_content_with_a_wildcard_that_somebody_has_seen_to() {
    let policy = ProxyPolicy { raw: true, ..ProxyPolicy::default() };
    for (above, told, is_apart) in [
        ("tls: {issuers: [{module: acme}]}, ", "", false),
        ("tls: {issuers: [{module: acme}]}, ", "tls: automatic, ", true),
        ("tls: {certificate: /a.pem, key: /a.key}, ", "", false),
        ("tls: {certificate: /a.pem, key: /a.key}, ", "tls: automatic, ", true),
        ("tls: internal, ", "", true),
        ("tls: internal, ", "tls: internal, ", false),
        ("tls: automatic, ", "", true),
        ("", "", true),
    ] {
        let routes = format!(
            "{{host: '*.example.com', {above}respond: a}}, {{host: a.example.com, {told}respond: a}}"
        );
        for acme in [None, Some(Acme::default())] {
            let policy = ProxyPolicy { acme, ..policy.clone() };
            let tls = tls(Value::Null, &[("shop", &routes)], &policy);
            let names = &tls["certificates"]["automate"];
            assert_eq!(*names == json!(["a.example.com"]), is_apart, "{routes}: {tls:#}");
        }
    }
    // Caddy's own authority certifies wildcards, too.
    let routes = "{host: '*.localhost', respond: a}, {host: a.localhost, respond: a}";
    assert_eq!(tls(Value::Null, &[("shop", routes)], &policy), Value::Null);
}

#[test]
fn wildcards_of_stacks_that_other_sources_declare_count_as_well() {
    let policy = ProxyPolicy { raw: true, ..ProxyPolicy::default() };
    for (above, is_apart) in [
        ("tls: internal, ", true),
        ("", true),
        ("tls: {issuers: [{module: acme}]}, ", false),
        ("tls: {certificate: /a.pem, key: /a.key}, ", false),
    ] {
        let dev = stack(&format!("{{host: '*.example.com', {above}respond: a}}"));
        let shop = stack("{host: a.example.com, respond: a}");
        let had = merged(Value::Null, &compiled(&[("dev", &dev)], &policy), &policy).config;
        for name in ["default", "blue"] {
            let config = had.to_string().replace("skep:default:dev", &format!("skep:{name}:dev"));
            let live = live(serde_json::from_str(&config).unwrap());
            let desired = declared(&[("shop", &shop)]);
            let claims = Claims::of_live(&live, &fleet());
            let compiled = compile_with(&desired, &fleet(), &policy, live.features, &claims);
            let is_shop = |stack: &StackName| stack.as_str() == "shop";
            let after = merge(&live, &compiled, &fleet(), &policy.servers, &is_shop).unwrap();
            let names = &after.config["apps"]["tls"]["certificates"]["automate"];
            assert_eq!(*names == json!(["a.example.com"]), is_apart, "{above}{name}");
        }
    }
}

#[test]
fn policies_of_others_are_hidden_by_no_wildcard_and_what_they_say_of_every_name_counts() {
    let policy = ProxyPolicy {
        servers: Servers::Attached { https: "srv0".to_owned(), http: None },
        ..ProxyPolicy::default()
    };
    let route = |host: &str| json!({ "match": [{ "host": [host] }], "handle": [] });
    let theirs = json!({ "subjects": ["theirs.example.com"], "issuers": [{ "module": "acme" }] });
    let base = json!({ "issuers": [{ "module": "internal" }], "key_type": "rsa2048" });
    let config = json!({ "apps": {
        "http": { "servers": { "srv0": {
            "listen": [":443"],
            "routes": [route("theirs.example.com"), route("*.example.org")],
        } } },
        "tls": { "automation": { "policies": [theirs, base] }, "certificates": { "automate": ["b.c"] } },
    } });
    let routes = "{host: '*.example.com', tls: internal, respond: a}, {host: a.example.com, respond: a}, \
        {host: a.example.org, tls: internal, respond: a}";
    let tls = tls(config, &[("shop", routes)], &policy);
    assert_eq!(
        subjects(&tls),
        [
            r#"["a.example.com"]"#,
            r#"["a.example.org"]"#,
            r#"["theirs.example.com"]"#,
            r#"["*.example.com"]"#,
            "null"
        ]
    );
    let policies = &tls["automation"]["policies"];
    let automatic = json!({
        "@id": "skep:default:shop:automatic:a.example.com",
        "subjects": ["a.example.com"],
        "issuers": [{ "module": "internal" }],
        "key_type": "rsa2048",
    });
    assert_eq!((&policies[0], &policies[4]), (&automatic, &base));
    let names = json!(["b.c", "a.example.com", "a.example.org"]);
    assert_eq!(tls["certificates"]["automate"], names, "also below a wildcard of others");
}

#[test]
fn the_authority_of_the_settings_is_asked_for_names_that_it_certifies() {
    let routes = "{host: site.localhost, respond: a}, {host: a.example.com, respond: a}, \
        {host: '*.example.org', respond: a}, {host: b.internal, respond: a}";
    let of = |directory: Option<&str>| {
        let acme = Acme { directory: directory.map(str::to_owned), ..Acme::default() };
        let policy = ProxyPolicy { acme: Some(acme), ..ProxyPolicy::default() };
        subjects(&tls(Value::Null, &[("shop", routes)], &policy))
    };
    assert_eq!(of(None), [r#"["a.example.com"]"#, r#"["*.example.org"]"#]);
    assert_eq!(
        of(Some("https://ca.internal/directory")),
        [r#"["a.example.com","b.internal","site.localhost"]"#, r#"["*.example.org"]"#]
    );
}

#[test]
fn what_is_said_of_a_host_is_compared_between_stacks_also_if_it_is_the_usual() {
    let of = |path: &str, tls: &str| {
        stack(&format!("{{host: a.example.com, path: {path}, {tls}respond: a}}"))
    };
    for (one, other, is_refused) in [
        ("tls: automatic, ", "tls: internal, ", true),
        ("", "tls: internal, ", false),
        ("tls: automatic, ", "", false),
        ("tls: automatic, ", "tls: automatic, ", false),
    ] {
        for (a, b) in [(one, other), (other, one)] {
            let stacks = [("shop", of("/", a)), ("zoo", of("/zoo", b))];
            let stacks = stacks.each_ref().map(|(name, text)| (*name, text.as_str()));
            let refused = compiled(&stacks, &ProxyPolicy::default()).refused;
            let words: Vec<String> = refused.iter().map(|it| it.reason.to_string()).collect();
            let expected = "stack shop wants the certificate of this host from elsewhere";
            assert_eq!(words, vec![expected; usize::from(is_refused)], "{a} {b}");
        }
    }
}
