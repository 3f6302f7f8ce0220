//! The one table between the Engine's JSON and the field paths that people write.
//!
//! A [`shape::Shape`] names the fields of a kind of object and says what changing each of them costs. Comparison
//! walks the JSON of both sides, so it is complete by construction: whatever no table names shows under its path in
//! the Engine's JSON.

pub(super) mod format;
mod keyed;
mod service_table;
pub(super) mod shape;
mod small_tables;

pub(super) use keyed::{Keyed, key_lists, unkey_lists};
pub(super) use service_table::SERVICE;
pub(super) use small_tables::{CONFIG, NETWORK, SECRET};
