//! The parser's errors in words that tell the author of a stack file what to do.

use granit_parser::ErrorKind;

/// What is wrong, and what to do about it.
pub(super) struct Explanation {
    /// One sentence fragment.
    pub(super) message: String,
    /// Advice, where there is some.
    pub(super) hint: Option<&'static str>,
}

/// Explains why the text is not YAML.
pub(super) fn explain(kind: &ErrorKind) -> Explanation {
    let (message, hint) = match kind {
        ErrorKind::UnexpectedCharacter { character } => {
            return Explanation {
                message: format!("a value cannot begin with `{}`", character.escape_debug()),
                hint: Some("put the value in quotes"),
            };
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return Explanation { message: format!("`{open}` is closed by `{close}`"), hint: None };
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            return Explanation { message: format!("`{open}` is never closed"), hint: None };
        }
        kind => phrase(kind),
    };
    Explanation { message: message.to_owned(), hint }
}

/// Whether a quoted text runs on to a place where it cannot, most likely because its closing quote is missing.
pub(super) fn is_open_quote(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedQuotedScalar
            | ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::DocumentIndicatorInQuotedScalar
    )
}

/// Whether a tab stands where only spaces may.
pub(super) fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

fn phrase(kind: &ErrorKind) -> (&'static str, Option<&'static str>) {
    use ErrorKind as E;
    match kind {
        kind if is_tab(kind) => {
            ("a tab cannot indent YAML", Some("indent with spaces; most editors can convert tabs"))
        }
        E::MappingValueNotAllowed | E::InvalidColonPlacement => (
            "a `key: value` is not possible here",
            Some("quote a value that contains `: `, or check the indentation of this line"),
        ),
        E::SimpleKeyExpected | E::InvalidSimpleKey => (
            "this line is not a `key: value`",
            Some(
                "write a colon and a space after the key, or indent the line to continue the value above",
            ),
        ),
        E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::InvalidIndentation
        | E::MappingKeyNotAllowed
        | E::InvalidFlowScalarIndent
        | E::InvalidBlockScalarIndent => (
            "the indentation of this line fits no line above",
            Some("items of one mapping or list begin in the same column"),
        ),
        E::BlockSequenceEntryNotAllowed | E::BlockEntryInFlowCollection => (
            "a list item `- ` is not possible here",
            Some("begin the list on a line of its own under the key"),
        ),
        E::MissingAnchorOrAliasName => (
            "`&` and `*` need a name here",
            Some("put a text that begins with `*` or `&` in quotes"),
        ),
        E::UndeclaredTagHandle
        | E::ExpectedTagBang
        | E::InvalidTagTerminator
        | E::MissingTagUri
        | E::UnclosedVerbatimTag
        | E::InvalidTagEscape
        | E::InvalidTagUtf8
        | E::InvalidTagUtf8LeadingByte
        | E::InvalidTagUtf8TrailingByte => (
            "this `!` begins a tag that is not valid",
            Some("put a text that begins with `!` in quotes"),
        ),
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => (
            "unknown escape in a double-quoted text",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        E::InvalidTrailingDoubleQuotedScalar => (
            "the quoted text has ended, but the line goes on",
            Some("write `\\\"` for a quote inside double quotes"),
        ),
        E::InvalidTrailingSingleQuotedScalar => (
            "the quoted text has ended, but the line goes on",
            Some("write `''` for a quote inside single quotes"),
        ),
        E::InvalidBlockScalarHeader | E::ZeroBlockScalarIndent => (
            "after `|` or `>` the line must end",
            Some(
                "begin the text on the next line, or put a value that begins with `|` or `>` in quotes",
            ),
        ),
        E::MisplacedFlowCollectionEnd => (
            "this bracket closes nothing",
            Some("put a value that begins with `]` or `}` in quotes"),
        ),
        E::ExpectedFlowMappingSeparator => ("expected `,` or `}`", None),
        E::ExpectedFlowSequenceSeparator => ("expected `,` or `]`", None),
        E::FlowMappingValueAdjacentCollection | E::InvalidMappingValueWhitespace => {
            ("write a space after the colon", None)
        }
        E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::UnexpectedEofBlockSequence
        | E::UnexpectedEofBlockMapping
        | E::UnexpectedEof => ("the file ends in the middle of a value", None),
        E::CommentNotSeparated => ("write a space before `#`", None),
        E::CommentInterceptedScalar => {
            ("a comment interrupts this text", Some("quote the text, or move the comment"))
        }
        E::BomInsideDocument => ("a byte-order mark in the middle of the file", None),
        E::PlainScalarStartsWithDashFlowIndicator => {
            ("a value cannot begin with `-` and a bracket", Some("put the value in quotes"))
        }
        kind if is_open_quote(kind) => ("this quote is never closed", None),
        _ => ("not valid YAML", None),
    }
}
