//! Certificates of a host.

use serde_json::Value;

use crate::model::nanos::Nanos;

/// Where the certificate of a host comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tls {
    /// From whom the proxy gets certificates by itself.
    #[default]
    Automatic,
    /// From the proxy's own authority, which only those who installed it believe.
    Internal,
    /// From files that the proxy sees.
    Files(Certificate),
    /// From issuers in the proxy's own words, such as one that proves hosts by DNS.
    Issuers(Vec<Value>),
}

/// A certificate and its key, as the proxy sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate and those between it and its authority, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: String,
}

/// How long browsers speak to a host with TLS only (RFC 6797).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hsts {
    /// How long.
    pub max_age: Nanos,
    /// Whether for every name below it, too.
    pub subdomains: bool,
    /// Whether browsers may know it beforehand.
    pub preload: bool,
}
