//! One document from all files of a stack: several files, `include`, `extends`, `!reset` and `!override`.
//!
//! Everything here works on located YAML, before keys are decoded, so that every value keeps the place where it was
//! written, and says where it is used. Paths in the result are relative to the stack's directory, whatever file they
//! came from.

mod documents;
mod extends;
mod import;
mod include;
mod merge;
mod project;
mod relocate;
mod scopes;
mod trail;
mod unlike;

pub(super) use project::{Assembled, assemble};
pub(super) use scopes::{Kind, Scopes};
pub(super) use trail::has_uses;
