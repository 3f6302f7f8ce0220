//! An error and its causes in one line.

use std::error::Error;

/// The message of `error` and of each of its causes, once: `cannot list services: no engine listens at …`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
