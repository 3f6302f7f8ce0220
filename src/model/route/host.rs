//! Which hosts a route answers for.

use std::fmt;

use super::key::Specificity;

/// Which hosts a route answers for. Names are in lower case and in ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One name.
    Exact(String),
    /// Every name with one label more than this domain: `*.example.com`.
    Wildcard(String),
    /// Every host, also none.
    Any,
}

/// Why a text names no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// A URL.
    #[error("is a URL, not a host")]
    Url,
    /// A port belongs to the proxy's entry points.
    #[error("has a port")]
    Port,
    /// An address, for which there are no certificates.
    #[error("is an address, not a name")]
    Address,
    /// A `*` that is not the whole first label.
    #[error("has a `*` that is not its whole first label")]
    Star,
    /// Not what DNS takes as a name (RFC 1123, IDNA).
    #[error("is no host name")]
    Name,
}

impl HostError {
    /// What to write instead.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Empty => "write a name such as shop.example.com, or `*` for every host",
            Self::Url => "write the name alone; a path has its own key",
            Self::Port => "write the name alone; ports are entry points of the proxy's settings",
            Self::Address => "give the address a name, or use `*` with `http_only`",
            Self::Star => "write *.example.com, or `*` for every host",
            Self::Name => {
                "names have labels of letters, digits and '-', at most 63 characters each, 253 together"
            }
        }
    }
}

impl HostPattern {
    /// Reads a host as people write it; names in other scripts become ASCII.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        match text {
            "" => return Err(HostError::Empty),
            "*" => return Ok(Self::Any),
            _ => {}
        }
        if text.contains('/') {
            return Err(HostError::Url);
        }
        if text.parse::<std::net::IpAddr>().is_ok() || text.starts_with('[') {
            return Err(HostError::Address);
        }
        if text.contains(':') {
            return Err(HostError::Port);
        }
        match text.strip_prefix("*.") {
            Some(domain) => name(domain).map(Self::Wildcard),
            None => name(text).map(Self::Exact),
        }
    }

    /// Whether a request for `other` could be for this one, too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Wildcard(domain), Self::Exact(name)) => {
                name.split_once('.').is_some_and(|(_, rest)| rest == domain)
            }
            (same, other) => same == other,
        }
    }

    pub(super) fn specificity(&self) -> Specificity {
        match self {
            Self::Exact(_) => Specificity::One,
            Self::Wildcard(_) => Specificity::Many,
            Self::Any => Specificity::All,
        }
    }
}

fn name(text: &str) -> Result<String, HostError> {
    if text.contains('*') {
        return Err(HostError::Star);
    }
    let name = match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) => name,
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => return Err(HostError::Address),
        Err(_) => return Err(HostError::Name),
    };
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(is_label) { Ok(name) } else { Err(HostError::Name) }
}

/// `shop.example.com`, `*.example.com` or `*`
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(domain) => write!(f, "*.{domain}"),
            Self::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_wildcards_of_one_label_or_all() {
        let good = [
            ("shop.example.com", "shop.example.com"),
            ("SHOP.example.com", "shop.example.com"),
            ("localhost", "localhost"),
            ("*.example.com", "*.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("*", "*"),
        ];
        for (text, host) in good {
            assert_eq!(HostPattern::parse(text).map(|host| host.to_string()), Ok(host.to_owned()));
        }
        let long = format!("{}.example.com", "a".repeat(64));
        let bad = [
            ("", HostError::Empty),
            ("https://shop.example.com", HostError::Url),
            ("shop.example.com/api", HostError::Url),
            ("shop.example.com:8443", HostError::Port),
            ("10.0.0.1", HostError::Address),
            ("::1", HostError::Address),
            ("[::1]", HostError::Address),
            ("127.1", HostError::Address),
            ("a.*.example.com", HostError::Star),
            ("*.*.example.com", HostError::Star),
            ("shop*.example.com", HostError::Star),
            ("shop_web.example.com", HostError::Name),
            ("shop..example.com", HostError::Name),
            ("shop.example.com.", HostError::Name),
            ("-shop.example.com", HostError::Name),
            ("shop.example.com {env.HOME}", HostError::Name),
            ("{env.HOME}", HostError::Name),
            (&long, HostError::Name),
        ];
        for (text, error) in bad {
            assert_eq!(HostPattern::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_wildcard_covers_names_with_one_label_more() {
        let host = |text| HostPattern::parse(text).unwrap();
        assert!(host("*.example.com").covers(&host("a.example.com")));
        assert!(!host("*.example.com").covers(&host("a.b.example.com")));
        assert!(!host("*.example.com").covers(&host("example.com")));
        assert!(host("*").covers(&host("*.example.com")));
        assert!(!host("a.example.com").covers(&host("*.example.com")));
    }
}
