//! Stack files to desired objects: YAML, interpolation, Compose, checks, findings. Pure.

mod assemble;
mod check;
pub mod compose;
mod consequences;
pub mod convert;
mod cycle;
pub mod decode;
pub mod dependencies;
pub mod desired;
pub mod discover;
pub mod image;
pub mod interpolate;
pub mod load;
pub mod lock;
mod resolve;
pub mod schema;
mod schema_examples;
pub mod stack;
pub mod tree;
pub mod yaml;
