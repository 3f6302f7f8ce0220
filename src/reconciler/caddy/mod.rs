//! The proxy of a run: which one it is, what was seen of it, and how steps on routes are written to it.
//!
//! Planning gets a [`Sight`], which is a value. Only a [`Gateway`] writes, and it is made where steps are performed.

mod aim;
mod gateway;
mod look;
mod part;
mod perform;
mod sight;

pub use aim::{ProxyAddress, ProxyAim, ProxyRules};
pub use gateway::{Gateway, NotWritten, Written};
pub use look::ProxyReader;
pub use part::ProxyPart;
pub(super) use part::named;
pub(super) use perform::{is_of_proxy, perform};
pub use sight::Sight;
