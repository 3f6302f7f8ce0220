//! What a running controller serves over HTTP: pages and the same as JSON, whether it lives, whether it is ready, and its
//! metrics. All of it can be read only; nothing here can reach what writes.
//!
//! [`routes`] lists every path there is, [`metrics_routes`] what there is where metrics are by themselves. [`serve`] bounds
//! what a client can cost: connections, sizes, and time. `view` decides what is shown, `pages` answers with it, `html` is how
//! it looks, and `live` tells of news. Who may read, `access` knows; a `hook` may say that there is something new, and
//! nothing else.

mod access;
mod answer;
mod assets;
mod badge;
mod client;
mod etag;
mod health;
mod hook;
mod html;
mod listener;
mod live;
mod metrics;
mod overviews;
mod pages;
mod patient;
mod routes;
mod server;
#[cfg(test)]
mod tests;
pub mod view;

pub use access::Access;
pub use client::{Answer, ask};
pub use hook::{Hook, Hooks};
pub use listener::{ListenError, Listener};
pub use live::ChangeEvent;
pub use metrics::{METRICS, metrics_routes};
pub use routes::{HOOK, Page, ROUTES, Shown, routes};
pub use server::{Limits, serve};
