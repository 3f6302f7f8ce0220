//! Laws of the differ, shown on objects that set every field there is.

mod completeness;
mod maximal;
mod properties;
mod rendering;
mod sample;
