//! `x-skep.routes`: what a stack file says about requests.

mod access;
mod actions;
mod edits;
mod hosting;
mod places;
mod pool;
mod raw;
mod route;
pub mod shape;
mod text;

pub use edits::header_values;
pub use hosting::HostChoice;
pub use raw::modules;
pub use route::{Route, ServiceRoutes, StackRoutes};
pub use text::port;
