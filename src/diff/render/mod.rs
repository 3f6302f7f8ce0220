//! A plan as people read it: text for terminals, Markdown for pull requests.
//!
//! Both are made from the [`Document`](super::document::Document) alone. Whatever came from outside loses its control
//! characters on the way, see [`clean`].

mod change;
mod field;
mod line;
mod look;
mod markdown;
mod phrases;
mod section;
mod text;
mod value;
mod values;

pub use line::clean;
pub use look::{Glyphs, Look, Palette, Role};
pub use markdown::markdown;
pub use text::text;
