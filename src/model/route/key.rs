//! Which route: its host and its path, ordered as a proxy has to ask.

use std::cmp::Ordering;
use std::fmt;

use super::host::HostPattern;
use super::path::PathPattern;

/// Which route: at most one answers for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteKey {
    /// The host.
    pub host: HostPattern,
    /// The path.
    pub path: PathPattern,
}

/// How many hosts a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Specificity {
    One,
    Many,
    All,
}

/// The order in which a proxy whose first match wins has to ask: exact hosts, wildcards, every host; below that
/// by name; then longer paths before shorter ones, and exact ones before prefixes.
impl Ord for RouteKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let Self { host, path } = self;
        // Of two wildcards none covers the other, so that their names will do.
        (host.specificity(), host.to_string(), path.order()).cmp(&(
            other.host.specificity(),
            other.host.to_string(),
            other.path.order(),
        ))
    }
}

impl PartialOrd for RouteKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `shop.example.com/api/*`
impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, path } = self;
        write!(f, "{host}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_specific_is_asked_first() {
        let key = |host: &str, path| RouteKey { host: HostPattern::parse(host).unwrap(), path };
        let prefix = |text| PathPattern::prefix(text).unwrap();
        let exact = |text| PathPattern::exact(text).unwrap();
        let wanted = [
            key("a.example.com", exact("/api/v1")),
            key("a.example.com", prefix("/api/v1")),
            key("a.example.com", exact("/api")),
            key("a.example.com", prefix("/api")),
            key("a.example.com", exact("/")),
            key("a.example.com", prefix("/")),
            key("b.example.com", prefix("/")),
            key("*.example.com", prefix("/api")),
            key("*.example.com", prefix("/")),
            key("*", prefix("/api")),
            key("*", prefix("/")),
        ];
        let mut sorted: Vec<_> = wanted.iter().rev().cloned().collect();
        sorted.sort();
        assert_eq!(sorted, wanted);
    }
}
