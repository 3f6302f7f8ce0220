//! The local socket of a running controller: it can be asked how things are, and to look now. It can be told nothing else.
//!
//! One line of JSON is asked, one line of JSON is answered. The socket belongs to one fleet and to one process at a time.

mod client;
mod protocol;
mod server;
mod socket;

pub use client::{AskError, ask};
pub use protocol::{Answer, Question, Shown, schema};
pub use server::{Present, serve};
pub use socket::{BindError, Socket, default_paths};
