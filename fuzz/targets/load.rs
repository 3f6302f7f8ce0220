//! The fuzz target of `readers/load.rs`.

#![no_main]

#[path = "../readers/load.rs"]
mod load;

libfuzzer_sys::fuzz_target!(|input: &[u8]| load::read(input));
