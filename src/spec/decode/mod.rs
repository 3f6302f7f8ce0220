//! Decoding of located YAML into types, with every problem reported at once.
//!
//! A type says how it is read by implementing [`Decode`]. What cannot be read becomes a finding with its key path
//! and place, and decoding goes on, so that one pass tells everything that is wrong. A mapping knows its keys by
//! having been asked for them: [`Fields::finish`] reports the rest.

mod cursor;
mod fields;
mod located;
mod path;
mod report;
mod scalar;
mod suggest;

pub use cursor::{Cursor, Decode};
pub use fields::Fields;
pub use located::Located;
pub use path::KeyPath;
pub use report::Report;
pub use scalar::{go_text, parse_bool};
pub use suggest::closest;
