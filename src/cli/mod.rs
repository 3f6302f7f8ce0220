//! The commands: arguments in, text or JSON out. Nothing else prints.

pub mod findings;
