//! Findings as people and machines read them.

mod declared_secret;
mod github;
mod json;
mod keys_above;
mod line;
mod shortened;
mod sources;
mod summary;
#[cfg(test)]
mod tests;
mod text;

pub use github::github;
pub use json::{document, schema};
pub use shortened::shortened;
pub use summary::summary;
pub use text::{Look, text};
