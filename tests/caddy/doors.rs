//! The ways to Caddy's admin API: a socket, HTTP with its checks of hosts, TLS with a certificate of skep's own.

use serde_json::json;
use skep::proxy::{Admin, AdminError, Endpoint};

use super::caddy::{Caddy, Setup, free_port};
use super::identity::Identity;
use super::stacks::{pass, routes};

fn stack() -> String {
    routes("    - {host: a.example.com, http_only: true, respond: a}")
}

fn admin(address: &str) -> Admin {
    Admin::new(Endpoint::parse(address).unwrap(), None, None).unwrap()
}

#[tokio::test]
async fn over_http_caddy_lets_those_in_who_come_by_a_name_that_it_knows() {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let origins = [format!("127.0.0.1:{port}")];
    for enforce in [false, true] {
        let admin_api = json!({ "listen": listen, "origins": origins, "enforce_origin": enforce });
        let Some(caddy) = Caddy::with(Setup { admin: admin_api, ..Setup::default() }).await else {
            return;
        };
        assert!(pass(&caddy, &stack()).await.unwrap());
        assert!(!pass(&caddy, &stack()).await.unwrap());
        let other = admin(&format!("http://localhost:{port}"));
        let live = caddy.live().await;
        let refused =
            [other.read().await.unwrap_err(), other.write(&live, &json!({})).await.unwrap_err()];
        for error in refused {
            assert!(matches!(error, AdminError::Forbidden { .. }), "{error}");
            assert!(error.to_string().contains("not allowed"), "{error}");
        }
        assert_eq!(caddy.live().await.config, live.config);
    }
}

#[tokio::test]
async fn over_a_socket_caddy_may_want_an_origin() {
    // Before 2.7 the name that comes with a request has to be known, too, and on a socket that is none.
    let admin = json!({ "enforce_origin": true, "origins": ["localhost", ""] });
    let Some(caddy) = Caddy::with(Setup { admin, ..Setup::default() }).await else { return };
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert!(!pass(&caddy, &stack()).await.unwrap());
}

#[tokio::test]
async fn over_tls_caddy_lets_those_in_whose_certificate_it_knows() {
    let port = free_port();
    let (known, unknown) = (Identity::new(), Identity::new());
    let admin = known.lets_in(port);
    let (known, unknown) = (known.pem(), unknown.pem());
    let Some(caddy) = Caddy::with(Setup { admin, ..Setup::default() }).await else { return };
    let root = std::fs::read(caddy.root()).unwrap();
    let endpoint = Endpoint::parse(&format!("https://localhost:{port}")).unwrap();
    let to = |identity: Option<&[u8]>, authority: Option<&[u8]>| {
        Admin::new(endpoint.clone(), identity, authority).unwrap()
    };
    let own = to(Some(&known), Some(&root));
    // The certificate of the admin API comes once Caddy is up.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let live = loop {
        match own.read().await {
            Ok(live) => break live,
            Err(error) => {
                assert!(std::time::Instant::now() < deadline, "{error:?}\n{}", caddy.log());
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let mut config = live.config.clone();
    config["apps"]["http"] = json!({ "grace_period": "7s" });
    own.write(&live, &config).await.unwrap();
    assert_eq!(own.read().await.unwrap().config, config);

    for (identity, authority) in
        [(None, Some(&root)), (Some(&unknown), Some(&root)), (Some(&known), None)]
    {
        let stranger = to(identity.map(Vec::as_slice), authority.map(Vec::as_slice));
        let error = stranger.read().await.unwrap_err();
        assert!(
            matches!(error, AdminError::Unreachable { .. } | AdminError::Forbidden { .. }),
            "{error}"
        );
        let error = stranger.write(&live, &json!({})).await.unwrap_err();
        assert!(
            matches!(error, AdminError::Unreachable { .. } | AdminError::Forbidden { .. }),
            "{error}"
        );
    }
    assert_eq!(caddy.live().await.config, config);
}
