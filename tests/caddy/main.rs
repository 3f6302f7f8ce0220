//! skep's routes on a real Caddy: `SKEP_TEST_CADDY=$(scripts/caddy 2.11) cargo nextest run --test caddy`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]

mod attached;
mod aubg;
mod backend;
mod caddy;
mod client;
mod conditions;
mod doors;
mod drift;
mod faults;
mod gateway;
mod identity;
mod issuers;
mod load;
mod machine;
mod ports;
mod races;
mod requests;
mod scale;
mod socket;
mod stacks;
mod streams;
mod wildcards;
