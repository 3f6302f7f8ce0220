//! What the settings say about the proxy as a whole.

use crate::model::route::{IpRange, Template};

/// What is true of every route of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyPolicy {
    /// Where routes stand.
    pub servers: Servers,
    /// The domain of `host: auto`.
    pub root_domain: Option<String>,
    /// Directories below which files may be served.
    pub static_roots: Vec<String>,
    /// Whether stack files may have handlers and issuers in the proxy's own words.
    pub raw: bool,
    /// Headers of answers that do not have them already.
    pub headers: Vec<(String, Template)>,
    /// How automatic certificates are got; Caddy's own way if absent.
    pub acme: Option<Acme>,
}

impl Default for ProxyPolicy {
    fn default() -> Self {
        Self {
            servers: Servers::Own(OwnServers::default()),
            root_domain: None,
            static_roots: vec!["/srv".to_owned()],
            raw: false,
            headers: Vec::new(),
            acme: None,
        }
    }
}

/// The servers of Caddy in which routes stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Servers {
    /// Servers that skep makes.
    Own(OwnServers),
    /// Servers that somebody else made, by name.
    Attached {
        /// The one with TLS.
        https: String,
        /// The one without, for routes that are served without TLS.
        http: Option<String>,
    },
}

/// The servers that skep makes: one for each entry point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnServers {
    /// The port without TLS.
    pub http_port: u16,
    /// The port with TLS.
    pub https_port: u16,
    /// Proxies in front whose word on client addresses is believed.
    pub trusted_proxies: Vec<IpRange>,
    /// Whether requests are logged.
    pub access_log: bool,
    /// Pages for failures, by status.
    pub error_pages: Vec<ErrorPage>,
}

impl Default for OwnServers {
    fn default() -> Self {
        Self {
            http_port: 80,
            https_port: 443,
            trusted_proxies: Vec::new(),
            access_log: false,
            error_pages: Vec::new(),
        }
    }
}

/// A page for a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPage {
    /// The status.
    pub status: u16,
    /// The page.
    pub body: Template,
}

/// How automatic certificates are got (RFC 8555).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acme {
    /// The address of the account.
    pub email: Option<String>,
    /// The directory of the authority.
    pub directory: Option<String>,
    /// A file with certificates of authorities that the directory's server is believed by.
    pub trusted_roots: Option<String>,
}
