//! A text with its variables replaced.

use super::template::{At, Empty, Piece, Reference, Rule, SyntaxError, Template, parse};

/// How long one text may become; a file that doubles a variable again and again stops here.
pub(super) const MAX_LENGTH: usize = 1024 * 1024;

/// A text with its variables replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expansion {
    /// The text.
    pub(super) text: String,
    /// The variables that were used without a default and are not set.
    pub(super) unset: Vec<(String, At)>,
    /// The variables that must be set and are not.
    pub(super) missing: Vec<Missing>,
    /// The variables whose values the text holds.
    pub(super) used: Vec<(String, At)>,
    /// Whether the text was cut at [`MAX_LENGTH`].
    pub(super) too_long: bool,
}

/// A variable that must be set and is not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// Its name.
    pub(super) name: String,
    /// What the file says about it, its variables not put in; may be empty.
    pub(super) message: String,
    /// Where it is used.
    pub(super) at: At,
}

/// Replaces the variables of `text`.
pub(super) fn expand<'v>(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<&'v str>,
) -> Result<Expansion, SyntaxError> {
    let template = parse(text)?;
    let mut expansion = Expansion::default();
    expansion.text = expansion.evaluate(&template, lookup);
    Ok(expansion)
}

/// The text of a message, which may be read by more people than the values of its variables.
fn as_written(template: &Template<'_>) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_string(),
        Piece::Variable(Reference { name, .. }) => format!("${{{name}}}"),
    };
    template.pieces.iter().map(piece).collect()
}

impl Expansion {
    fn evaluate<'v>(
        &mut self,
        template: &Template<'_>,
        lookup: &dyn Fn(&str) -> Option<&'v str>,
    ) -> String {
        let mut text = String::new();
        for piece in &template.pieces {
            match piece {
                Piece::Text(piece) => self.append(&mut text, piece),
                Piece::Variable(reference) => {
                    let value = self.value(reference, lookup);
                    self.append(&mut text, &value);
                }
            }
        }
        text
    }

    fn value<'v>(
        &mut self,
        Reference { name, rule, at }: &Reference<'_>,
        lookup: &dyn Fn(&str) -> Option<&'v str>,
    ) -> String {
        let value = lookup(name);
        let filled = |empty: &Empty| value.filter(|v| *empty == Empty::Set || !v.is_empty());
        let variable = || ((*name).to_owned(), *at);
        match rule {
            Rule::Plain => {
                let list = if value.is_some() { &mut self.used } else { &mut self.unset };
                list.push(variable());
                value.unwrap_or_default().to_owned()
            }
            Rule::Default(empty, default) => match filled(empty) {
                Some(value) => {
                    self.used.push(variable());
                    value.to_owned()
                }
                None => self.evaluate(default, lookup),
            },
            Rule::Alternative(empty, alternative) => match filled(empty) {
                Some(_) => self.evaluate(alternative, lookup),
                None => String::new(),
            },
            Rule::Required(empty, message) => {
                if let Some(value) = filled(empty) {
                    self.used.push(variable());
                    return value.to_owned();
                }
                let message = as_written(message);
                self.missing.push(Missing { name: (*name).to_owned(), message, at: *at });
                String::new()
            }
        }
    }

    fn append(&mut self, text: &mut String, piece: &str) {
        if text.len().saturating_add(piece.len()) > MAX_LENGTH {
            self.too_long = true;
        } else {
            text.push_str(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "A" => Some("va"),
            "E" => Some(""),
            "A_B" => Some("vab"),
            _ => None,
        }
    }

    fn text(template: &str) -> String {
        match expand(template, &lookup) {
            Ok(Expansion { text, missing, .. }) => match missing.as_slice() {
                [] => text,
                [Missing { name, message, at: _ }, ..] => format!("{name} missing: {message}"),
            },
            Err(SyntaxError { at, kind }) => format!("{kind:?} at {}+{}", at.dollar, at.length),
        }
    }

    #[test]
    fn compose_syntax_is_expanded() {
        for (template, expected) in [
            ("${A} $A", "va va"),
            ("$$A $${A} $$$A $$$$", "$A ${A} $va $$"),
            ("$A_B ${A}_B $A.b $A-b", "vab va_B va.b va-b"),
            ("${U:-d} ${U-d} ${E:-d} ${E-d} ${A:-d} ${A-d}", "d d d  va va"),
            ("${A:+b}|${A+b}|${E:+b}|${E+b}|${U:+b}|${U+b}", "b|b||b||"),
            ("${A:?m} ${A?m} ${E?m}", "va va "),
            ("${U:?say $A}", "U missing: say ${A}"),
            ("${E:?}", "E missing: "),
            ("${U?m}", "U missing: m"),
            ("${U}|$U", "|"),
            ("${U:-http://x:80/?a=b}", "http://x:80/?a=b"),
            ("${U:-a}b}", "ab}"),
            ("${U:-}", ""),
            ("${U:-${A}} ${U:-${V:-${W-x}}} ${U:-p$A-s}", "va x pva-s"),
            ("${U:-$$}${A:+$${A}}", "$${A}"),
            ("${A:-${U:?never asked}}", "va"),
            ("{} }", "{} }"),
            ("é${A}é", "évaé"),
        ] {
            assert_eq!(text(template), expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_variable_is_an_error_at_its_dollar() {
        for (template, expected) in [
            ("a$", "LoneDollar at 0+1"),
            ("$$ $1", "LoneDollar at 2+1"),
            ("$(x)", "LoneDollar at 0+1"),
            ("$A ${}", "NoName at 1+2"),
            ("${1}", "NoName at 0+2"),
            ("${", "Unclosed at 0+2"),
            ("${A", "Unclosed at 0+3"),
            ("${U:-x", "Unclosed at 0+2"),
            ("${U:-${A}", "Unclosed at 0+2"),
            ("${A!x}", "Operator at 0+3"),
            ("${A }", "Operator at 0+3"),
            ("${A.b}", "Operator at 0+3"),
            ("${A:=x}", "Operator at 0+3"),
            ("${A:}", "Operator at 0+3"),
            ("${A:-$}", "LoneDollar at 1+1"),
        ] {
            assert_eq!(text(template), expected, "{template}");
        }
        assert!(text(&"${A:-".repeat(100_000)).starts_with("TooDeep"));
    }

    #[test]
    fn only_a_variable_that_decides_counts_as_unset() {
        let unset = |template: &str| expand(template, &lookup).map(|e| e.unset);
        let at = At { dollar: 2, length: 4 };
        assert_eq!(unset("$A ${E} ${U}"), Ok(vec![("U".to_owned(), at)]));
        assert_eq!(unset("${U:-x} ${U:+x} ${A:-$U}"), Ok(Vec::new()));
        assert_eq!(unset("${U:-$V}").map(|unset| unset.len()), Ok(1));
    }

    #[test]
    fn a_text_cannot_outgrow_its_budget() {
        let long = "x".repeat(MAX_LENGTH / 2 + 1);
        let result = expand("$A$A", &|_| Some(&long));
        assert!(
            result.is_ok_and(|expansion| expansion.too_long && expansion.text.len() <= MAX_LENGTH)
        );
    }

    proptest! {
        #[test]
        fn escaping_every_dollar_gives_the_text_back(text in "\\PC*") {
            let escaped = text.replace('$', "$$");
            prop_assert_eq!(expand(&escaped, &lookup).map(|e| e.text), Ok(text));
        }

        #[test]
        fn any_text_is_expanded_or_refused(text in "[$${}:?+AUE_1 -]{0,40}") {
            let dollars = text.matches('$').count();
            match expand(&text, &lookup) {
                Ok(expansion) => prop_assert!(expansion.unset.iter().all(|(_, at)| at.dollar < dollars)),
                Err(error) => prop_assert!(error.at.dollar < dollars),
            }
        }

        #[test]
        fn a_default_is_taken_exactly_when_the_value_is_missing(value in "[a-z]{0,4}", default in "[a-z ]{0,6}") {
            let set = |_: &str| Some(value.as_str());
            let colon = expand(&format!("${{X:-{default}}}"), &set).map(|e| e.text);
            let expected = if value.is_empty() { default.clone() } else { value.clone() };
            prop_assert_eq!(colon, Ok(expected));
            let plain = expand(&format!("${{X-{default}}}"), &set).map(|e| e.text);
            prop_assert_eq!(plain, Ok(value.clone()));
            let unset = expand(&format!("${{X-{default}}}"), &|_| None).map(|e| e.text);
            prop_assert_eq!(unset, Ok(default));
        }
    }
}
