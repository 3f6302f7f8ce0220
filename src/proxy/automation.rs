//! The automation policies of Caddy's `tls` app side by side: that none hides a more specific one, and that hosts get
//! certificates of their own below wildcards.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::live::{last, owner, text_id};
use super::tls::{ACME, AUTOMATIC};

/// How many names a policy may be for. Earlier ones are asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    One,
    Several,
    Wildcard,
}

/// All policies in the order in which Caddy has to ask: it takes the first that fits a name, also that of a wildcard
/// (caddyserver/caddy `modules/caddytls/tls.go`, `getAutomationPolicyForName`). Those of skep have one order, whichever stack
/// and fleet is written, so that none of them finds the work of another one changed. Those of others keep theirs, before
/// skep's wildcards, and the one for every name behind these.
pub(super) fn in_order(policies: Vec<Value>) -> Vec<Value> {
    let (mut own, mut foreign): (Vec<Value>, Vec<Value>) =
        policies.into_iter().partition(|policy| owner(policy).is_some());
    own.sort_by_cached_key(|policy| {
        let id = text_id(policy).unwrap_or_default().to_owned();
        let rank = rank(policy);
        let name = match rank {
            Rank::Several => owner(policy).and_then(|owner| owner.stack).map(|s| s.to_string()),
            Rank::One | Rank::Wildcard => Some(last(policy).to_owned()),
        };
        (rank, name, id)
    });
    let wildcards = own.split_off(own.partition_point(|policy| rank(policy) < Rank::Wildcard));
    let named = foreign.iter().rposition(is_named).map_or(0, |last| last + 1);
    let rest = foreign.split_off(named);
    [own, foreign, wildcards, rest].concat()
}

/// Gives policies that leave the choice of the issuer to Caddy what `others` say of every name, as it would itself.
pub(super) fn inherit(policies: &mut [Value], others: &[Value]) {
    let is_base = |policy: &&Value| owner(policy).is_none() && !is_named(policy);
    let Some(Value::Object(base)) = others.iter().find(is_base) else { return };
    for policy in policies.iter_mut().filter(|policy| policy.get("issuers").is_none()) {
        for (key, value) in
            base.iter().filter(|(key, _)| !matches!(key.as_str(), "@id" | "subjects"))
        {
            policy[key] = value.clone();
        }
    }
}

/// The hosts for which Caddy has to be told to get certificates, because it would take one of a wildcard that is not as
/// they want it (since 2.10; where that one is from files, all Caddys do).
pub(super) fn apart(config: &Value, policies: &[Value], told: &[Value]) -> BTreeSet<String> {
    let wildcards = wildcards(config, told);
    if wildcards.is_empty() {
        return BTreeSet::new();
    }
    let mut issuers: HashMap<&str, Option<&Value>> = HashMap::new();
    for policy in policies {
        for name in subjects(policy).filter(|name| name.starts_with("*.")) {
            issuers.entry(name).or_insert_with(|| policy.get("issuers"));
        }
    }
    let own = policies.iter().filter(|policy| owner(policy).is_some() && rank(policy) == Rank::One);
    let mut apart = BTreeSet::new();
    for policy in own {
        for name in subjects(policy) {
            let Some((_, domain)) = name.split_once('.') else { continue };
            let above = format!("*.{domain}");
            let differs = || {
                let above = issuers.get(above.as_str()).copied().flatten();
                is_automatic(policy) || above != policy.get("issuers")
            };
            if wildcards.contains(above.as_str()) && differs() {
                apart.insert(name.to_owned());
            }
        }
    }
    apart
}

/// The wildcards for which Caddy gets certificates, or has them: those of routes, and those that it was `told`.
fn wildcards<'v>(config: &'v Value, told: &'v [Value]) -> HashSet<&'v str> {
    let servers = config.pointer("/apps/http/servers").and_then(Value::as_object);
    let servers = servers.into_iter().flat_map(|servers| servers.values());
    let routes = servers.filter_map(|server| server.get("routes")?.as_array()).flatten();
    let sets = routes.filter_map(|route| route.get("match")?.as_array()).flatten();
    let hosts = sets.filter_map(|set| set.get("host")?.as_array()).flatten();
    let names = hosts.chain(told).filter_map(Value::as_str);
    names.filter(|name| name.starts_with("*.")).collect()
}

/// The names that Caddy is told to get certificates for, where `found` is what it has of these: those of others stay, and of
/// skep's, which were `before`, those that are wanted `now`.
pub(super) fn names(
    found: Vec<Value>,
    before: &BTreeSet<String>,
    now: &BTreeSet<String>,
) -> Vec<Value> {
    let mut names = found;
    names.retain(|name| {
        name.as_str().is_none_or(|name| now.contains(name) || !before.contains(name))
    });
    let new = now.iter().filter(|name| !names.iter().any(|found| found == name.as_str()));
    let new: Vec<Value> = new.map(|name| name.as_str().into()).collect();
    [names, new].concat()
}

fn rank(policy: &Value) -> Rank {
    // As in `skep:default:shop:acme`; `skep:default:shop:tls:acme` is of a host.
    if text_id(policy).and_then(|id| id.splitn(4, ':').nth(3)) == Some(ACME) {
        Rank::Several
    } else if last(policy).starts_with("*.") {
        Rank::Wildcard
    } else {
        Rank::One
    }
}

/// Whether a policy is of a host whose certificate is automatic and its own.
pub(super) fn is_automatic(policy: &Value) -> bool {
    let mut parts = text_id(policy).unwrap_or_default().rsplit(':');
    parts.nth(1) == Some(AUTOMATIC)
}

fn is_named(policy: &Value) -> bool {
    subjects(policy).next().is_some()
}

/// The names that a policy is for.
pub(super) fn subjects(policy: &Value) -> impl Iterator<Item = &str> {
    let names = policy.get("subjects").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str)
}
