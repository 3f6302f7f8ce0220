//! Splitting a command line into words, without a shell.

/// Why a command line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// It ends inside quotes.
    #[error("a quote is not closed")]
    OpenQuote,
    /// It ends with a backslash.
    #[error("nothing follows the last backslash")]
    TrailingBackslash,
}

/// Splits a command line the way docker does (google/shlex): blanks separate words, quotes hold them together, a
/// backslash takes the next character as it is except inside single quotes, and a word that begins with `#`
/// starts a comment.
pub fn split(line: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => {
                chars.by_ref().find(|c| *c == '\n');
            }
            '\\' => {
                let next = chars.next().ok_or(SplitError::TrailingBackslash)?;
                word.get_or_insert_default().push(next);
            }
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(SplitError::OpenQuote)? {
                        end if end == c => break,
                        '\\' if c == '"' => {
                            word.push(chars.next().ok_or(SplitError::TrailingBackslash)?);
                        }
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_split_without_a_shell() {
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("nginx -g 'daemon off;'", &["nginx", "-g", "daemon off;"]),
            (r#"a "d\n e" f\ g # h"#, &["a", "dn e", "f g"]),
            ("a#b ''", &["a#b", ""]),
            ("a # b\nc", &["a", "c"]),
            (r"'a\b'", &[r"a\b"]),
            ("echo $HOME && ls", &["echo", "$HOME", "&&", "ls"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert_eq!(split("a 'b"), Err(SplitError::OpenQuote));
        assert_eq!(split("a \\"), Err(SplitError::TrailingBackslash));
    }
}
