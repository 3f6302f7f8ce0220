//! One pass: observe, decide. And passes until nothing is left to do: observe, decide, perform, again.
//!
//! A [`Reader`] has no way to write; a [`Writer`] is made from one. [`decide()`] is pure.

mod converge;
mod decide;
mod reader;
mod request;
mod tempo;
mod writer;

pub use converge::{Ended, Wait};
pub use decide::{decide, declare, scrub};
pub use reader::Reader;
pub use request::Request;
pub use writer::Writer;
pub(super) use writer::gateway;
