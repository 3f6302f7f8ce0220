//! YAML as Go reads it, in a tree that knows where every value was written.

pub mod node;
