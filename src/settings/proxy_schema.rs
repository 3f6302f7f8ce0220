//! The schema of `proxy` in the settings file, which is read into types of other layers.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::engine::TlsSettings;
use super::proxy::ProxySettings;
use crate::spec::compose::routes::shape::{boolean, integer, key, list, mapping, text, texts};

impl JsonSchema for ProxySettings {
    fn schema_name() -> Cow<'static, str> {
        "ProxySettings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = [access(generator), conduct()].concat();
        mapping(&["admin"], keys)
    }
}

/// A key and what it may hold.
type Key = (&'static str, Value);

/// How Caddy is reached, and which of its servers are meant.
fn access(generator: &mut SchemaGenerator) -> Vec<Key> {
    vec![
        (
            "admin",
            text(
                "Caddy's admin API: `unix:///path`, `http://host:port` or `https://host:port`.",
                "unix:///run/caddy/admin.sock",
            ),
        ),
        (
            "tls",
            key(
                json!({ "allOf": [generator.subschema_for::<TlsSettings>()] }),
                "TLS for an `admin` that begins with `https://`.",
                json!({ "ca_file": "caddy/ca.pem", "cert_file": "caddy/cert.pem", "key_file": "caddy/key.pem" }),
            ),
        ),
        (
            "entry",
            text(
                "Where clients reach Caddy with TLS, for a look at its certificates, as `host` or `host:port`, an IPv6 address in brackets; the machine of `admin` if absent.",
                "10.0.0.7:443",
            ),
        ),
        (
            "server",
            text(
                "The server of Caddy in which routes stand, made by somebody else; servers of skep's own if absent.",
                "srv0",
            ),
        ),
        ("http_server", text("The same for routes without TLS.", "srv1")),
        (
            "entry_points",
            key(
                entry_points().to_value(),
                "The ports of skep's servers.",
                json!({ "http": 8080, "https": 8443 }),
            ),
        ),
    ]
}

/// What Caddy is to do with routes of whatever stack.
fn conduct() -> Vec<Key> {
    let words = json!({ "type": "string" });
    vec![
        ("root_domain", text("What `host: auto` ends with.", "apps.example.com")),
        (
            "network",
            text(
                "The network that Caddy shares with routed services; those that share none with it are attached.",
                "caddy_public",
            ),
        ),
        (
            "static_roots",
            list(
                &words,
                "Directories, as Caddy sees them, below which `static` may serve files; /srv if absent.",
                json!(["/srv", "/var/www"]),
            ),
        ),
        (
            "raw",
            boolean(
                "Whether stack files may have Caddy's own words: `caddy`, and `issuers` of `tls`; false if absent.",
                true,
            ),
        ),
        (
            "trusted_proxies",
            list(
                &words,
                "Address ranges of proxies in front, whose word on client addresses is believed. Caddy 2.8 and newer.",
                json!(["10.0.0.0/8"]),
            ),
        ),
        (
            "access_log",
            boolean(
                "Whether requests are logged, from Caddy 2.8 on with their stack and service; false if absent.",
                true,
            ),
        ),
        (
            "headers",
            texts(
                "Headers of answers that do not have them already.",
                json!({ "X-Content-Type-Options": "nosniff" }),
            ),
        ),
        (
            "error_pages",
            texts(
                "Pages by status, 400 to 599; HTML if they begin with `<`.",
                json!({ "404": "<h1>No such page</h1>" }),
            ),
        ),
        (
            "acme",
            key(
                acme().to_value(),
                "How automatic certificates are got.",
                json!({ "email": "ops@example.com" }),
            ),
        ),
    ]
}

fn entry_points() -> Schema {
    mapping(
        &[],
        [
            ("http", integer("The port without TLS; 80 if absent.", 8080)),
            ("https", integer("The port with TLS; 443 if absent.", 8443)),
        ],
    )
}

fn acme() -> Schema {
    mapping(
        &[],
        [
            ("email", text("The address of the account.", "ops@example.com")),
            (
                "directory",
                text(
                    "The directory of the authority; Caddy's own choice if absent.",
                    "https://acme-staging-v02.api.letsencrypt.org/directory",
                ),
            ),
            (
                "trusted_roots",
                text(
                    "A file, as Caddy sees it, with authorities that the directory's server is believed by.",
                    "/certs/ca.pem",
                ),
            ),
        ],
    )
}
