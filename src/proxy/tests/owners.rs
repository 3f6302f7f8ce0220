//! Whose the certificate of a host is, and where it comes from, beside what Caddy has already.

use serde_json::{Value, json};

use super::{declared, fleet, live, merged};
use crate::proxy::{Acme, Claims, Compiled, Features, Live, ProxyPolicy, Settled, compile_with};

/// What these stacks ask for, by name and routes, of a Caddy of which `claims` are known.
fn beside(claims: &Claims, stacks: &[(&str, &str)], policy: &ProxyPolicy) -> Compiled {
    let text = |routes: &str| {
        format!("x-skep: {{routes: [{routes}]}}\nservices: {{web: {{image: nginx}}}}")
    };
    let stacks: Vec<(&str, String)> =
        stacks.iter().map(|(name, routes)| (*name, text(routes))).collect();
    let stacks: Vec<(&str, &str)> =
        stacks.iter().map(|(name, text)| (*name, text.as_str())).collect();
    compile_with(&declared(&stacks), &fleet(), policy, Features::MODERN, claims)
}

/// A Caddy that has all of these stacks.
fn having(stacks: &[(&str, &str)], policy: &ProxyPolicy) -> Live {
    let wanted = beside(&Claims::default(), stacks, policy);
    live(merged(Value::Null, &wanted, policy).config)
}

/// What Caddy has once everything was written for `of`, but of the routes only those that it has already.
fn beside_routes(had: &Live, wanted: &Compiled, of: &[&str], policy: &ProxyPolicy) -> Value {
    let stacks = of.iter().map(|stack| stack.parse().unwrap()).collect();
    let settled = Settled { stacks, ..Settled::default() };
    wanted.merge_settled(had, &fleet(), &policy.servers, &settled).unwrap().config
}

fn ids(compiled: &Compiled) -> Vec<&str> {
    let objects = compiled.tls_policies.iter().chain(&compiled.certificates);
    objects.filter_map(|object| object["@id"].as_str()).collect()
}

fn refused(compiled: &Compiled) -> Vec<(String, String)> {
    let each = compiled.refused.iter();
    each.map(|one| (one.stack.to_string(), one.reason.to_string())).collect()
}

fn with_own_words() -> ProxyPolicy {
    ProxyPolicy { raw: true, ..ProxyPolicy::default() }
}

#[test]
fn a_stack_that_comes_to_a_host_changes_nothing_of_its_certificate() {
    let acme = ProxyPolicy { acme: Some(Acme::default()), ..with_own_words() };
    for (tls, above, policy) in [
        ("", "", acme),
        ("tls: internal, ", "", with_own_words()),
        ("tls: {certificate: /a.pem, key: /a.key}, ", "", with_own_words()),
        ("tls: {issuers: [{module: acme}]}, ", "", with_own_words()),
        ("", ", {host: '*.example.com', tls: internal, respond: x}", with_own_words()),
    ] {
        let shop = format!("{{host: a.example.com, {tls}respond: a}}{above}");
        let able = format!("{{host: a.example.com, path: /api, {tls}respond: b}}");
        let had = having(&[("shop", &shop)], &policy);
        let both = [("able", able.as_str()), ("shop", shop.as_str())];
        let first = beside(&Claims::of_live(&had, &fleet()), &both, &policy);
        assert_eq!(refused(&first), []);
        assert_eq!(beside_routes(&had, &first, &["able", "shop"], &policy), had.config, "{tls}");
        // Once its route is there, too.
        let after = live(merged(had.config.clone(), &first, &policy).config);
        assert_eq!(after.config["apps"]["tls"], had.config["apps"]["tls"], "{tls}");
        let second = beside(&Claims::of_live(&after, &fleet()), &both, &policy);
        assert_eq!(second, first, "{tls}");
    }
}

#[test]
fn of_two_stacks_with_other_certificates_for_a_host_that_is_refused_which_comes_to_it() {
    let policy = ProxyPolicy::default();
    let files = "tls: {certificate: /a.pem, key: /a.key}, ";
    let shop = "{host: a.example.com, tls: internal, respond: a}";
    let had = Claims::of_live(&having(&[("shop", shop)], &policy), &fleet());
    let mut lost = Claims::default();
    lost.remember("shop", "a.example.com/*");
    for claims in [had, lost] {
        let able = format!("{{host: a.example.com, path: /api, {files}respond: b}}");
        let wanted = beside(&claims, &[("able", &able), ("shop", shop)], &policy);
        let reason = "stack shop wants the certificate of this host from elsewhere";
        assert_eq!(refused(&wanted), [("able".to_owned(), reason.to_owned())]);
        assert_eq!(ids(&wanted), ["skep:default:shop:tls:a.example.com"]);
    }
}

#[test]
fn a_route_whose_certificate_cannot_be_had_takes_no_place_but_one_that_is_there_keeps_it() {
    let policy = ProxyPolicy::default();
    let files = "tls: {certificate: /a.pem, key: /a.key}, ";
    let api = "{host: a.example.com, path: /api, tls: internal, respond: a}";
    let mut claims = Claims::of_live(&having(&[("shop", api)], &policy), &fleet());
    let able = format!("{{host: a.example.com, {files}respond: b}}");
    let shop = format!("{api}, {{host: a.example.com, respond: a}}");
    let both = [("able", able.as_str()), ("shop", shop.as_str())];
    let other = ("able", "stack shop wants the certificate of this host from elsewhere");
    let owned = |(stack, words): (&str, &str)| (stack.to_owned(), words.to_owned());
    let wanted = beside(&claims, &both, &policy);
    assert_eq!(refused(&wanted), [owned(other)]);
    assert_eq!(wanted.routes.len(), 2);
    claims.remember("able", "a.example.com/*");
    let wanted = beside(&claims, &both, &policy);
    assert_eq!(refused(&wanted), [owned(other), owned(("shop", "stack able has this route"))]);
}

#[test]
fn a_host_keeps_its_own_certificate_until_the_wildcard_above_it_really_is_another_one() {
    let policy = with_own_words();
    let own = "skep:default:shop:automatic:b.example.com";
    let shop = ("shop", "{host: b.example.com, respond: b}");
    let dev = |tls: &str| format!("{{host: '*.example.com', {tls}respond: any}}");
    for tls in ["tls: {issuers: [{module: typo}]}, ", "tls: {certificate: /no.pem, key: /no.key}, "]
    {
        let (before, after) = (dev("tls: internal, "), dev(tls));
        let had = having(&[("dev", &before), shop], &policy);
        let stacks = [("dev", after.as_str()), shop];
        let wanted = beside(&Claims::of_live(&had, &fleet()), &stacks, &policy);
        // Caddy refuses what the one stack has, and takes what the other one has.
        assert_eq!(beside_routes(&had, &wanted, &["shop"], &policy), had.config, "{tls}");
        let taken = live(merged(had.config.clone(), &wanted, &policy).config);
        assert!(ids(&wanted).contains(&own), "{:?}", ids(&wanted));
        let wanted = beside(&Claims::of_live(&taken, &fleet()), &stacks, &policy);
        assert!(!ids(&wanted).contains(&own), "{:?}", ids(&wanted));
    }
    // Caddy's own authority is the same in its words.
    let dev = dev("tls: {issuers: [{module: internal}]}, ");
    let stacks = [("dev", dev.as_str()), shop];
    let first = beside(&Claims::default(), &stacks, &policy);
    assert!(ids(&first).contains(&own), "{:?}", ids(&first));
    let had = live(merged(Value::Null, &first, &policy).config);
    assert_eq!(beside(&Claims::of_live(&had, &fleet()), &stacks, &policy), first);
}

#[test]
fn a_wildcard_that_nobody_declares_any_more_counts_as_long_as_caddy_has_it() {
    let policy = ProxyPolicy::default();
    let shop = ("shop", "{host: b.example.com, respond: b}");
    let (other, any) = (
        "{host: dev.example.org, respond: dev}",
        "{host: '*.example.com', tls: internal, respond: any}",
    );
    let dev = format!("{other}, {any}");
    let had = having(&[("dev", &dev), shop], &policy);
    let stacks = [("dev", other), shop];
    let wanted = beside(&Claims::of_live(&had, &fleet()), &stacks, &policy);
    assert_eq!(beside_routes(&had, &wanted, &["dev", "shop"], &policy), had.config);
    // What goes with it are the names; the rest says nothing that is not so without it.
    let without = live(merged(had.config, &wanted, &policy).config);
    assert_eq!(
        without.config["apps"]["tls"],
        json!({ "automation": { "policies": [
        { "@id": "skep:default:shop:automatic:b.example.com", "subjects": ["b.example.com"] },
    ] } })
    );
    let wanted = beside(&Claims::of_live(&without, &fleet()), &stacks, &policy);
    assert_eq!(beside_routes(&without, &wanted, &["dev", "shop"], &policy), without.config);
}

#[test]
fn a_wildcard_whose_certificate_somebody_else_has_seen_to_will_do() {
    let policy = with_own_words();
    let theirs = json!({ "subjects": ["*.example.com"], "issuers": [{ "module": "acme" }] });
    let config = json!({ "apps": { "tls": { "automation": { "policies": [theirs] } } } });
    let stacks = [(
        "shop",
        "{host: '*.example.com', tls: {issuers: [{module: acme}]}, respond: any}, \
            {host: b.example.com, respond: b}",
    )];
    let first = beside(&Claims::default(), &stacks, &policy);
    let had = live(merged(config, &first, &policy).config);
    assert_eq!(beside(&Claims::of_live(&had, &fleet()), &stacks, &policy), first);
}
