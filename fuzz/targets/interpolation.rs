//! The fuzz target of `readers/interpolation.rs`.

#![no_main]

#[path = "../readers/interpolation.rs"]
mod interpolation;

libfuzzer_sys::fuzz_target!(|input: &str| interpolation::read(input));
