//! Replaces the secrets of one document by numbers, equal ones by equal numbers.

use std::collections::HashMap;

use crate::diff::document::Shown;
use crate::diff::fields::format::Written;
use crate::diff::fields::shape::Secrecy;
use crate::model::secret::MASK;

use super::scan::{Piece, announces_secret, pieces};
use super::sensitivity::Sensitivity;

/// Replaces the secrets of one document by numbers. One document, one masker: its numbers say which values are
/// equal, and nothing else about them.
pub struct Masker {
    sensitivity: Sensitivity,
    reveals: bool,
    numbers: HashMap<String, u32>,
}

impl Masker {
    /// A masker that knows no value yet.
    pub fn new(sensitivity: Sensitivity) -> Self {
        Self { sensitivity, reveals: false, numbers: HashMap::new() }
    }

    /// A masker that shows everything, for `--show-sensitive` on a terminal. The data of secrets never gets here.
    pub fn revealing(sensitivity: Sensitivity) -> Self {
        Self { reveals: true, ..Self::new(sensitivity) }
    }

    /// `value` fit to be seen.
    pub(in crate::diff) fn show(&mut self, secrecy: &Secrecy, value: &Written) -> Shown {
        match value {
            Written::Bool(yes) => Shown::Bool(*yes),
            Written::Integer(integer) => Shown::Integer(*integer),
            Written::Number(number) => Shown::Number(*number),
            Written::Text(text) if text == MASK => Shown::NotComparable { not_comparable: true },
            Written::Text(text) => self.text(secrecy, text),
            Written::List(items) => {
                let mut follows_flag = false;
                let shown = items.iter().map(|item| {
                    let secret = follows_flag && *secrecy != Secrecy::Open;
                    follows_flag = announces_secret(item, &self.sensitivity);
                    if secret { self.secret(item) } else { self.text(secrecy, item) }
                });
                Shown::List(shown.collect())
            }
        }
    }

    fn text(&mut self, secrecy: &Secrecy, text: &str) -> Shown {
        match secrecy {
            Secrecy::Open => Shown::Text(text.to_owned()),
            Secrecy::Named(name) if self.sensitivity.is_sensitive(name) => self.secret(text),
            Secrecy::Named(_) | Secrecy::Scanned => self.scanned(text),
        }
    }

    fn scanned(&mut self, text: &str) -> Shown {
        let sensitivity = self.sensitivity.clone();
        let mut shown = String::new();
        for piece in pieces(text, &sensitivity) {
            match piece {
                Piece::Plain(plain) => shown.push_str(plain),
                Piece::Secret(secret) if self.reveals => shown.push_str(secret),
                Piece::Secret(secret) => {
                    let number = self.number(secret).to_string();
                    shown.extend(["(sensitive #", &number, ")"]);
                }
            }
        }
        Shown::Text(shown)
    }

    /// An empty value is no secret, and worth seeing.
    fn secret(&mut self, text: &str) -> Shown {
        if self.reveals || text.is_empty() {
            Shown::Text(text.to_owned())
        } else {
            Shown::Sensitive { sensitive: self.number(text) }
        }
    }

    fn number(&mut self, secret: &str) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX).saturating_add(1);
        *self.numbers.entry(secret.to_owned()).or_insert(next)
    }
}
