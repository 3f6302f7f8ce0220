//! Who may read: everybody who gets in, or whoever knows a token, or whom a proxy has let through.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::model::secret::Redacted;

/// Who may read. Without a token and a header, everybody who gets in.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What clients must know.
    pub token: Option<Redacted<String>>,
    /// The name of a header, in lower case, that a proxy sets for those whom it has let through.
    pub trusted_header: Option<String>,
    /// Whether it does not matter under which name it is asked for: no web page leads a browser to a unix socket.
    pub any_host: bool,
}

impl Access {
    /// Whether somebody is asked who they are.
    pub fn is_limited(&self) -> bool {
        self.token.is_some() || self.trusted_header.is_some()
    }

    /// Whether a request with these headers may read.
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let Self { token, trusted_header, any_host: _ } = self;
        let is_let_through = trusted_header
            .as_ref()
            .and_then(|name| headers.get(name))
            .is_some_and(|value| !value.is_empty());
        let given = || headers.get(AUTHORIZATION)?.to_str().ok().and_then(credential);
        let knows = token.as_ref().is_some_and(|token| {
            given().is_some_and(|given| is_same(given.as_bytes(), token.expose().as_bytes()))
        });
        !self.is_limited() || is_let_through || knows
    }

    /// Whether a request with these headers asks for this machine. Where nobody is asked who they are, a browser that got
    /// here by the name of a web page, which leads to a loopback address by now, would tell that page everything.
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        self.any_host
            || self.is_limited()
            // Browsers always say which; HTTP/1.0 does without.
            || hosts.all(|host| host.to_str().is_ok_and(is_loopback))
    }
}

/// `localhost`, `127.0.0.1:9323`, `[::1]`
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// What a client knows: a bearer token, or the password that a browser has asked for, whatever the user.
fn credential(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_user, password)| password.to_owned())
}

/// Whether both are the same. How long that takes tells nothing about where they differ, nor how long they are.
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_wanted_as_such_or_as_a_password_and_a_proxy_may_vouch() {
        assert!(Access::default().allows(&HeaderMap::new()));
        let token = Some(Redacted::new("s3cret".to_owned()));
        let access = Access { token, ..Access::default() };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(access.allows(&with("authorization", "bearer s3cret")));
        assert!(access.allows(&with("authorization", &basic("any:s3cret"))));
        for wrong in ["", "Bearer", "Bearer s3cre", "Bearer s3crets", "Digest s3cret", "Basic !"] {
            assert!(!access.allows(&with("authorization", wrong)), "{wrong}");
        }
        assert!(!access.allows(&with("authorization", &basic("s3cret:"))));
        assert!(!access.allows(&with("x-user", "ada")));
        let access = Access { trusted_header: Some("x-user".to_owned()), ..access };
        assert!(access.allows(&with("x-user", "ada")) && !access.allows(&with("x-user", "")));
        let vouching = Access { token: None, ..access };
        assert!(!vouching.allows(&HeaderMap::new()));
    }

    #[test]
    fn without_a_token_only_names_of_this_machine_are_meant() {
        let open = Access::default();
        assert!(open.is_meant(&HeaderMap::new()));
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:9323", "127.8.9.1", "[::1]", "[::1]:80"]
        {
            assert!(open.is_meant(&with("host", host)), "{host}");
        }
        let evil = [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:9323",
            "[::2]",
            "",
            "[::1",
            "0.0.0.0",
        ];
        for host in evil {
            assert!(!open.is_meant(&with("host", host)), "{host}");
        }
        let mut both = with("host", "localhost");
        both.append(HOST, "evil.example".parse().unwrap());
        assert!(!open.is_meant(&both));
        let named = with("host", "skep.example.com");
        assert!(Access { any_host: true, ..Access::default() }.is_meant(&named));
        let token = Some(Redacted::new("s3cret".to_owned()));
        assert!(Access { token, ..Access::default() }.is_meant(&named));
    }
}
