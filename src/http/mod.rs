//! What a running controller serves over HTTP: whether it lives, whether it is ready, and its metrics. All of it can be
//! read only; nothing here can reach what writes.
//!
//! [`routes`] lists every path there is. [`serve`] bounds what a client can cost: connections, sizes, and time.

mod client;
mod health;
mod listener;
mod patient;
mod routes;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Answer, ask};
pub use listener::{ListenError, Listener};
pub use routes::{ROUTES, Shown, routes};
pub use server::{Limits, serve};
