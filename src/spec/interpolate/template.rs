//! The grammar of texts with variables.

/// A text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text that stays.
    Text(&'a str),
    /// A variable.
    Variable(Reference<'a>),
}

/// A variable in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// What else decides about its value.
    pub(super) rule: Rule<'a>,
    /// Where it stands.
    pub(super) at: At,
}

/// Where a variable stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    /// Which dollar of the text begins it, from 0.
    pub(super) dollar: usize,
    /// How many characters it takes.
    pub(super) length: usize,
}

/// What follows a name inside of braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule<'a> {
    /// Nothing: `$A`, `${A}`.
    Plain,
    /// `${A-b}`, and with a colon `${A:-b}`: what to take when `A` is not set (or empty).
    Default(Empty, Template<'a>),
    /// `${A+b}`, `${A:+b}`: what to take when `A` is set (and not empty).
    Alternative(Empty, Template<'a>),
    /// `${A?b}`, `${A:?b}`: what to say when `A` is not set (or empty).
    Required(Empty, Template<'a>),
}

/// What an empty variable counts as; the colon decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// As set.
    Set,
    /// As not set.
    Unset,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Where it is wrong.
    pub(super) at: At,
    /// What is wrong there.
    pub(super) kind: SyntaxErrorKind,
}

/// What is wrong with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyntaxErrorKind {
    /// A dollar that begins nothing.
    LoneDollar,
    /// `${` without its `}`.
    Unclosed,
    /// `${` without a name behind it.
    NoName,
    /// Something behind the name that is no operator.
    Operator,
    /// Defaults in defaults, more than [`MAX_NESTING`] deep.
    TooDeep,
}

impl SyntaxErrorKind {
    /// What is wrong, and what to do about it.
    pub(super) fn explain(self) -> (&'static str, &'static str) {
        match self {
            Self::LoneDollar => ("`$` begins no variable here", "write `$$` for a dollar sign"),
            Self::Unclosed => {
                ("`${` is never closed", "add the closing `}`, or write `$$` for a dollar sign")
            }
            Self::NoName => (
                "`${` needs the name of a variable",
                "names are made of letters, digits and `_`; write `$$` for a dollar sign",
            ),
            Self::Operator => (
                "nothing is known to follow the name of the variable like this",
                "Compose knows `${A}`, `${A:-default}`, `${A-default}`, `${A:?error}`, `${A?error}`, `${A:+other}` and `${A+other}`",
            ),
            Self::TooDeep => {
                ("defaults are nested too deep", "give the inner ones names of their own")
            }
        }
    }
}

/// How deep defaults may nest.
const MAX_NESTING: usize = 32;

/// Reads a text with variables.
pub(super) fn parse(text: &str) -> Result<Template<'_>, SyntaxError> {
    let mut parser = Parser { rest: text, dollars: 0 };
    parser.template(0)
}

struct Parser<'a> {
    rest: &'a str,
    dollars: usize,
}

impl<'a> Parser<'a> {
    /// Reads to the end, or inside of braces up to the brace that closes them.
    fn template(&mut self, nesting: usize) -> Result<Template<'a>, SyntaxError> {
        let stops: &[char] = if nesting == 0 { &['$'] } else { &['$', '}'] };
        let mut pieces = Vec::new();
        loop {
            let text = self.take(self.rest.find(stops).unwrap_or(self.rest.len()));
            if !text.is_empty() {
                pieces.push(Piece::Text(text));
            }
            if self.rest.starts_with("$$") {
                self.dollars += 2;
                self.take(1);
                pieces.push(Piece::Text(self.take(1)));
            } else if self.rest.starts_with('$') {
                pieces.push(Piece::Variable(self.reference(nesting)?));
            } else {
                return Ok(Template { pieces });
            }
        }
    }

    /// Reads a variable, dollar first.
    fn reference(&mut self, nesting: usize) -> Result<Reference<'a>, SyntaxError> {
        let whole = self.rest;
        let dollar = self.dollars;
        self.dollars += 1;
        self.take(1);
        let fail = |length, kind| Err(SyntaxError { at: At { dollar, length }, kind });
        if !self.rest.starts_with('{') {
            let name = self.name();
            let length = 1 + name.len();
            return if name.is_empty() {
                fail(1, SyntaxErrorKind::LoneDollar)
            } else {
                Ok(Reference { name, rule: Rule::Plain, at: At { dollar, length } })
            };
        }
        self.take(1);
        let name = self.name();
        if name.is_empty() {
            let kind = match self.rest {
                "" => SyntaxErrorKind::Unclosed,
                _ => SyntaxErrorKind::NoName,
            };
            return fail(2, kind);
        }
        let rule = if self.rest.is_empty() {
            return fail(2 + name.len(), SyntaxErrorKind::Unclosed);
        } else if self.rest.starts_with('}') {
            Rule::Plain
        } else if nesting == MAX_NESTING {
            return fail(2 + name.len(), SyntaxErrorKind::TooDeep);
        } else {
            let empty = if self.rest.starts_with(':') { Empty::Unset } else { Empty::Set };
            self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
            let rule = match self.rest.chars().next() {
                Some('-') => Rule::Default,
                Some('+') => Rule::Alternative,
                Some('?') => Rule::Required,
                _ => return fail(2 + name.len(), SyntaxErrorKind::Operator),
            };
            self.take(1);
            rule(empty, self.template(nesting + 1)?)
        };
        if !self.rest.starts_with('}') {
            return fail(2, SyntaxErrorKind::Unclosed);
        }
        self.take(1);
        let read = whole.len() - self.rest.len();
        let length = whole.get(..read).unwrap_or_default().chars().count();
        Ok(Reference { name, rule, at: At { dollar, length } })
    }

    /// A letter or underscore and what letters, digits and underscores follow; empty when there is none.
    fn name(&mut self) -> &'a str {
        let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !self.rest.starts_with(is_start) {
            return "";
        }
        let end = self.rest.find(|c: char| !is_start(c) && !c.is_ascii_digit());
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}
