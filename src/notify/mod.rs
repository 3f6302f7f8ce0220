//! Telling people: events of the journal become messages, and messages go to chats, phones, mailboxes and programs.
//!
//! [`Desk`] decides, purely, who is told of what and when: once for each problem, one digest for what comes together, again
//! after a while, and when it is over. A [`Courier`] for each target delivers, and tries again later what could not be
//! delivered; nobody waits for it. A target is one file below `target/` and one line in its list.

mod answer;
mod courier;
mod delivery;
mod desk;
mod error;
mod file;
mod message;
mod notifier;
mod route;
mod smtp;
mod target;
mod wire;

#[cfg(test)]
mod tests;

pub use courier::{Courier, Outlet};
pub use delivery::Delivery;
pub use desk::{Desk, Pace};
pub use error::SendError;
pub use message::Message;
pub use notifier::Notifier;
pub use route::{Pattern, Route};
pub use target::{
    Discord, Email, Encryption, KINDS, Ntfy, Slack, Target, Template, Webhook, WrittenTarget,
};
pub use wire::{SecretFile, Wire};
