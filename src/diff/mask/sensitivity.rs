//! Which names say that their value is secret.

/// Names whose values are secret, unless [`PLAIN`] has them: the default of the settable list.
pub const SENSITIVE: &[&str] = &[
    "*PASSWORD*",
    "*PASSWD*",
    "*PASSPHRASE*",
    "*_PASS",
    "PASS",
    "*_PWD",
    "*SECRET*",
    "*TOKEN*",
    "*CREDENTIAL*",
    "*APIKEY*",
    "*API_KEY*",
    "*_KEY",
    "*PRIVATE_KEY*",
    "*BASICAUTH*",
    "*BASIC_AUTH*",
    "*_DSN",
    "*AUTHORIZATION*",
    "*COOKIE",
];

/// Names that hold the path of a secret and not the secret.
pub const PLAIN: &[&str] = &["*_FILE", "*_PATH"];

/// Which names say that their value is secret.
#[derive(Debug, Clone)]
pub struct Sensitivity {
    patterns: Vec<String>,
}

impl Default for Sensitivity {
    fn default() -> Self {
        Self::new(SENSITIVE)
    }
}

impl Sensitivity {
    /// Names that match one of `patterns`. `*` stands for anything, case does not count, and `-` and `.` are taken
    /// for `_`. Names of files that hold a secret are exempt; see [`PLAIN`].
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Self {
        Self { patterns: patterns.iter().map(|pattern| folded(pattern.as_ref())).collect() }
    }

    /// Whether the value called `name` is secret.
    pub fn is_sensitive(&self, name: &str) -> bool {
        let name = folded(name);
        self.patterns.iter().any(|pattern| matches(pattern, &name))
            && !PLAIN.iter().any(|pattern| matches(pattern, &name))
    }
}

fn folded(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// Whether `pattern`, in which `*` stands for anything, matches all of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    let Some((middle, end)) = tail.rsplit_once('*') else { return text.ends_with(tail) };
    let Some(mut text) = text.strip_suffix(end) else { return false };
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, rest)) => text = rest,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_and_names_of_their_files_are_not() {
        let sensitivity = Sensitivity::default();
        for name in [
            "DB_PASSWORD",
            "password",
            "MYSQL_ROOT_PASSWORD",
            "aws-secret-access-key",
            "github.token",
            "apiKey",
            "SMTP_PASS",
            "pass",
            "SENTRY_DSN",
            "Proxy-Authorization",
            "Set-Cookie",
            "X-Vault-Token",
            "traefik.http.middlewares.a.basicauth.users",
        ] {
            assert!(sensitivity.is_sensitive(name), "{name}");
        }
        for name in
            ["DB_PASSWORD_FILE", "KEYBOARD", "PWD", "MONKEY", "COMPASS", "HOST", "COOKIES", ""]
        {
            assert!(!sensitivity.is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn a_star_stands_for_anything_anywhere() {
        for (pattern, text, expected) in [
            ("A*C", "ABC", true),
            ("A*C", "AC", true),
            ("A*A", "A", false),
            ("*A*B*", "XAYBZ", true),
            ("*A*B*", "XBYAZ", false),
            ("A*B*C", "AC", false),
            ("*", "", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
