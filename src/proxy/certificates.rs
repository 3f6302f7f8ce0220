//! Where the certificates of the hosts of all routes come from.

use std::collections::BTreeMap;

use serde_json::Value;

use super::claims::Claims;
use super::policy::Acme;
use super::tls::{
    authority, automatic, certificate, host_policy, is_internal, is_seen_to, of_stack_policy,
};
use crate::model::name::{FleetName, StackName};
use crate::model::route::{HostPattern, Tls};

/// A host that is served with TLS.
pub(super) struct Served<'a> {
    /// The stack that its certificate belongs to.
    pub(super) stack: &'a StackName,
    pub(super) host: HostPattern,
    /// What its routes say of its certificate, if they do.
    pub(super) told: Option<Tls>,
}

/// The automation policies of hosts by name, and their certificates from files, beside what Caddy has by `claims`.
///
/// Caddy refuses two policies for one name.
pub(super) fn certificates(
    served: &BTreeMap<String, Served<'_>>,
    claims: &Claims,
    fleet: &FleetName,
    acme: Option<&Acme>,
) -> (Vec<Value>, Vec<Value>) {
    let wildcards = wildcards(served, claims);
    let (mut policies, mut files) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<&StackName, Vec<&str>> = BTreeMap::new();
    for (name, Served { stack, host, told }) in served {
        match told {
            Some(Tls::Files(own)) => files.push(certificate(fleet, stack, host, own)),
            Some(tls @ (Tls::Internal | Tls::Issuers(_))) => {
                policies.extend(host_policy(fleet, stack, host, tls));
            }
            None | Some(Tls::Automatic) => {
                let is_told = told.is_some();
                let is_asked = acme.is_some() && !is_internal(host, acme);
                match host {
                    _ if is_apart(&wildcards, claims, host, is_told, acme) => {
                        policies.push(automatic(fleet, stack, host, acme));
                    }
                    HostPattern::Exact(_) if is_asked => names.entry(stack).or_default().push(name),
                    HostPattern::Wildcard(_) if is_asked => {
                        policies.push(automatic(fleet, stack, host, acme));
                    }
                    HostPattern::Exact(_) | HostPattern::Wildcard(_) | HostPattern::Any => {}
                }
            }
        }
    }
    if let Some(acme) = acme {
        let of_stacks = names
            .into_iter()
            .map(|(stack, names)| of_stack_policy(fleet, stack, &names, &authority(acme)));
        policies.extend(of_stacks);
    }
    (policies, files)
}

/// The wildcards that are declared and those that Caddy has, and whether somebody has seen to their certificates. What is
/// declared may be refused, or wait, and then it is what Caddy has that hosts below are served with.
fn wildcards(served: &BTreeMap<String, Served<'_>>, claims: &Claims) -> BTreeMap<String, bool> {
    let mut wildcards = claims.wildcards().clone();
    for (name, Served { stack: _, host, told }) in served {
        if matches!(host, HostPattern::Wildcard(_)) {
            let is_declared = told.as_ref().is_some_and(is_seen_to);
            let is_both = wildcards.get(name).is_none_or(|is_live| *is_live) && is_declared;
            wildcards.insert(name.clone(), is_both);
        }
    }
    wildcards
}

/// Whether a host whose certificate is automatic needs a policy of its own, because the certificate of the wildcard above it
/// would not do: Caddy takes the policy of the wildcard for it, and from 2.10 on gets it no certificate at all.
///
/// One that has been got from an authority or brought along does for hosts that say nothing. The automatic one of a wildcard
/// is never got, because authorities want it proved by DNS. Once there is no wildcard any more, a policy that there was for it
/// stays: it says what is true without it, and taking it away would be one more write.
fn is_apart(
    wildcards: &BTreeMap<String, bool>,
    claims: &Claims,
    host: &HostPattern,
    is_told: bool,
    acme: Option<&Acme>,
) -> bool {
    let HostPattern::Exact(name) = host else { return false };
    let above = name.split_once('.').and_then(|(_, domain)| wildcards.get(&format!("*.{domain}")));
    match above {
        Some(true) => is_told,
        Some(false) => !is_internal(host, acme),
        None => claims.is_apart(name),
    }
}
