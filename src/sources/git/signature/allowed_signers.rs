//! The list of those whose SSH signatures count, in the form that `ssh-keygen` and git use.
//!
//! See "ALLOWED SIGNERS" in ssh-keygen(1).

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{HashAlg, PublicKey};

use super::super::glob;
use super::SignatureError;

/// What git signs for.
pub(super) const NAMESPACE: &str = "git";

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    principals: String,
    namespaces: Option<Vec<String>>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    key: KeyData,
}

impl Entry {
    fn is_unlimited(&self) -> bool {
        self.after.is_none() && self.before.is_none()
    }
}

/// The list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AllowedSigners(Vec<Entry>);

impl AllowedSigners {
    /// Reads a list. `path` is for messages.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, SignatureError> {
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let entry = entry(line).map_err(|reason| SignatureError::List {
                path: path.to_owned(),
                reason: format!("line {}: {reason}", number + 1),
            })?;
            entries.push(entry);
        }
        Ok(Self(entries))
    }

    /// Who may sign for git with a key at a time: the principals of its entry.
    pub(super) fn find(
        &self,
        key: &KeyData,
        at: Option<Timestamp>,
    ) -> Result<&str, SignatureError> {
        let fingerprint = || key.fingerprint(HashAlg::Sha256).to_string();
        let is_for_git = |entry: &&Entry| {
            let namespaces = entry.namespaces.as_ref();
            namespaces.is_none_or(|all| all.iter().any(|one| glob::matches(one, NAMESPACE)))
        };
        let mut when = None;
        for entry in self.0.iter().filter(|entry| entry.key == *key).filter(is_for_git) {
            let Some(at) = at.or_else(|| entry.is_unlimited().then_some(Timestamp::UNIX_EPOCH))
            else {
                when = Some("at a time that nobody knows".to_owned());
                continue;
            };
            match (entry.after, entry.before) {
                (Some(after), _) if at < after => when = Some(format!("before {after}")),
                (_, Some(before)) if at >= before => when = Some(format!("from {before} on")),
                (_, _) => return Ok(&entry.principals),
            }
        }
        match when {
            Some(when) => Err(SignatureError::Expired { key: fingerprint(), when }),
            None => Err(SignatureError::UnknownSigner { key: fingerprint() }),
        }
    }
}

/// `principals [options] type key [comment]`.
fn entry(line: &str) -> Result<Entry, String> {
    let (principals, rest) = word(line)?;
    let (next, behind) = word(rest)?;
    let (options, key) = if is_key_type(next) { ("", rest) } else { (next, behind) };
    let (mut namespaces, mut after, mut before) = (None::<Vec<String>>, None, None);
    for option in split(options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => namespaces = Some(value.split(',').map(str::to_owned).collect()),
            "valid-after" => after = Some(moment(value)?),
            "valid-before" => before = Some(moment(value)?),
            "cert-authority" => {
                return Err("certificates of an authority are not supported".to_owned());
            }
            _ => return Err(format!("unknown option `{name}`")),
        }
    }
    let (kind, encoded) = word(key)?;
    let (encoded, _comment) = word(encoded)?;
    let key = PublicKey::from_openssh(&format!("{kind} {encoded}"));
    let key = key.map_err(|error| format!("not a public key: {error}"))?;
    let principals = principals.trim_matches('"').to_owned();
    Ok(Entry { principals, namespaces, after, before, key: key.key_data().clone() })
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
}

/// The first word, in which a blank may stand between quotation marks, and what follows it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => return Ok(text.split_at(at)),
            _ => {}
        }
    }
    if is_quoted { Err("a quotation mark without its second".to_owned()) } else { Ok((text, "")) }
}

/// The options, between commas that are not within quotation marks.
fn split(options: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let between = move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    options.split(between).filter(|option| !option.is_empty()).collect()
}

/// `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, in the time zone of this machine unless a `Z` stands behind it.
fn moment(text: &str) -> Result<Timestamp, String> {
    let (digits, zone) = match text.strip_suffix('Z') {
        Some(digits) => (digits, TimeZone::UTC),
        None => (text, TimeZone::system()),
    };
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        _ => digits.to_owned(),
    };
    let wrong = || format!("`{text}` is no time: write 20260131 or 20260131235959Z");
    let time = DateTime::strptime("%Y%m%d%H%M%S", &full).map_err(|_| wrong())?;
    time.to_zoned(zone).map(|time| time.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

    fn find(list: &str, at: Option<i64>) -> Result<String, String> {
        let key = PublicKey::from_openssh(KEY).expect("a key");
        let at = at.map(|at| Timestamp::from_second(at).expect("a time"));
        let list = AllowedSigners::parse(list, Path::new("signers"));
        let list = list.map_err(|error| error.to_string())?;
        list.find(key.key_data(), at).map(str::to_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_counts_for_its_namespace_and_its_time() {
        let ada = Ok("ada@example.com".to_owned());
        assert_eq!(find(&format!("# us\n\nada@example.com {KEY} laptop\n"), None), ada);
        assert_eq!(find(&format!("ada@example.com namespaces=\"file,g?t\" {KEY}"), None), ada);
        assert_eq!(find(&format!("\"ada@example.com\" {KEY}"), None), ada);
        assert!(find(&format!("ada@example.com namespaces=\"file\" {KEY}"), None).is_err());
        assert!(find("", None).expect_err("nobody").contains("not on the list"));

        let until =
            format!("ada@example.com valid-after=\"19700102Z\",valid-before=19700103Z {KEY}");
        let day = 86_400;
        assert_eq!(find(&until, Some(day)), ada);
        assert_eq!(find(&until, Some(2 * day - 1)), ada);
        for outside in [Some(day - 1), Some(2 * day), None] {
            let error = find(&until, outside).expect_err("not valid");
            assert!(error.contains("not valid"), "{error}");
        }
        // A second entry that is valid does.
        assert_eq!(find(&format!("{until}\nada@example.com {KEY}"), Some(9 * day)), ada);
    }

    #[test]
    fn a_list_that_cannot_be_read_lets_nobody_in() {
        for (line, reason) in [
            (format!("ada cert-authority {KEY}"), "line 1: certificates of an authority"),
            (format!("ada valid-before=soon {KEY}"), "line 1: `soon` is no time"),
            (format!("ada no-touch {KEY}"), "line 1: unknown option `no-touch`"),
            ("ada ssh-ed25519 AAAA".to_owned(), "line 1: not a public key"),
            ("\"ada".to_owned(), "line 1: a quotation mark"),
            ("ada".to_owned(), "line 1: not a public key"),
        ] {
            let error = find(&line, None).expect_err(&line);
            assert!(error.contains(reason), "{error}");
        }
    }
}
