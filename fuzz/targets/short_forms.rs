//! The fuzz target of `readers/short_forms.rs`.

#![no_main]

#[path = "../readers/short_forms.rs"]
mod short_forms;

libfuzzer_sys::fuzz_target!(|input: &str| short_forms::read(input));
