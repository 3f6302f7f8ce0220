//! Where clients reach the entry point with TLS, as far as this machine can tell.

use serde_json::Value;

use super::endpoint::Endpoint;
use super::live::Live;
use super::policy::Servers;

/// The port of HTTPS, where nothing else is said.
const HTTPS: u16 = 443;

/// `host:port` of the entry point with TLS: `told`, with or without a port, else the machine on which the admin API is.
pub fn entry_address(
    told: Option<&str>,
    endpoint: &Endpoint,
    servers: &Servers,
    live: &Live,
) -> String {
    let has_port =
        |host: &str| host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = match (told, endpoint) {
        (Some(host), _) if has_port(host) => return host.to_owned(),
        (Some(host), _) => host,
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
        ] {
            assert_eq!(entry_address(told, endpoint, servers, &live), wanted);
        }
    }
}
