//! Tests of the compiled program as a shell sees it: what it prints, where, and how it exits. No engine is needed.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]

mod arguments;
mod bad_input;
mod help;
mod no_engine;
mod program;
mod render;
mod schema;
mod settings;
mod streams;
