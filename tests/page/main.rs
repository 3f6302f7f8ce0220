//! The status page as clients meet it: over HTTP, and in a real browser where there is one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod browser;
mod canary;
mod crowds;
mod driver;
mod hooks;
mod hostile;
mod prometheus;
#[path = "../published/mod.rs"]
mod published;
mod reading;
mod routes;
mod screenshots;
mod server;
mod world;
