//! Stack files to desired objects: YAML, interpolation, Compose, checks, findings. Pure.

pub mod compose;
pub mod decode;
pub mod discover;
pub mod interpolate;
pub mod tree;
pub mod yaml;
