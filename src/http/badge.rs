//! Badges: how one stack is, as a small picture for a README.

use maud::{Markup, html};

use crate::reconciler::controller::condition::Condition;

/// How wide a character is, roughly, in the font of the picture.
const CHARACTER: usize = 7;

/// The badge of a stack.
pub(super) fn badge(stack: &str, condition: Option<Condition>) -> Markup {
    let (word, colour) = match condition {
        Some(Condition::Ready) => ("ready", "#1b6e34"),
        Some(Condition::Progressing) => ("progressing", "#0b57a4"),
        Some(Condition::Retrying) => ("retrying", "#835200"),
        Some(Condition::Suspended) => ("suspended", "#565e67"),
        Some(Condition::Stalled) => ("stalled", "#835200"),
        Some(Condition::Degraded) => ("degraded", "#b3261e"),
        None => ("unknown", "#565e67"),
    };
    let width = |text: &str| text.chars().count() * CHARACTER + 14;
    let (left, right) = (width(stack), width(word));
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height="20" role="img"
            aria-label=(format!("{stack}: {word}")) {
            title { (stack) ": " (word) }
            rect width=(left) height="20" fill="#3b4148" {}
            rect x=(left) width=(right) height="20" fill=(colour) {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle" {
                text x=(left / 2) y="14" { (stack) }
                text x=(left + right / 2) y="14" { (word) }
            }
        }
    }
}
