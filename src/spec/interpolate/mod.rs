//! Variables in stack files: Compose's `${…}` syntax, and the files that variables come from.
//!
//! Where the Compose specification and docker's client differ, the specification wins: defaults nest, `${A:+b}` and
//! `${A+b}` are known, `$$` is a dollar in defaults too, and `$A-b` is the value of `A` and `-b`. As in docker, a
//! dollar that begins no variable (`$1`, `$(`, at the end) is an error rather than a dollar.

mod assignment;
mod document;
mod dotenv;
mod env_file;
mod expand;
mod findings;
mod template;
mod variables;

pub use assignment::Assignment;
pub use document::{Interpolated, Use, interpolate};
pub use dotenv::parse_dotenv;
pub use env_file::parse_env_file;
pub use variables::{Origin, Variable, Variables};
