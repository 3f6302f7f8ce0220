//! Where certificates come from, as objects of Caddy's `tls` app.

use serde_json::{Value, json};

use super::ident::of_stack;
use super::policy::Acme;
use super::raw::as_handed_out;
use crate::model::name::{FleetName, StackName};
use crate::model::route::{Certificate, HostPattern, Tls};

/// What the ids of policies for hosts with automatic certificates have before the host.
pub(super) const AUTOMATIC: &str = "automatic";
/// What the ids of policies for many hosts of a stack end with.
pub(super) const ACME: &str = "acme";

/// The ends of names for which only one's own authority gives certificates, as Caddy knows them (caddyserver/certmagic
/// `certificates.go`, `SubjectIsInternal`).
const INTERNAL: [&str; 4] = [".localhost", ".local", ".internal", ".home.arpa"];
/// The domains of authorities that everybody believes, which give none for these either.
const PUBLIC: [&str; 5] = ["letsencrypt.org", "zerossl.com", "pki.goog", "buypass.com", "ssl.com"];

/// The certificate of one host, as a stack wants it.
pub(super) fn host_policy(
    fleet: &FleetName,
    stack: &StackName,
    host: &HostPattern,
    tls: &Tls,
) -> Option<Value> {
    let issuers = issuers(tls)?;
    let id = of_stack(fleet, stack, &format!("tls:{host}"));
    Some(json!({ "@id": id, "subjects": [host.to_string()], "issuers": issuers }))
}

/// Who is to issue the certificate of a host, if its routes say that.
fn issuers(tls: &Tls) -> Option<Value> {
    match tls {
        Tls::Internal => Some(own_authority()),
        Tls::Issuers(issuers) => Some(issuers.iter().map(as_handed_out).collect()),
        Tls::Automatic | Tls::Files(_) => None,
    }
}

/// Whether somebody has seen to a certificate: it is from files, or from issuers other than Caddy's own authority.
pub(super) fn is_seen_to(tls: &Tls) -> bool {
    match tls {
        Tls::Files(_) => true,
        Tls::Automatic | Tls::Internal | Tls::Issuers(_) => {
            issuers(tls).is_some_and(|issuers| issuers != own_authority())
        }
    }
}

/// The automatic certificate of one host that is not to be had by the policy of a wildcard. Without issuers it is Caddy who
/// chooses.
pub(super) fn automatic(
    fleet: &FleetName,
    stack: &StackName,
    host: &HostPattern,
    acme: Option<&Acme>,
) -> Value {
    let id = of_stack(fleet, stack, &format!("{AUTOMATIC}:{host}"));
    let mut policy = json!({ "@id": id, "subjects": [host.to_string()] });
    if is_internal(host, acme) {
        policy["issuers"] = own_authority();
    } else if let Some(acme) = acme {
        policy["issuers"] = authority(acme);
    }
    policy
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
pub(super) fn of_stack_policy(
    fleet: &FleetName,
    stack: &StackName,
    hosts: &[&str],
    issuers: &Value,
) -> Value {
    json!({ "@id": of_stack(fleet, stack, ACME), "subjects": hosts, "issuers": issuers })
}

/// The authority of the settings, as the only issuer.
pub(super) fn authority(acme: &Acme) -> Value {
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
    json!([issuer])
}

/// Caddy's own authority, as the only issuer.
pub(super) fn own_authority() -> Value {
    json!([{ "module": "internal" }])
}

/// Whether the automatic certificate of a host comes from Caddy's own authority: no public one would give it. One that is
/// not public is asked for whatever name.
pub(super) fn is_internal(host: &HostPattern, acme: Option<&Acme>) -> bool {
    let name = host.to_string();
    let is_short = matches!(host, HostPattern::Wildcard(domain) if !domain.contains('.'));
    let is_own = name == "localhost" || is_short || INTERNAL.iter().any(|end| name.ends_with(end));
    is_own && acme.is_none_or(is_public)
}

/// Whether an authority is one that everybody believes, as the one that Caddy asks by itself is.
fn is_public(acme: &Acme) -> bool {
    let Some(directory) = &acme.directory else { return true };
    let url = url::Url::parse(directory).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    PUBLIC.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_public_authority_certifies_are_left_to_caddys_own() {
        let acme = |directory: Option<&str>| Acme {
            directory: directory.map(str::to_owned),
            ..Acme::default()
        };
        let staging = acme(Some("https://acme-staging-v02.api.letsencrypt.org/directory"));
        let (usual, own) = (acme(None), acme(Some("https://ca.corp.internal/acme/directory")));
        for (host, expected) in [
            ("localhost", true),
            ("site.localhost", true),
            ("printer.local", true),
            ("a.corp.internal", true),
            ("nas.home.arpa", true),
            ("*.localhost", true),
            ("*.com", true),
            ("localhost.example.com", false),
            ("internal.example.com", false),
            ("*.example.com", false),
            ("intranet", false),
        ] {
            let pattern = HostPattern::parse(host).unwrap();
            for public in [None, Some(&usual), Some(&staging)] {
                assert_eq!(is_internal(&pattern, public), expected, "{host} {public:?}");
            }
            assert!(!is_internal(&pattern, Some(&own)), "{host}");
        }
    }
}
