//! Texts that a proxy fills in for each request.

/// A text in which `{http.…}` stands for something of the request, and every other brace for itself.
///
/// Proxies know more placeholders, those of their environment and files among them. What a stack file says must not
/// read these, so they are refused where the text enters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Template(String);

/// What a template consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text as it is.
    Literal(&'a str),
    /// The name of a placeholder, without braces.
    Placeholder(&'a str),
}

impl Template {
    /// Reads a template; `Err` is the placeholder that is none of a request.
    pub fn parse(text: &str) -> Result<Self, &str> {
        for part in parts(text) {
            if let Part::Placeholder(name) = part
                && !name.starts_with("http.")
            {
                return Err(name);
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Its parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        parts(&self.0)
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Splits a text at what looks like a placeholder: a name with a dot, in braces.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(open) = rest[from..].find('{').map(|at| at + from) {
            let inside = &rest[open + 1..];
            let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || "._-:/".contains(c)));
            let end = end.unwrap_or(inside.len());
            let name = &inside[..end];
            if inside[end..].starts_with('}') && name.contains('.') {
                if open > 0 {
                    let literal = &rest[..open];
                    rest = &rest[open..];
                    return Some(Part::Literal(literal));
                }
                rest = &inside[end + 1..];
                return Some(Part::Placeholder(name));
            }
            from = open + 1;
        }
        Some(Part::Literal(std::mem::take(&mut rest)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_request_brings_along_is_filled_in() {
        let text = Template::parse(r#"{"a": {"host": "{http.request.host}"}}"#).unwrap();
        assert_eq!(
            text.parts().collect::<Vec<_>>(),
            [
                Part::Literal(r#"{"a": {"host": ""#),
                Part::Placeholder("http.request.host"),
                Part::Literal(r#""}}"#),
            ]
        );
        for (text, name) in [
            ("{env.AWS_SECRET}", "env.AWS_SECRET"),
            ("x{{file./etc/passwd}}", "file./etc/passwd"),
            ("{system.hostname}", "system.hostname"),
        ] {
            assert_eq!(Template::parse(text), Err(name));
        }
        assert!(Template::parse("{} {a} { env.X } {").is_ok());
    }
}
