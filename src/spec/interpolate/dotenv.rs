//! Compose's reading of `.env` files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assignment::Assignment;
use super::expand::expand;
use super::findings::findings;
use super::template::At;
use super::variables::Variables;
use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::yaml::node::Spot;

/// How many bytes the values of one file may add up to once their variables are replaced.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads a `.env` file as Compose does (`docs.docker.com/compose/how-tos/environment-variables/variable-interpolation`).
///
/// A line is `NAME=value`, `export NAME=value` or `NAME: value`; a bare `NAME` takes its value from `variables` or
/// sets nothing. A value without quotes ends at ` #` or at the end of the line; one in quotes may span lines. In double
/// quotes `\n`, `\t`, `\"` and the like are escapes, in single quotes only `\'` is. Variables are replaced except in
/// single quotes, from `variables` first and then from the lines above.
///
/// Wrong lines are findings; the others are read all the same.
pub fn parse_dotenv(
    text: &[u8],
    file: &Arc<str>,
    variables: &Variables,
) -> (Vec<Assignment>, Vec<Finding>) {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let Ok(text) = std::str::from_utf8(text) else {
        let finding = Finding::error("env-file", Place::file(Arc::clone(file)), "not UTF-8");
        return (Vec::new(), vec![finding.hint("save the file as UTF-8")]);
    };
    let mut reader = Reader {
        cursor: Cursor { rest: text, spot: Spot { line: 1, column: 1 } },
        file,
        variables,
        above: BTreeMap::new(),
        bytes: 0,
        assignments: Vec::new(),
        findings: Vec::new(),
    };
    while !reader.cursor.rest.is_empty() {
        if let Err(finding) = reader.line() {
            reader.findings.push(*finding);
            reader.cursor.skip_while(|c| c != '\n');
        }
    }
    (reader.assignments, reader.findings)
}

/// A value with the spots of its dollars; in single quotes there is nothing to replace.
struct Raw {
    text: String,
    dollars: Vec<Spot>,
    literal: bool,
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    file: &'a Arc<str>,
    variables: &'a Variables,
    above: BTreeMap<String, String>,
    bytes: usize,
    assignments: Vec<Assignment>,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    /// Reads blank space, a comment or an assignment.
    fn line(&mut self) -> Result<(), Box<Finding>> {
        self.cursor.skip_while(char::is_whitespace);
        if self.cursor.rest.is_empty() || self.cursor.rest.starts_with('#') {
            self.cursor.skip_while(|c| c != '\n');
            return Ok(());
        }
        if let Some(rest) = self.cursor.rest.strip_prefix("export")
            && rest.starts_with([' ', '\t'])
        {
            self.cursor.skip("export".len());
            self.cursor.skip_while(is_blank);
        }
        let start = self.cursor.spot;
        let name =
            self.cursor.take_while(|c| c.is_alphanumeric() || "_.-[]".contains(c)).to_owned();
        let place = self.place(start, name.chars().count());
        if name.is_empty() {
            return self.refuse(
                start,
                "a name is missing",
                "write `NAME=value`, or `#` before a comment",
            );
        }
        self.cursor.skip_while(is_blank);
        let value = if self.cursor.rest.starts_with(['=', ':']) {
            self.cursor.bump();
            let raw = self.value()?;
            self.replaced(raw)
        } else if matches!(self.cursor.rest.chars().next(), None | Some('\n' | '\r' | '#')) {
            self.cursor.skip_while(|c| c != '\n');
            match self.variables.value(&name) {
                Some(value) => value.to_owned(),
                None => return Ok(()),
            }
        } else {
            let spot = self.cursor.spot;
            return self.refuse(
                spot,
                "expected `=` behind the name",
                "write `NAME=value`; names contain no blanks",
            );
        };
        self.bytes = self.bytes.saturating_add(value.len());
        if self.bytes > MAX_BYTES {
            self.cursor.rest = "";
            let message = format!("the values of this file add up to more than {MAX_BYTES} bytes");
            return Err(Box::new(Finding::error("interpolation-too-long", place, message)));
        }
        self.above.insert(name.clone(), value.clone());
        self.assignments.push(Assignment { name, value, place });
        Ok(())
    }

    fn value(&mut self) -> Result<Raw, Box<Finding>> {
        let before = self.cursor.rest;
        self.cursor.skip_while(is_blank);
        let start = self.cursor.spot;
        let raw = match self.cursor.rest.chars().next() {
            Some('#') if before.len() > self.cursor.rest.len() => {
                Raw { text: String::new(), dollars: Vec::new(), literal: true }
            }
            Some(quote @ ('"' | '\'')) => match self.quoted(quote) {
                Some(raw) => raw,
                None => {
                    return self.refuse(
                        start,
                        "this quote is never closed",
                        "close it, or put the whole value in the other kind of quotes",
                    );
                }
            },
            _ => return Ok(self.unquoted()),
        };
        self.cursor.skip_while(is_blank);
        match self.cursor.rest.chars().next() {
            None | Some('\n' | '\r') => {}
            Some('#') => self.cursor.skip_while(|c| c != '\n'),
            Some(_) => {
                let spot = self.cursor.spot;
                return self.refuse(
                    spot,
                    "the quoted value has ended, but the line goes on",
                    "write a backslash before a quote that belongs to the value",
                );
            }
        }
        Ok(raw)
    }

    fn unquoted(&mut self) -> Raw {
        let mut spot = self.cursor.spot;
        let line = self.cursor.take_while(|c| c != '\n');
        let value = line.find(" #").or_else(|| line.find("\t#")).and_then(|end| line.get(..end));
        let text = value.unwrap_or(line).trim_end().to_owned();
        let mut dollars = Vec::new();
        for c in text.chars() {
            if c == '$' {
                dollars.push(spot);
            }
            spot.column = spot.column.saturating_add(1);
        }
        Raw { text, dollars, literal: false }
    }

    /// Reads from the opening quote to the closing one; `None` when there is none.
    fn quoted(&mut self, quote: char) -> Option<Raw> {
        let literal = quote == '\'';
        let mut raw = Raw { text: String::new(), dollars: Vec::new(), literal };
        self.cursor.bump();
        loop {
            let spot = self.cursor.spot;
            let c = self.cursor.bump()?;
            if c == quote {
                return Some(raw);
            }
            match c {
                '\\' => {
                    let escaped = self.cursor.bump()?;
                    match escaped {
                        '\'' if literal => raw.text.push('\''),
                        _ if literal => raw.text.extend(['\\', escaped]),
                        'n' => raw.text.push('\n'),
                        'r' => raw.text.push('\r'),
                        't' => raw.text.push('\t'),
                        '"' | '\'' | '\\' => raw.text.push(escaped),
                        '$' => {
                            raw.text.push_str("$$");
                            raw.dollars.extend([spot, spot]);
                        }
                        _ => raw.text.extend(['\\', escaped]),
                    }
                }
                '\r' if self.cursor.rest.starts_with('\n') => {}
                '$' => {
                    raw.dollars.push(spot);
                    raw.text.push('$');
                }
                _ => raw.text.push(c),
            }
        }
    }

    fn replaced(&mut self, Raw { text, dollars, literal }: Raw) -> String {
        if literal {
            return text;
        }
        let lookup = |name: &str| {
            self.variables.value(name).or_else(|| self.above.get(name).map(String::as_str))
        };
        let expansion = expand(&text, &lookup);
        let at = |At { dollar, length }| match dollars.get(dollar) {
            Some(spot) => self.place(*spot, length),
            None => Place::file(Arc::clone(self.file)),
        };
        let mut found = findings(expansion.as_ref(), &at);
        for finding in &mut found {
            if finding.code == "interpolation" {
                finding.hint = Some(
                    "put the value in single quotes if its dollars are meant literally".to_owned(),
                );
            }
        }
        self.findings.extend(found);
        expansion.map(|expansion| expansion.text).unwrap_or_default()
    }

    fn place(&self, Spot { line, column }: Spot, length: usize) -> Place {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Place { file: Arc::clone(self.file), line, column, length }
    }

    fn refuse<T>(&self, spot: Spot, message: &str, hint: &str) -> Result<T, Box<Finding>> {
        Err(Box::new(Finding::error("env-file", self.place(spot, 0), message).hint(hint)))
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// A position in a text.
struct Cursor<'a> {
    rest: &'a str,
    spot: Spot,
}

impl<'a> Cursor<'a> {
    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.spot = Spot { line: self.spot.line.saturating_add(1), column: 1 };
        } else {
            self.spot.column = self.spot.column.saturating_add(1);
        }
        Some(c)
    }

    fn skip(&mut self, characters: usize) {
        for _ in 0..characters {
            self.bump();
        }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let (taken, _) =
            self.rest.split_at(self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len()));
        self.skip(taken.chars().count());
        taken
    }

    fn skip_while(&mut self, accept: impl Fn(char) -> bool) {
        self.take_while(accept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::interpolate::Origin;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut variables = Variables::new();
        variables.add("HOST", "outer", Origin::Flag);
        let (assignments, findings) = parse_dotenv(text.as_bytes(), &".env".into(), &variables);
        let place = |place: &Place| format!("{}:{}", place.line, place.column);
        (
            assignments
                .iter()
                .map(|a| format!("{} {}={}", place(&a.place), a.name, a.value))
                .collect(),
            findings
                .iter()
                .map(|f| {
                    format!("{} {}", f.place.as_ref().map(place).unwrap_or_default(), f.message)
                })
                .collect(),
        )
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        for (line, expected) in [
            ("A=b c", "1:1 A=b c"),
            ("  export A = b  ", "1:10 A=b"),
            ("A: b", "1:1 A=b"),
            ("A=", "1:1 A="),
            ("A=b # comment", "1:1 A=b"),
            ("A=b# none", "1:1 A=b# none"),
            ("A= # comment", "1:1 A="),
            ("A=#b", "1:1 A=#b"),
            ("A=\"b # c\" # comment", "1:1 A=b # c"),
            ("A='b $HOST \\n' ", "1:1 A=b $HOST \\n"),
            ("A='it\\'s'", "1:1 A=it's"),
            ("A=\"{\\\"x\\\": \\\"\\\\\\\"}\"", "1:1 A={\"x\": \"\\\"}"),
            ("A=\"x\\ty\\z\"", "1:1 A=x\ty\\z"),
            ("A=\"one\ntwo\"", "1:1 A=one\ntwo"),
            ("A='one\r\ntwo'\r\n", "1:1 A=one\ntwo"),
            ("A=$HOST", "1:1 A=outer"),
            ("A=\"${HOST}:${PORT:-80}\"", "1:1 A=outer:80"),
            ("A=\"\\$HOST\" ", "1:1 A=$HOST"),
            ("A=$$HOST", "1:1 A=$HOST"),
            ("HOST", "1:1 HOST=outer"),
            ("\u{FEFF}A=b\r\n", "1:1 A=b"),
        ] {
            assert_eq!(read(line), (vec![expected.to_owned()], Vec::new()), "{line:?}");
        }
        for nothing in ["", "# A=b", "\n\n  # x\n", "UNKNOWN"] {
            assert_eq!(read(nothing), (Vec::new(), Vec::new()), "{nothing:?}");
        }
    }

    #[test]
    fn a_value_may_use_the_lines_above_but_the_outside_is_stronger() {
        let (assignments, findings) = read("HOST=inner\nPORT=1\nURL=$HOST:$PORT\nPORT=2\n");
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(assignments, ["1:1 HOST=inner", "2:1 PORT=1", "3:1 URL=outer:1", "4:1 PORT=2"]);
    }

    #[test]
    fn wrong_lines_are_all_reported_and_the_others_read() {
        let (assignments, findings) =
            read("A=1\n=x\nB C=2\nD=\"x\" y\nE=pa$1\nF=${NOPE}\nG=2\nH='open\nI=3");
        assert_eq!(assignments, ["1:1 A=1", "5:1 E=", "6:1 F=", "7:1 G=2"]);
        assert_eq!(
            findings,
            [
                "2:1 a name is missing",
                "3:3 expected `=` behind the name",
                "4:7 the quoted value has ended, but the line goes on",
                "5:5 `$` begins no variable here",
                "6:3 the variable `NOPE` is not set and becomes empty",
                "8:3 this quote is never closed",
            ]
        );
    }

    #[test]
    fn a_file_cannot_outgrow_its_budget() {
        let mut lines = vec!["A0=x".to_owned()];
        lines.extend((0..200).map(|n| format!("A{}=${{A{n}}}${{A{n}}}x", n + 1)));
        let (_, findings) = read(&lines.join("\n"));
        assert!(findings.iter().any(|finding| finding.contains("bytes")), "{findings:?}");
    }

    proptest! {
        #[test]
        fn any_value_survives_single_quotes(value in "[^'\\\\\r]*") {
            let (assignments, findings) = parse_dotenv(format!("A='{value}'\n").as_bytes(), &".env".into(), &Variables::new());
            prop_assert_eq!(findings, Vec::new());
            prop_assert_eq!(assignments.into_iter().map(|a| a.value).collect::<Vec<_>>(), vec![value]);
        }

        #[test]
        fn any_file_is_read_or_refused(text in "[A=:#'\"\\\\$\\{\\} \n\rx]{0,60}") {
            parse_dotenv(text.as_bytes(), &".env".into(), &Variables::new());
        }
    }
}
