//! The fuzz target of `readers/yaml.rs`.

#![no_main]

#[path = "../readers/yaml.rs"]
mod yaml;

libfuzzer_sys::fuzz_target!(|input: &[u8]| yaml::read(input));
