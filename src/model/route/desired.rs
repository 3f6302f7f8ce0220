//! A route as a stack file declares it.

use std::fmt;

use serde_json::Value;

use super::access::{Access, Maintenance};
use super::action::Action;
use super::edits::{Encode, Headers, Rewrite};
use super::host::HostPattern;
use super::path::PathPattern;
use super::tls::{Hsts, Tls};
use crate::model::place::Place;

/// A route that a stack declares, for one host and one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRoute {
    /// For which host.
    pub host: RouteHost,
    /// For which path.
    pub path: PathPattern,
    /// What is to be done.
    pub spec: RouteSpec,
    /// Where its host was written.
    pub place: Place,
}

/// The host of a route, which the settings may have to complete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RouteHost {
    /// As declared.
    Named(HostPattern),
    /// This name below the root domain of the settings.
    BelowRoot(String),
}

impl RouteHost {
    /// The host, with what the settings say; `None` without a root domain, or if the two make no name together.
    pub fn resolve(&self, root: Option<&str>) -> Option<HostPattern> {
        match self {
            Self::Named(host) => Some(host.clone()),
            Self::BelowRoot(name) => HostPattern::parse(&format!("{name}.{}", root?)).ok(),
        }
    }
}

/// `shop.example.com`, or `web.shop.<root domain>`
impl fmt::Display for RouteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(host) => write!(f, "{host}"),
            Self::BelowRoot(name) => write!(f, "{name}.<root domain>"),
        }
    }
}

/// What is done with the requests of a route, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// Where the certificate of the host comes from.
    pub tls: Option<Tls>,
    /// Whether the host is served without TLS only.
    pub http_only: bool,
    /// How long browsers remember that there is TLS.
    pub hsts: Option<Hsts>,
    /// Who gets through.
    pub access: Access,
    /// Whether everybody gets a page instead.
    pub maintenance: Option<Maintenance>,
    /// How many bytes a request may have.
    pub max_body: Option<u64>,
    /// How answers are compressed.
    pub encode: Option<Encode>,
    /// How headers are changed.
    pub headers: Headers,
    /// Whether the target sees paths without that of the route.
    pub strip_prefix: bool,
    /// How the path is changed after that.
    pub rewrite: Option<Rewrite>,
    /// Handlers in the proxy's own words.
    pub handlers: Vec<Value>,
    /// What becomes of the request.
    pub action: Action,
}

#[cfg(test)]
impl RouteSpec {
    /// A route that does nothing but `action`.
    pub(crate) fn of(action: Action) -> Self {
        Self {
            tls: None,
            http_only: false,
            hsts: None,
            access: Access::default(),
            maintenance: None,
            max_body: None,
            encode: None,
            headers: Headers::default(),
            strip_prefix: false,
            rewrite: None,
            handlers: Vec::new(),
            action,
        }
    }
}
