//! YAML as Go reads it, in a tree that knows where every value was written.

pub(in crate::spec) mod alias;
pub mod budget;
mod build;
mod key;
mod mapping;
pub mod node;
mod parse;
mod places;
mod resolve;
mod source;
mod syntax;
mod timestamp;

pub use parse::parse;
pub use source::too_large;
