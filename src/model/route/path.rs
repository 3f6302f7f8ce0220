//! Which paths a route answers for.

use std::fmt;

/// Which paths a route answers for. Proxies compare paths without regard to case, so they are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// The path and everything below it: `/api` is `/api` and `/api/x`, never `/apix`. The root is empty, without a
    /// slash at the end anywhere.
    Prefix(String),
    /// This path alone.
    Exact(String),
}

/// Why a text is no path of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("does not begin with a slash")]
    Relative,
    /// A pattern of another proxy.
    #[error("has a `*`")]
    Star,
    /// A query or a fragment.
    #[error("has a query or fragment")]
    Query,
    /// Empty or dotted segments, which no request has once its path was cleaned.
    #[error("has empty or dotted segments")]
    Segments,
    /// Characters that paths don't have, or that mean something to a proxy.
    #[error("has a character that cannot be matched")]
    Character,
}

impl PathError {
    /// What to write instead.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Relative => "write it from the root: /api",
            Self::Star => "leave it out: /api is /api and everything below it",
            Self::Query => "routes tell hosts and paths apart, not queries",
            Self::Segments => "write it without `//`, `.` and `..`",
            Self::Character => {
                "use letters, digits and -._~!$&'()+,;=:@ and leave other characters out"
            }
        }
    }
}

/// Characters of a path that stand for themselves (RFC 3986, `pchar` without escapes and `*`).
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()+,;=:@/".contains(c)
}

fn check(text: &str) -> Result<String, PathError> {
    if !text.starts_with('/') {
        return Err(PathError::Relative);
    }
    if text.contains('*') {
        return Err(PathError::Star);
    }
    if text.contains(['?', '#']) {
        return Err(PathError::Query);
    }
    if !text.chars().all(is_plain) {
        return Err(PathError::Character);
    }
    let inner = text.strip_prefix('/').unwrap_or(text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let is_empty = inner.is_empty() && text.len() <= 1;
    if !is_empty && inner.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(PathError::Segments);
    }
    Ok(text.to_ascii_lowercase())
}

impl PathPattern {
    /// Everything.
    pub const fn root() -> Self {
        Self::Prefix(String::new())
    }

    /// A path and everything below it; a slash at its end means nothing.
    pub fn prefix(text: &str) -> Result<Self, PathError> {
        let path = check(text)?;
        Ok(Self::Prefix(path.strip_suffix('/').unwrap_or(&path).to_owned()))
    }

    /// One path alone; a slash at its end counts.
    pub fn exact(text: &str) -> Result<Self, PathError> {
        check(text).map(Self::Exact)
    }

    /// The path without what tells prefixes from exact ones.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Prefix(path) | Self::Exact(path) => path,
        }
    }

    /// Longer before shorter, exact before prefix, then by name: the order in which proxies have to ask.
    pub(super) fn order(&self) -> (std::cmp::Reverse<usize>, bool, &str) {
        let path = self.as_str();
        (std::cmp::Reverse(path.len()), matches!(self, Self::Prefix(_)), path)
    }
}

/// `/*`, `/api*` or `/api`
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(path) => write!(f, "{path}/*"),
            Self::Exact(path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_and_begin_at_the_root() {
        let prefix = |text| PathPattern::prefix(text).map(|path| path.to_string());
        assert_eq!(prefix("/"), Ok("/*".to_owned()));
        assert_eq!(prefix("/api"), Ok("/api/*".to_owned()));
        assert_eq!(prefix("/Api/v1/"), Ok("/api/v1/*".to_owned()));
        assert_eq!(PathPattern::exact("/a/").map(|p| p.to_string()), Ok("/a/".to_owned()));
        for (text, error) in [
            ("", PathError::Relative),
            ("api", PathError::Relative),
            ("/api/*", PathError::Star),
            ("/api?x=1", PathError::Query),
            ("//", PathError::Segments),
            ("/a//b", PathError::Segments),
            ("/a/../b", PathError::Segments),
            ("/a b", PathError::Character),
            ("/{env.HOME}", PathError::Character),
            ("/a%2Fb", PathError::Character),
            ("/ä", PathError::Character),
        ] {
            assert_eq!(PathPattern::prefix(text), Err(error), "{text}");
        }
    }
}
