//! Saved plans: a file that lists what may be done, bound to the files, variables and images that it was made from.
//!
//! An apply reads everything again and plans anew; the file only allows. It holds no value of a variable and no digest
//! that can be guessed at.

mod arguments;
mod file;
mod find;
mod save;
mod verify;

pub(super) use arguments::Arguments;
pub(super) use file::schema;
pub(super) use find::{Saved, find, refuse};
pub(super) use save::{Made, save};
