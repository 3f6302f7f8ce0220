//! How a proxy speaks with the tasks of a service.

use super::text::Template;
use crate::model::nanos::Nanos;

/// The protocol that the target speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP/1.1 without TLS.
    #[default]
    Http,
    /// HTTP with TLS, whose certificate is checked.
    Https,
    /// HTTP with TLS, whose certificate is believed without a check.
    InsecureHttps,
    /// HTTP/2 without TLS, as gRPC servers speak it.
    H2c,
}

/// How requests are spread over tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// Which task gets a request.
    pub policy: Option<Policy>,
    /// Whether the proxy dials tasks itself instead of the service's virtual address.
    pub by_task: bool,
    /// How often another task is tried.
    pub retries: Option<u32>,
    /// How long other tasks are tried.
    pub try_duration: Option<Nanos>,
}

/// Which task gets a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Any.
    Random,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests.
    FewestRequests,
    /// The first that is well.
    First,
    /// By the client's address.
    IpHash,
    /// By the path.
    UriHash,
    /// By a cookie, so that a client stays with its task.
    Sticky(Sticky),
}

/// A cookie that keeps a client with its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// Its name.
    pub cookie: String,
}

/// Requests of the proxy's own that tell whether a target is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveHealth {
    /// Path and query.
    pub path: String,
    /// Time between requests.
    pub interval: Option<Nanos>,
    /// Time that an answer may take.
    pub timeout: Option<Nanos>,
    /// The status that is wanted; 200 to 299 if absent.
    pub status: Option<u16>,
    /// The host that is asked for.
    pub host: Option<Template>,
}

/// What answers to ordinary requests tell of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassiveHealth {
    /// How long a failure counts.
    pub fail_duration: Option<Nanos>,
    /// How many failures make a target unwell.
    pub max_fails: Option<u32>,
    /// Which answers count as failures, beside refused connections.
    pub status: Vec<u16>,
}

/// How long things may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting.
    pub dial: Option<Nanos>,
    /// Until the head of an answer.
    pub response: Option<Nanos>,
    /// Between two reads of an answer.
    pub read: Option<Nanos>,
    /// Between two writes of a request.
    pub write: Option<Nanos>,
    /// How long open streams outlive a change of the proxy's configuration.
    pub stream_close: Option<Nanos>,
}
