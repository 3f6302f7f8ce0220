//! Taking secrets out of what people see.
//!
//! A [`Sensitivity`] says which values are secret by their name; the text itself says it too, as a URL with a
//! password does. A [`Masker`] replaces secrets by numbers for one document, [`redact_service`] by a mark for a file. A
//! [`Scrub`] looks for secrets that are known in text of somebody else.

mod masker;
mod redact;
mod scan;
mod scrub;
mod sensitivity;

pub use masker::Masker;
pub use redact::redact_service;
pub use scan::{announces_secret, secrets};
pub use scrub::Scrub;
pub use sensitivity::{PLAIN, SENSITIVE, Sensitivity};
