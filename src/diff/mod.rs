//! What differs between declared and live objects, and the document in which a plan is published.
//!
//! Pure. The reconciler compares with [`service`], [`network`], [`config`], [`secret`] and [`route`], decides, and fills a
//! [`document::Document`]; text, Markdown and JSON are made from that one value, so they cannot disagree.

mod compare;
mod difference;
pub mod document;
mod fields;
mod ignored;
mod item;
pub mod mask;
mod network;
pub mod render;
mod route;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use difference::{FieldDiff, ObjectDiff};
pub use ignored::with_ignored;
pub use network::network;
pub use route::route;
pub use service::{is_same_service, new_service, service};
pub use store::{ShowContent, config, content, secret};
