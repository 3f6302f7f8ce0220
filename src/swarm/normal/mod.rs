//! Engine defaults: brings specs that mean the same into the same form.
//!
//! The only place that knows what an absent field means. What is declared and what is live both go through
//! [`service`], so that comparing them is comparing values: absent settings are filled in with what the Engine
//! does without them, empty groups of settings become absent, and lists whose order has no meaning are sorted.
//! The facts are moby's `daemon/cluster/convert` and swarmkit's `api/defaults`, tried on Docker 20.10, 26.1
//! and 28.5 (`tests/engine/normal.rs`).

mod container;
mod mount;
mod network;
mod service;
mod task;

pub use network::{network_as_asked, network_asked};
pub use service::service;
pub use task::template;

/// `None` for a group of settings in which nothing is set.
fn unless_default<T: Default + PartialEq>(group: &mut Option<T>) {
    if group.as_ref().is_some_and(|value| *value == T::default()) {
        *group = None;
    }
}

/// Fills in what an empty text means.
fn fill(text: &mut String, meaning: &str) {
    if text.is_empty() {
        meaning.clone_into(text);
    }
}
