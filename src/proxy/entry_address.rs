//! Where clients reach the entry point with TLS, as far as this machine can tell.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde_json::Value;

use super::endpoint::Endpoint;
use super::live::Live;
use super::policy::Servers;

/// The port of HTTPS, where nothing else is said.
const HTTPS: u16 = 443;

/// Where somebody says that clients reach Caddy with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryAddress {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    host: String,
    /// Where nothing is said of it, that of the server in Caddy's configuration.
    port: Option<u16>,
}

/// Why a text is no address of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryAddressError {
    /// Not one of the known forms.
    #[error("is no HOST or HOST:PORT")]
    Form,
    /// What looks like an IPv6 address and a port may be an address alone.
    #[error("is an IPv6 address without brackets, in which no port can be told from the address")]
    Unbracketed,
    /// Nothing, zero, or more than there are.
    #[error("has no port from 1 to 65535 behind its colon")]
    Port,
}

impl FromStr for EntryAddress {
    type Err = EntryAddressError;

    /// Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(EntryAddressError::Unbracketed);
        }
        let bracket = text.find(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match text.split_at(bracket) {
            ("", _) => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
            (host, "") => (host, None),
            (host, rest) => (host, Some(rest.strip_prefix(':').ok_or(EntryAddressError::Form)?)),
        };
        let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        if !is_host {
            return Err(EntryAddressError::Form);
        }
        let port = port.map(port_of).transpose()?;
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Whether a text is a name or an IPv4 address. A name that ends with a number is taken for an address by resolvers.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let is_number = |label: &str| label.chars().all(|c| c.is_ascii_digit());
    let may_be_address = labels.clone().next_back().is_some_and(is_number);
    labels.all(is_label) && (!may_be_address || host.parse::<Ipv4Addr>().is_ok())
}

fn port_of(text: &str) -> Result<u16, EntryAddressError> {
    // Else a sign would be read, too.
    if !text.chars().all(|c| c.is_ascii_digit()) {
        return Err(EntryAddressError::Form);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or(EntryAddressError::Port)
}

impl fmt::Display for EntryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match port {
            Some(port) => write!(f, "{host}:{port}"),
            None => f.write_str(host),
        }
    }
}

/// `host:port` of the entry point with TLS: `told`, with or without a port, else the machine on which the admin API is.
pub fn entry_address(
    told: Option<&EntryAddress>,
    endpoint: &Endpoint,
    servers: &Servers,
    live: &Live,
) -> String {
    let host = match (told, endpoint) {
        (Some(EntryAddress { host, port: Some(port) }), _) => return format!("{host}:{port}"),
        (Some(EntryAddress { host, port: None }), _) => host,
        (None, Endpoint::Unix(_)) => "127.0.0.1",
        (None, Endpoint::Url(url)) => url.host_str().unwrap_or("127.0.0.1"),
    };
    let port = match servers {
        Servers::Own(own) => own.https_port,
        Servers::Attached { https, http: _ } => listening(live, https).unwrap_or(HTTPS),
    };
    format!("{host}:{port}")
}

/// The first port on which a server listens.
fn listening(live: &Live, server: &str) -> Option<u16> {
    let addresses = live.servers()?.get(server)?.get("listen")?.as_array()?;
    let mut ports = addresses.iter().filter_map(Value::as_str).filter_map(|address| {
        let (_, port) = address.rsplit_once(':')?;
        port.parse().ok()
    });
    ports.next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::proxy::{Features, OwnServers};

    #[test]
    fn the_machine_of_the_admin_api_is_asked_unless_another_one_is_told() {
        let socket = Endpoint::parse("unix:///run/caddy/admin.sock").unwrap();
        let remote = Endpoint::parse("https://caddy.internal:2021").unwrap();
        let own = Servers::Own(OwnServers { https_port: 8443, ..OwnServers::default() });
        let attached = Servers::Attached { https: "srv0".to_owned(), http: None };
        let servers = json!({ "srv0": { "listen": ["[::]:1443"] } });
        let live = Live {
            config: json!({ "apps": { "http": { "servers": servers } } }),
            etag: None,
            features: Features::MODERN,
        };
        for (told, endpoint, servers, wanted) in [
            (None, &socket, &own, "127.0.0.1:8443"),
            (None, &remote, &attached, "caddy.internal:1443"),
            (Some("10.0.0.1"), &remote, &own, "10.0.0.1:8443"),
            (Some("10.0.0.1:443"), &socket, &own, "10.0.0.1:443"),
            (Some("[::1]:443"), &socket, &own, "[::1]:443"),
            (Some("[2001:db8::7]"), &socket, &own, "[2001:db8::7]:8443"),
        ] {
            let told: Option<EntryAddress> = told.map(|told| told.parse().unwrap());
            assert_eq!(entry_address(told.as_ref(), endpoint, servers, &live), wanted);
        }
    }

    #[test]
    fn an_address_that_cannot_work_is_refused() {
        for text in ["edge", "edge.internal.:1", "10.0.0.7", "a_b-c:65535", "[::1]", "[::1]:443"] {
            assert_eq!(text.parse::<EntryAddress>().unwrap().to_string(), text);
        }
        for (text, wanted) in [
            ("2001:db8::7", EntryAddressError::Unbracketed),
            ("::1", EntryAddressError::Unbracketed),
            ("edge:99999", EntryAddressError::Port),
            ("edge:", EntryAddressError::Port),
            ("edge:0", EntryAddressError::Port),
            ("edge:+443", EntryAddressError::Form),
            ("[::1]:", EntryAddressError::Port),
            ("", EntryAddressError::Form),
            (":443", EntryAddressError::Form),
            ("[::1", EntryAddressError::Form),
            ("[::1]443", EntryAddressError::Form),
            ("[edge]:443", EntryAddressError::Form),
            ("10.0.0.300", EntryAddressError::Form),
            ("edge..internal", EntryAddressError::Form),
            ("https://edge", EntryAddressError::Form),
            ("a b", EntryAddressError::Form),
        ] {
            assert_eq!(text.parse::<EntryAddress>(), Err(wanted), "{text:?}");
        }
    }
}
