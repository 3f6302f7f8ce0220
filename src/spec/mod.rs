//! Stack files to desired objects: YAML, interpolation, Compose, checks, findings. Pure.

pub mod tree;
pub mod yaml;
