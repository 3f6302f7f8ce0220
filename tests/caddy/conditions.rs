//! What single requests do not show: checks of health, limits of time, proxies in front, certificates from files.

use std::net::Ipv4Addr;
use std::time::Duration;

use skep::model::route::IpRange;
use skep::proxy::{Servers, shown_certificate};
use tokio::time::{Instant, sleep};

use super::backend::Backend;
use super::caddy::{Caddy, Setup};
use super::stacks::{declared_with, pass_of};

const STACK: &str = r#"
services:
  well:
    image: acme/shop:1
    x-skep:
      caddy: [{handler: headers, response: {set: {X-Of-Service: ["yes"]}}}]
      routes: [{host: well.example.com, http_only: true, port: "${PORT}", health_check: {path: /x, interval: 100ms}}]
  unwell:
    image: acme/shop:1
    x-skep:
      routes:
        - host: unwell.example.com
          http_only: true
          port: "${PORT}"
          lb: {try_duration: 1ms}
          health_check: {path: /x, interval: 100ms, status: 204}
  slow:
    image: acme/shop:1
    x-skep:
      routes: [{host: slow.example.com, http_only: true, port: "${PORT}", timeouts: {response: 200ms}}]
x-skep:
  caddy: [{handler: headers, response: {set: {X-Of-Stack: ["yes"]}}}]
  routes:
    - {host: near.example.com, http_only: true, allow: 192.0.2.0/24, respond: "for {http.vars.client_ip}"}
    - {host: files.example.com, tls: {certificate: "${FOLDER}/own.pem", key: "${FOLDER}/own.key"}, respond: files}
"#;

const HERE: &[Ipv4Addr] = &[Ipv4Addr::LOCALHOST];

#[tokio::test(flavor = "multi_thread")]
async fn checks_limits_trust_and_files_are_as_they_are_declared() {
    let names = &[("shop_well", HERE), ("shop_unwell", HERE), ("shop_slow", HERE)];
    let Some(caddy) = Caddy::with(Setup { names, ..Setup::default() }).await else { return };
    let is_old = caddy.is_old().await;
    let web = Backend::start().await;
    let own = rcgen::generate_simple_self_signed(["files.example.com".to_owned()]).unwrap();
    caddy.file("own.pem", &own.cert.pem());
    caddy.file("own.key", &own.signing_key.serialize_pem());
    let (port, folder) = (web.port.to_string(), caddy.folder().display().to_string());
    let stack = declared_with(STACK, &[("PORT", &port), ("FOLDER", &folder)]);
    let mut policy = caddy.policy();
    assert!(pass_of(&caddy, &stack, &policy).await.unwrap());
    assert!(!pass_of(&caddy, &stack, &policy).await.unwrap());

    let client = Client { caddy: &caddy, http: reqwest::Client::new() };
    let well = client.ask("well", "/x", None).await;
    assert_eq!(well.status(), 200);
    for of in ["x-of-service", "x-of-stack"] {
        assert_eq!(well.headers()[of], "yes");
    }
    assert_eq!(client.ask("slow", "/slow", None).await.status(), 504);
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.ask("unwell", "/x", None).await.status() != 503 {
        assert!(Instant::now() < deadline, "{}", caddy.log());
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(client.ask("well", "/x", None).await.status(), 200);

    // Who a request comes from is believed of nobody, and then of this machine alone.
    let status = async |from: &str| client.ask("near", "/", Some(from)).await.status();
    assert_eq!(status("192.0.2.9").await, 403);
    if let Servers::Own(own) = &mut policy.servers {
        own.trusted_proxies = vec![IpRange::parse("127.0.0.0/8").unwrap()];
    }
    assert_eq!(pass_of(&caddy, &stack, &policy).await.unwrap(), !is_old);
    if !is_old {
        let answer = client.ask("near", "/", Some("198.51.100.7, 192.0.2.9")).await;
        assert_eq!(answer.text().await.unwrap(), "for 192.0.2.9");
        assert_eq!(status("192.0.2.9, 198.51.100.7").await, 403, "the last one counts");
    }

    let entry = format!("127.0.0.1:{}", caddy.https);
    let shown = shown_certificate(&entry, "files.example.com").await.unwrap();
    assert_eq!((shown.issuer.as_str(), shown.fits), ("rcgen self signed cert", true));
}

/// A client without TLS.
struct Client<'a> {
    caddy: &'a Caddy,
    http: reqwest::Client,
}

impl Client<'_> {
    async fn ask(&self, host: &str, path: &str, from: Option<&str>) -> reqwest::Response {
        let url = format!("http://127.0.0.1:{}{path}", self.caddy.http);
        let request = self.http.get(url).header("host", format!("{host}.example.com"));
        let request = from.into_iter().fold(request, |r, from| r.header("x-forwarded-for", from));
        request.send().await.unwrap()
    }
}
