//! Where certificates come from, as objects of Caddy's `tls` app.

use serde_json::{Value, json};

use super::ident::of_stack;
use super::policy::Acme;
use super::raw::as_handed_out;
use crate::model::name::{FleetName, StackName};
use crate::model::route::{Certificate, HostPattern, Tls};

/// The certificate of one host, as a stack wants it.
pub(super) fn host_policy(
    fleet: &FleetName,
    stack: &StackName,
    host: &HostPattern,
    tls: &Tls,
) -> Option<Value> {
    let issuers = match tls {
        Tls::Internal => json!([{ "module": "internal" }]),
        Tls::Issuers(issuers) => issuers.iter().map(as_handed_out).collect(),
        Tls::Automatic | Tls::Files(_) => return None,
    };
    let id = of_stack(fleet, stack, &format!("tls:{host}"));
    Some(json!({ "@id": id, "subjects": [host.to_string()], "issuers": issuers }))
}

/// The certificate of a host from files. Caddy asks no authority for what it has a certificate for.
pub(super) fn certificate(
    fleet: &FleetName,
    stack: &StackName,
    host: &HostPattern,
    files: &Certificate,
) -> Value {
    let Certificate { certificate, key } = files;
    let id = of_stack(fleet, stack, &format!("certificate:{host}"));
    json!({ "@id": id, "certificate": certificate, "key": key })
}

/// How the hosts of a stack get certificates by themselves, where the settings say something about it.
pub(super) fn automatic(
    fleet: &FleetName,
    stack: &StackName,
    hosts: &[String],
    acme: &Acme,
) -> Value {
    let Acme { email, directory, trusted_roots } = acme;
    let mut issuer = json!({ "module": "acme" });
    for (key, value) in [("email", email), ("ca", directory)] {
        if let Some(value) = value {
            issuer[key] = value.clone().into();
        }
    }
    if let Some(file) = trusted_roots {
        issuer["trusted_roots_pem_files"] = json!([file]);
    }
    let id = of_stack(fleet, stack, "acme");
    json!({ "@id": id, "subjects": hosts, "issuers": [issuer] })
}
