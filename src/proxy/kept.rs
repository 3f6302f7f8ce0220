//! Certificates of routes that stay although nothing that is compiled has their host.

use std::collections::HashSet;

use serde_json::Value;

use super::automation::subjects;
use super::compile::Compiled;
use super::ident::Owner;
use super::live::{Live, last, owner, text_id};
use super::merge::{FILES, POLICIES};
use crate::model::name::{FleetName, StackName};

/// Adds to `part` what Caddy has for the certificates of `hosts`, each with the stack that has it there.
pub(super) fn keep(
    part: &mut Compiled,
    live: &Live,
    fleet: &FleetName,
    hosts: &HashSet<(StackName, String)>,
) {
    if hosts.is_empty() {
        return;
    }
    let is_kept = |object: &Value, host: &str| {
        owner(object).is_some_and(|Owner { fleet: of, stack }| {
            of == *fleet && stack.is_some_and(|stack| hosts.contains(&(stack, host.to_owned())))
        })
    };
    for policy in live.list(&POLICIES) {
        // Caddy takes one policy for each name.
        let claimed: HashSet<&str> = part.tls_policies.iter().flat_map(subjects).collect();
        let names = subjects(policy);
        let names: Vec<&str> =
            names.filter(|name| is_kept(policy, name) && !claimed.contains(name)).collect();
        if names.is_empty() {
            continue;
        }
        let own = part.tls_policies.iter().position(|own| text_id(own) == text_id(policy));
        let mut all: Vec<&str> = own
            .and_then(|at| part.tls_policies.get(at))
            .into_iter()
            .flat_map(subjects)
            .chain(names)
            .collect();
        all.sort_unstable();
        let all = Value::from(all);
        if let Some(own) = own.and_then(|at| part.tls_policies.get_mut(at)) {
            own["subjects"] = all;
        } else {
            let mut policy = policy.clone();
            policy["subjects"] = all;
            part.tls_policies.push(policy);
        }
    }
    for file in live.list(&FILES) {
        let is_new = part.certificates.iter().all(|own| text_id(own) != text_id(file));
        if is_new && is_kept(file, last(file)) {
            part.certificates.push(file.clone());
        }
    }
}
