//! Who gets through a route at all.

use super::path::PathPattern;
use super::range::IpRange;
use super::text::Template;
use crate::model::nanos::Nanos;
use crate::model::secret::Redacted;

/// Who gets through a route. What is refused by address is asked for no password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Addresses that get through; all if empty.
    pub allow: Vec<IpRange>,
    /// Addresses that do not, whatever `allow` says.
    pub deny: Vec<IpRange>,
    /// Names and passwords.
    pub basic_auth: Option<BasicAuth>,
}

/// Names and passwords that browsers ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicAuth {
    /// Hashes of passwords by user, sorted.
    pub users: Vec<(String, BcryptHash)>,
    /// What browsers show.
    pub realm: Option<String>,
    /// Paths that need no password.
    pub except: Vec<PathPattern>,
}

/// A bcrypt hash. It can be guessed at, so it prints nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BcryptHash(Redacted<String>);

impl BcryptHash {
    /// Reads a hash in the modular crypt format: `$2a$14$` and 53 characters (`bcrypt` in golang.org/x/crypto).
    pub fn parse(text: &str) -> Option<Self> {
        let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
        let (cost, hash) = rest.split_once('$')?;
        let is_cost =
            cost.len() == 2 && cost.parse().is_ok_and(|cost: u8| (4..=31).contains(&cost));
        let is_hash = hash.len() == 53
            && hash.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.' || c == b'/');
        (is_cost && is_hash).then(|| Self(Redacted::new(text.to_owned())))
    }

    /// The hash, for the proxy alone.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }
}

/// What every request gets while a service is being worked on: 503, and a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// The page; a sentence if absent.
    pub body: Option<Template>,
    /// When to come back.
    pub retry_after: Option<Nanos>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bcrypt_is_taken_and_it_prints_nowhere() {
        let text = "$2a$14$ShnA6wrlbmeSnIYwZmr7.eJFdn.95MwYszz1nQ61zKQXkwuu4FAlC";
        let hash = BcryptHash::parse(text).unwrap();
        assert_eq!(hash.expose(), text);
        assert!(!format!("{hash:?}").contains("ShnA6"));
        for text in
            ["secret", "$2a$99$x", "$apr1$x$y", "$2a$14$short", "$argon2id$v=19$m=1,t=1,p=1$a$b"]
        {
            assert!(BcryptHash::parse(text).is_none(), "{text}");
        }
    }
}
