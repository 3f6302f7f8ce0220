//! What type a scalar has: the rules of go-yaml v3, which docker's client uses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::node::ScalarKind;
use super::timestamp::is_timestamp;

/// The tag in front of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tag {
    /// None, or the non-specific `!`.
    None,
    /// A tag of YAML itself, by its short name: `str` for `!!str`.
    Core(String),
    /// A tag of the application, as written: `!reset`.
    Local(String),
}

impl Tag {
    /// The tag of the application, which the tree keeps.
    pub(super) fn local(self) -> Option<String> {
        match self {
            Self::Local(name) => Some(name),
            Self::None | Self::Core(_) => None,
        }
    }
}

/// A scalar with its type.
pub(super) type Resolved = (String, ScalarKind);

/// Resolves a scalar from its text, whether it was written plain (without quotes, not as a block), and its tag.
///
/// Compose's own tags `!reset` and `!override` say how to merge and leave the type as it is; any other local tag makes
/// text, as in go-yaml.
///
/// # Errors
/// A message, when the text is nothing that the tag can stand for.
pub(super) fn resolve(text: String, plain: bool, tag: &Tag) -> Result<Resolved, String> {
    let kind = match tag {
        Tag::None if plain => implicit(&text, true),
        Tag::Local(name) if plain && matches!(name.as_str(), "!reset" | "!override") => {
            implicit(&text, true)
        }
        Tag::None | Tag::Local(_) => ScalarKind::String,
        Tag::Core(name) => match name.as_str() {
            "binary" => return binary(&text).map(|text| (text, ScalarKind::String)),
            "null" | "bool" | "int" | "float" | "timestamp" => tagged(&text, name)?,
            _ => ScalarKind::String,
        },
    };
    Ok((text, kind))
}

fn tagged(text: &str, name: &str) -> Result<ScalarKind, String> {
    let kind = implicit(text, name == "timestamp");
    match (name, kind) {
        #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
        ("float", ScalarKind::Int(value)) => Ok(ScalarKind::Float(value as f64)),
        #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
        ("float", ScalarKind::Uint(value)) => Ok(ScalarKind::Float(value as f64)),
        ("null", ScalarKind::Null)
        | ("bool", ScalarKind::Bool(_))
        | ("int", ScalarKind::Int(_) | ScalarKind::Uint(_))
        | ("float", ScalarKind::Float(_))
        | ("timestamp", ScalarKind::Timestamp) => Ok(kind),
        _ => Err(format!("`{text}` cannot be read as `!!{name}`")),
    }
}

fn binary(text: &str) -> Result<String, String> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| "`!!binary` needs base64".to_owned())?;
    String::from_utf8(bytes).map_err(|_| "`!!binary` holds bytes that are not text".to_owned())
}

/// The type of a plain scalar.
fn implicit(text: &str, timestamps: bool) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return ScalarKind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return ScalarKind::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return ScalarKind::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') if underscores_part_digits(text) => float(&text.replace('_', "")),
        Some(b'0'..=b'9') if timestamps && is_timestamp(text) => Some(ScalarKind::Timestamp),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let digits = text.replace('_', "");
            integer(&digits).or_else(|| float(&digits)).or_else(|| go_leftovers(&digits))
        }
        _ => None,
    };
    number.unwrap_or(ScalarKind::String)
}

/// An integer as Go's `strconv.ParseInt` and `ParseUint` with base 0 read it.
fn integer(text: &str) -> Option<ScalarKind> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match magnitude.split_at_checked(2) {
        Some(("0x" | "0X", digits)) => (16, digits),
        Some(("0o" | "0O", digits)) => (8, digits),
        Some(("0b" | "0B", digits)) => (2, digits),
        _ => match magnitude.strip_prefix('0') {
            Some(digits) if !digits.is_empty() => (8, digits),
            _ => (10, magnitude),
        },
    };
    // Rust's parser would take a second sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(value).map(ScalarKind::Int);
    }
    match i64::try_from(value) {
        Ok(value) => Some(ScalarKind::Int(value)),
        // Go's unsigned parser takes no sign, so this one falls through to a float.
        Err(_) if text.starts_with('+') => None,
        Err(_) => Some(ScalarKind::Uint(value)),
    }
}

/// A float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, within the range of a double.
fn float(text: &str) -> Option<ScalarKind> {
    let number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let value: f64 = if number { text.parse().ok()? } else { return None };
    value.is_finite().then_some(ScalarKind::Float(value))
}

/// Go's rule for `_` in numbers, which go-yaml relaxes for all that do not begin with a dot.
fn underscores_part_digits(text: &str) -> bool {
    let digit = |part: Option<char>| part.is_some_and(|c| c.is_ascii_digit());
    let mut parts = text.split('_').peekable();
    while let Some(part) = parts.next() {
        if let Some(next) = parts.peek()
            && !(digit(part.chars().next_back()) && digit(next.chars().next()))
        {
            return false;
        }
    }
    true
}

/// go-yaml strips `0b` and `0o` by itself once everything else failed, which lets a sign stand behind them.
fn go_leftovers(text: &str) -> Option<ScalarKind> {
    let (radix, digits) = match text.strip_prefix("0b") {
        Some(digits) => (2, digits),
        None => (8, text.strip_prefix("0o")?),
    };
    i64::from_str_radix(digits, radix).ok().map(ScalarKind::Int)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> ScalarKind {
        resolve(text.to_owned(), true, &Tag::None).map_or(ScalarKind::String, |(_, kind)| kind)
    }

    /// Each row was read by docker's client 28.2.2 (`docker stack config`).
    #[test]
    fn plain_scalars_resolve_as_in_go() {
        for (text, number) in [
            ("0440", 288),
            ("-0440", -288),
            ("0o17", 15),
            ("-0O17", -15),
            ("0o+17", 15),
            ("0b101", 5),
            ("0B11", 3),
            ("-0b11", -3),
            ("0b-11", -3),
            ("+0x1F", 31),
            ("0x_1F", 31),
            ("1_000", 1000),
            ("1__0_", 10),
            ("00", 0),
            ("0_7", 7),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(plain(text), ScalarKind::Int(number), "{text}");
        }
        assert_eq!(plain("9223372036854775808"), ScalarKind::Uint(9_223_372_036_854_775_808));
        for (text, number) in [
            (".5", 0.5),
            (".5_0", 0.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("0899", 899.0),
            ("1e3", 1000.0),
            ("1_0e1_0", 1e11),
            ("1_000.5", 1000.5),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
            ("+9223372036854775808", 9_223_372_036_854_775_808.0),
            ("-.Inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(plain(text), ScalarKind::Float(number), "{text}");
        }
        for text in [
            "yes", "no", "on", "off", "y", "n", "tRUE", "12:30", "80:80", "1e400", ".5e400", "._5",
            ".5_", "0x", "0x_", "0b", "12e", "_1", "inf", "nan", "infinity", "0x1p4", "-", "+-1",
            "--1", "0x-1", "=", "1.2.3", "5e", "\u{661}",
        ] {
            assert_eq!(plain(text), ScalarKind::String, "{text}");
        }
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(plain(text), ScalarKind::Null, "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_go() {
        for text in [
            "2024-01-01",
            "2024-1-1",
            "2024-02-29",
            "2024-01-01 10:00:00",
            "2024-01-01  1:2:3,5",
            "2024-01-01T10:00:00Z",
            "2024-01-01t10:00:00.25+02:00",
        ] {
            assert_eq!(plain(text), ScalarKind::Timestamp, "{text}");
        }
        for text in [
            "2024-02-30",
            "2024-01",
            "2024-01-01T10:00:00",
            "2024-01-01 10:00:00Z",
            "2024-01-01T10:00:00z",
            "2024-01-01 10:00:00.",
            "2024-01-01T24:00:00Z",
            "24-01-01",
            "2024-01-011",
        ] {
            assert_eq!(plain(text), ScalarKind::String, "{text}");
        }
    }

    #[test]
    fn tags_decide_the_type_or_refuse() {
        let tagged = |text: &str, tag: &str| {
            resolve(text.to_owned(), false, &Tag::Core(tag.to_owned())).map_err(|_| ())
        };
        let scalar = |text: &str, kind| Ok((text.to_owned(), kind));
        assert_eq!(tagged("123", "str"), scalar("123", ScalarKind::String));
        assert_eq!(tagged("42", "int"), scalar("42", ScalarKind::Int(42)));
        assert_eq!(tagged("3", "float"), scalar("3", ScalarKind::Float(3.0)));
        assert_eq!(tagged("true", "bool"), scalar("true", ScalarKind::Bool(true)));
        assert_eq!(tagged("aG\nk=", "binary"), scalar("hi", ScalarKind::String));
        assert_eq!(tagged("x", "set"), scalar("x", ScalarKind::String));
        for (text, tag) in
            [("yes", "bool"), ("abc", "int"), ("x", "null"), ("=", "binary"), ("/w==", "binary")]
        {
            assert_eq!(tagged(text, tag), Err(()), "!!{tag} {text}");
        }
        let local = |text: &str, tag: &str| {
            resolve(text.to_owned(), true, &Tag::Local(tag.to_owned())).map(|(_, kind)| kind)
        };
        assert_eq!(local("3", "!override"), Ok(ScalarKind::Int(3)));
        assert_eq!(local("3", "!other"), Ok(ScalarKind::String));
    }
}
