//! Where Caddy's admin API is.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// Where Caddy's admin API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket of this machine.
    Unix(PathBuf),
    /// A server: `http://` or `https://`.
    Url(Url),
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not one of the known forms.
    #[error("is no address of Caddy's admin API")]
    Form,
    /// A relative path.
    #[error("names a socket by a relative path")]
    RelativeSocket,
}

impl Endpoint {
    /// Reads `unix:///run/caddy/admin.sock`, Caddy's own `unix//run/caddy/admin.sock`, `http://host:2019` or
    /// `https://host:2021`.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let socket = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix/"));
        if let Some(path) = socket {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(EndpointError::RelativeSocket)
            };
        }
        let url = Url::parse(text).map_err(|_| EndpointError::Form)?;
        let is_plain = matches!(url.path(), "/" | "")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain {
            Ok(Self::Url(url))
        } else {
            Err(EndpointError::Form)
        }
    }

    /// Whether whoever reaches the network can reach it, without a certificate.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Url(url) => {
                let is_loopback = match url.host() {
                    Some(url::Host::Domain(name)) => name == "localhost",
                    Some(url::Host::Ipv4(address)) => address.is_loopback(),
                    Some(url::Host::Ipv6(address)) => address.is_loopback(),
                    None => false,
                };
                url.scheme() == "http" && !is_loopback
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Url(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_urls_are_read_in_caddys_notation_and_the_common_one() {
        for (text, shown, open) in [
            ("unix:///run/caddy/admin.sock", "unix:///run/caddy/admin.sock", false),
            ("unix//run/caddy/admin.sock", "unix:///run/caddy/admin.sock", false),
            ("http://127.0.0.1:2019", "http://127.0.0.1:2019", false),
            ("http://caddy:2019/", "http://caddy:2019", true),
            ("https://caddy.internal:2021", "https://caddy.internal:2021", false),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.is_open()), (shown, open));
        }
        assert_eq!(Endpoint::parse("unix://run/x"), Err(EndpointError::RelativeSocket));
        for text in ["", "caddy:2019", "ftp://caddy", "http://a:b@caddy:2019", "http://caddy/load"]
        {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::Form), "{text}");
        }
    }
}
