//! Which proxy a run works with, and what the settings say about it.

use crate::model::secret::Redacted;
use crate::proxy::{Admin, AdminError, Endpoint, EntryAddress, Live, ProxyPolicy, entry_address};

/// The proxy of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyAim {
    /// Where it is.
    pub address: ProxyAddress,
    /// What is true of its routes.
    pub rules: ProxyRules,
}

/// Where the admin API of a proxy is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddress {
    /// Its address.
    pub endpoint: Endpoint,
    /// The certificate that is shown to it, with its key, in PEM.
    pub identity: Option<Redacted<Vec<u8>>>,
    /// The authorities that its certificate is believed by, in PEM.
    pub authority: Option<Vec<u8>>,
    /// Where clients reach it with TLS, if somebody has said; certificates are looked at there.
    pub entry: Option<EntryAddress>,
}

/// What is true of all routes of a proxy. It tells nobody where the proxy is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyRules {
    /// The network that routed services share with it.
    pub network: Option<String>,
    /// What the settings say about its configuration.
    pub policy: ProxyPolicy,
}

impl ProxyAim {
    /// Where clients reach it with TLS, as `host:port`: where `told` says or else the settings, or as its configuration has
    /// it.
    pub fn entry(&self, told: Option<&EntryAddress>, live: &Live) -> String {
        let Self { address, rules } = self;
        let told = told.or(address.entry.as_ref());
        entry_address(told, &address.endpoint, &rules.policy.servers, live)
    }
}

impl ProxyAddress {
    /// A client for it.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn admin(&self) -> Result<Admin, AdminError> {
        let Self { endpoint, identity, authority, entry: _ } = self;
        let identity = identity.as_ref().map(|identity| identity.expose().as_slice());
        Admin::new(endpoint.clone(), identity, authority.as_deref())
    }
}
