//! Secrets inside of text: passwords in URLs, assignments to secret names, values of secret flags, private keys.
//!
//! In doubt a piece is taken for a secret: a plan that hides too much is a nuisance, one that shows too much a leak.

use std::ops::Range;

use super::sensitivity::Sensitivity;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// What may be seen.
    Plain(&'t str),
    /// What may not.
    Secret(&'t str),
}

/// The parts of `text`, in order.
pub(super) fn pieces<'t>(text: &'t str, sensitivity: &Sensitivity) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    let mut seen = 0;
    for range in secrets(text, sensitivity) {
        if let Some(plain) = text.get(seen..range.start).filter(|plain| !plain.is_empty()) {
            pieces.push(Piece::Plain(plain));
        }
        seen = range.end;
        pieces.extend(text.get(range).map(Piece::Secret));
    }
    pieces.extend(text.get(seen..).filter(|plain| !plain.is_empty()).map(Piece::Plain));
    pieces
}

/// Whether the argument after `argument` is a secret: `--password` and the like.
pub fn announces_secret(argument: &str, sensitivity: &Sensitivity) -> bool {
    argument.starts_with('-')
        && !argument.contains('=')
        && sensitivity.is_sensitive(argument.trim_start_matches('-'))
}

/// Where the secrets of `text` are: sorted, apart from each other, none empty.
pub fn secrets(text: &str, sensitivity: &Sensitivity) -> Vec<Range<usize>> {
    if text.contains("PRIVATE KEY-----") {
        return std::iter::once(0..text.len()).collect();
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    found.extend(text.match_indices("://").filter_map(|(at, _)| password_of_url(text, at + 3)));
    found.extend(
        text.match_indices(['=', ':'])
            .filter_map(|(at, sign)| assigned(text, at, sign, sensitivity)),
    );
    found.extend(flag_values(text, sensitivity));
    found.retain(|range| !range.is_empty());
    found.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`')
}

/// The password of the user part that starts at `start`. It may hold unescaped slashes and at signs.
fn password_of_url(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let rest = rest.get(..rest.find(ends_word).unwrap_or(rest.len()))?;
    let authority = rest.get(..rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
    let user = if let Some(at) = authority.rfind('@') {
        rest.get(..at)?
    } else {
        let after_colon = authority.split_once(':')?.1;
        if after_colon.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        rest.get(..rest.rfind('@')?)?
    };
    let colon = user.find(':')?;
    Some(start + colon + 1..start + user.len())
}

/// The value that is assigned at `at`, if the name before it is that of a secret: `name=value`, `name: value`,
/// `"name":"value"`.
fn assigned(text: &str, at: usize, sign: &str, sensitivity: &Sensitivity) -> Option<Range<usize>> {
    let before = text.get(..at)?;
    let name = before.trim_end_matches(['"', '\'', '\\']);
    let is_quoted = name.len() < before.len();
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = name.rsplit(|c| !is_of_name(c)).next()?.trim_start_matches('-');
    // Their values are more than one word.
    let lower = name.to_ascii_lowercase();
    let is_header = lower.ends_with("authorization") || (sign == ":" && lower.ends_with("cookie"));
    if !is_header && !sensitivity.is_sensitive(name) {
        return None;
    }
    let mut start = at + sign.len();
    if sign == ":" {
        let rest = text.get(start..)?;
        let value = rest.trim_start();
        if !is_quoted && value.len() == rest.len() {
            return None;
        }
        start += rest.len() - value.len();
    }
    let rest = text.get(start..)?;
    let value = rest.trim_start_matches('\\');
    start += rest.len() - value.len();
    let length = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            start += 1;
            let value = value.get(1..)?;
            closing(value, quote).unwrap_or(value.len())
        }
        _ if is_header => value.find(['"', '\'', '\n']).unwrap_or(value.len()),
        _ => value.find(ends_word).unwrap_or(value.len()),
    };
    Some(start..start + length)
}

/// Where the quote ends that `text` is in.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !is_escaped {
            return Some(at);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

/// The words after `--password` and the like, and the password after `-u name:`.
fn flag_values(text: &str, sensitivity: &Sensitivity) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut end = 0;
    let mut previous = "";
    for word in text.split_whitespace() {
        let Some(start) = text.get(end..).and_then(|rest| rest.find(word)).map(|at| end + at)
        else {
            break;
        };
        end = start + word.len();
        if announces_secret(previous, sensitivity) {
            found.push(start..end);
        } else if matches!(previous, "-u" | "--user")
            && let Some((name, password)) = word.split_once(':')
            && !password.chars().all(|c| c.is_ascii_digit())
        {
            found.push(start + name.len() + 1..end);
        }
        previous = word;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let sensitivity = Sensitivity::default();
        pieces(text, &sensitivity)
            .into_iter()
            .map(|piece| match piece {
                Piece::Plain(plain) => plain,
                Piece::Secret(_) => "∎",
            })
            .collect()
    }

    #[test]
    fn secrets_inside_of_text_are_found() {
        for (text, expected) in [
            ("postgres://app:s3cret@db:5432/shop", "postgres://app:∎@db:5432/shop"),
            ("redis://:s3/c@ret@cache", "redis://:∎@cache"),
            ("mongodb://a:p/w@h/x y", "mongodb://a:∎@h/x y"),
            ("--password=abc --level=info", "--password=∎ --level=info"),
            ("mysqladmin ping --password abc -h db", "mysqladmin ping --password ∎ -h db"),
            ("MYSQL_PWD='a b' mysql", "MYSQL_PWD='∎' mysql"),
            ("addr=10.0.0.1,username=u,password=p,uid=1", "addr=10.0.0.1,username=u,password=∎"),
            (
                r#"{"user": "u", "password": "p\"w", "n": 1}"#,
                r#"{"user": "u", "password": "∎", "n": 1}"#,
            ),
            (r#"{\"token\":\"abc\"}"#, r#"{\"token\":\"∎"#),
            ("curl -H 'Authorization: Bearer abc def' x", "curl -H 'Authorization: ∎' x"),
            ("Cookie: a=b; c=d\nHost: x", "Cookie: ∎\nHost: x"),
            ("curl -u admin:hunter2 http://x", "curl -u admin:∎ http://x"),
            ("https://x/?access_token=abc&b=1", "https://x/?access_token=∎"),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc", "∎"),
            ("pässwörd token=ü", "pässwörd token=∎"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }

    #[test]
    fn what_only_resembles_a_secret_is_shown() {
        for text in [
            "http://host:8080/a@b",
            "acme/token-service:1.2",
            "https://example.com/x",
            "chown -u 1000:1000",
            "password",
            "--password-file /run/secrets/p",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
