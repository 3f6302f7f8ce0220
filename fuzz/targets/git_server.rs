//! The fuzz target of `readers/git_server.rs`.

#![no_main]

#[path = "../readers/git_server.rs"]
mod git_server;

libfuzzer_sys::fuzz_target!(|input: &[u8]| git_server::read(input));
