//! What becomes of a request.

use super::pool::{ActiveHealth, Balance, PassiveHealth, Scheme, Timeouts};
use super::text::Template;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A service of the Swarm answers.
    Service(Box<ServiceTarget>),
    /// A server outside answers.
    External(ExternalTarget),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// A file answers.
    Static(StaticFiles),
    /// The proxy answers.
    Respond(Respond),
    /// The proxy's own handlers answer, which stand in the route.
    Handlers,
}

/// A service as a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTarget {
    /// Its full name.
    pub service: String,
    /// The port that its containers listen on.
    pub port: u16,
    /// What it speaks.
    pub scheme: Scheme,
    /// Whether it has a virtual address; without one its tasks are dialled.
    pub has_address: bool,
    /// How requests are spread.
    pub balance: Balance,
    /// Requests that tell whether it is well.
    pub active: Option<ActiveHealth>,
    /// What answers tell.
    pub passive: Option<PassiveHealth>,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// A server outside as a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalTarget {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to with TLS, and whether its certificate is checked.
    pub scheme: Scheme,
    /// Whether it sees the host that the client asked for, instead of its own.
    pub keep_host: bool,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// Where a client is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// A URL or a path.
    pub to: Template,
    /// Whether it is for ever: 308, else 307.
    pub permanent: bool,
    /// Whether path and query are kept behind it.
    pub keep_path: bool,
}

/// Files as answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFiles {
    /// The directory as the proxy sees it.
    pub directory: String,
    /// Whether paths without a file get the index, for applications that have their own paths.
    pub spa: bool,
    /// Names of the files that stand for directories; the proxy's own if empty.
    pub index: Vec<String>,
    /// The file for paths without one, with status 404.
    pub not_found: Option<String>,
}

/// An answer of the proxy itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// The status.
    pub status: u16,
    /// The text.
    pub body: Option<Template>,
}
