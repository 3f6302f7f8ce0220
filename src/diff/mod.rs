//! What differs between declared and live objects, and the document in which a plan is published.
//!
//! Pure. The reconciler decides and fills a [`document::Document`]; text, Markdown and JSON are made from that one
//! value, so they cannot disagree.

pub mod document;
