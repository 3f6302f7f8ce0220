//! Routes: which requests a proxy sends where, and what it does with them on the way.
//!
//! A route is an object of the world as a service is. Nothing here knows Caddy's words; `proxy` has those.

mod access;
mod action;
mod desired;
mod edits;
mod host;
mod key;
mod path;
mod pool;
mod range;
mod text;
mod tls;

pub use access::{Access, BasicAuth, BcryptHash, Maintenance};
pub use action::{Action, ExternalTarget, Redirect, Respond, ServiceTarget, StaticFiles};
pub use desired::{DesiredRoute, RouteHost, RouteSpec};
pub use edits::{Encode, Encoding, HeaderEdits, Headers, Rewrite};
pub use host::{HostError, HostPattern};
pub use key::RouteKey;
pub use path::{PathError, PathPattern};
pub use pool::{ActiveHealth, Balance, PassiveHealth, Policy, Scheme, Sticky, Timeouts};
pub use range::IpRange;
pub use text::{Part, Template};
pub use tls::{Certificate, Hsts, Tls};
