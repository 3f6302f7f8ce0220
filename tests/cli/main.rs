//! Tests of the compiled program as a shell sees it: what it prints, where, and how it exits. No engine is needed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail them, too")]

mod arguments;
mod bad_input;
mod controller;
mod first_steps;
mod help;
mod init;
mod news;
mod no_engine;
mod plan;
mod program;
#[path = "../published/mod.rs"]
mod published;
mod render;
mod repository;
mod routes;
mod schema;
mod settings;
mod streams;
