//! The proxy in front of the Swarm, as the settings say it: where Caddy is, and what is true of all its routes.

use super::engine::TlsSettings;
use crate::model::route::{HostPattern, IpRange, Template};
use crate::proxy::{
    Acme, Endpoint, EntryAddress, EntryAddressError, ErrorPage, OwnServers, ProxyPolicy, Servers,
};
use crate::spec::compose::routes::{header_values, port};
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report};

/// Where Caddy's admin API is, and what is true of all routes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxySettings {
    /// Caddy's admin API: `unix:///path`, `http://host:port` or `https://host:port`.
    pub admin: Located<Endpoint>,
    /// TLS for an admin API that begins with `https://`.
    pub tls: Option<TlsSettings>,
    /// Where clients reach Caddy with TLS.
    pub entry: Option<EntryAddress>,
    /// The network that Caddy shares with routed services; services are attached to it if they share none.
    pub network: Option<Located<String>>,
    /// What is true of all routes.
    pub policy: ProxyPolicy,
}

/// Keys that only servers of skep's own can have.
const OF_OWN_SERVERS: [&str; 4] = ["entry_points", "trusted_proxies", "access_log", "error_pages"];

impl Decode for ProxySettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let admin = fields.at("admin").map(|at| admin(&at, report));
        if fields.lacks("admin") {
            let finding = at.error("missing-key", "needs `admin`");
            report.push(finding.hint("write `admin: unix:///run/caddy/admin.sock`"));
        }
        let tls: Option<TlsSettings> = fields.get("tls", report);
        if let (Some(_), Some(Some(admin)), Some(at)) = (&tls, &admin, fields.at("tls"))
            && !matches!(&admin.value, Endpoint::Url(url) if url.scheme() == "https")
        {
            let finding = at.error("conflicting-keys", "goes with an `admin` of https:// only");
            report.push(finding.related(admin.place.clone(), "this one"));
        }
        let entry = fields.at("entry").and_then(|at| entry(&at, report));
        let network = fields.get("network", report);
        let policy = ProxyPolicy {
            servers: servers(&mut fields, report),
            root_domain: fields.at("root_domain").and_then(|at| root_domain(&at, report)),
            static_roots: fields
                .at("static_roots")
                .map_or_else(|| ProxyPolicy::default().static_roots, |at| roots(&at, report)),
            raw: fields.or_default("raw", report),
            headers: fields.at("headers").map(|at| header_values(&at, report)).unwrap_or_default(),
            acme: fields.at("acme").and_then(|at| acme(&at, report)),
        };
        fields.finish(report);
        Some(Self { admin: admin??, tls, entry, network, policy })
    }
}

fn admin(at: &Cursor<'_>, report: &mut Report) -> Option<Located<Endpoint>> {
    let text: String = at.get(report)?;
    match Endpoint::parse(&text) {
        Ok(endpoint) => {
            if endpoint.is_open() {
                report.push(
                    at.warning("open-admin-api", "can be reached by whoever reaches its network")
                        .hint("use a unix socket that only Caddy and skep share, or https:// with client certificates"),
                );
            }
            Some(Located::at(at, endpoint))
        }
        Err(error) => {
            // It may hold a password, so no message shows it.
            report.push(at.error("invalid-url", error).hint(
                "write unix:///run/caddy/admin.sock, http://127.0.0.1:2019 or https://caddy.internal:2021",
            ));
            None
        }
    }
}

fn entry(at: &Cursor<'_>, report: &mut Report) -> Option<EntryAddress> {
    let text: String = at.get(report)?;
    let entry = text.parse();
    if let Err(error) = &entry {
        let hint = match error {
            EntryAddressError::Unbracketed => format!("write `[{text}]`, or `[{text}]:443`"),
            EntryAddressError::Form | EntryAddressError::Port => {
                "write where clients reach Caddy, such as `10.0.0.7`, `edge.internal:8443` or `[2001:db8::7]:443`"
                    .to_owned()
            }
        };
        report.push(at.error("invalid-value", error).hint(hint));
    }
    entry.ok()
}

fn servers(fields: &mut Fields<'_>, report: &mut Report) -> Servers {
    let https: Option<String> = fields.get("server", report);
    let http: Option<String> = fields.get("http_server", report);
    let own = own_servers(fields, report);
    let Some(https) = https else {
        if let (Some(_), Some(at)) = (http, fields.at("http_server")) {
            report.push(at.error("conflicting-keys", "goes with `server` only"));
        }
        return Servers::Own(own);
    };
    for key in OF_OWN_SERVERS {
        if let Some(at) = fields.at(key) {
            let finding = at.error("conflicting-keys", "cannot stand beside `server`");
            report.push(finding.hint("whoever made that server says this of it"));
        }
    }
    Servers::Attached { https, http }
}

fn own_servers(fields: &mut Fields<'_>, report: &mut Report) -> OwnServers {
    let mut own = OwnServers::default();
    if let Some(mut ports) = fields.at("entry_points").and_then(|at| at.fields(report)) {
        for (key, wanted) in [("http", &mut own.http_port), ("https", &mut own.https_port)] {
            if let Some(found) = ports.at(key).and_then(|at| port(&at, report)) {
                *wanted = found;
            }
        }
        if own.http_port == own.https_port {
            report.push(ports.cursor().error("invalid-port", "has one port twice"));
        }
        ports.finish(report);
    }
    own.trusted_proxies = fields.get::<Vec<IpRange>>("trusted_proxies", report).unwrap_or_default();
    own.access_log = fields.or_default("access_log", report);
    own.error_pages = fields.at("error_pages").map(|at| pages(&at, report)).unwrap_or_default();
    own
}

fn pages(at: &Cursor<'_>, report: &mut Report) -> Vec<ErrorPage> {
    let mut pages = Vec::new();
    for (entry, value) in at.entries(report).into_iter().flatten() {
        let body: Option<Template> = value.get(report);
        if let Ok(status @ 400..=599) = entry.key.parse() {
            pages.extend(body.map(|body| ErrorPage { status, body }));
        } else {
            let mut finding =
                at.error("out-of-range", "has a page for what is no status from 400 to 599");
            finding.place = Some(entry.key_place.clone());
            report.push(finding);
        }
    }
    pages.sort_by_key(|page: &ErrorPage| page.status);
    pages
}

fn root_domain(at: &Cursor<'_>, report: &mut Report) -> Option<String> {
    match at.get(report)? {
        HostPattern::Exact(name) => Some(name),
        HostPattern::Wildcard(_) | HostPattern::Any => {
            let finding = at.error("invalid-host", "is a pattern, not a name");
            report.push(finding.hint("write the domain below which hosts get their names"));
            None
        }
    }
}

fn roots(at: &Cursor<'_>, report: &mut Report) -> Vec<String> {
    let mut roots: Vec<String> = Vec::new();
    for item in at.items(report).into_iter().flatten() {
        let Some(root) = item.get::<String>(report) else { continue };
        if root.starts_with('/') && !root.split('/').any(|segment| segment == "..") {
            roots.push(root);
        } else {
            let says = format_args!("must be an absolute path, not {}", item.quoted(&root));
            report.push(item.error("invalid-value", says));
        }
    }
    roots
}

fn acme(at: &Cursor<'_>, report: &mut Report) -> Option<Acme> {
    let mut fields = at.fields(report)?;
    let acme = Acme {
        email: fields.get("email", report),
        directory: fields.get("directory", report),
        trusted_roots: fields.get("trusted_roots", report),
    };
    fields.finish(report);
    Some(acme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::yaml::{budget::Budget, parse};

    fn read(text: &str) -> (Option<ProxySettings>, Vec<String>) {
        let root = parse(text.as_bytes(), "skep.yaml".into(), &Budget::default()).unwrap();
        let mut report = Report::default();
        let settings = Cursor::top(&root).get(&mut report);
        let findings = report.into_findings();
        (settings, findings.iter().map(|f| format!("{}: {}", f.code, f.message)).collect())
    }

    const EVERY_KEY: &str = r#"
admin: https://caddy.internal:2021
tls: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}
entry: 10.0.0.7:8443
network: proxy
entry_points: {http: 8080, https: 8443}
root_domain: apps.example.com
static_roots: [/srv, /var/www]
raw: true
trusted_proxies: [10.0.0.0/8]
access_log: true
headers: {X-Content-Type-Options: nosniff}
error_pages: {"502": <p>soon</p>, "404": nothing here}
acme: {email: ops@example.com, directory: "https://acme.example/dir", trusted_roots: /certs/ca.pem}
"#;

    #[test]
    fn every_key_is_read() {
        let (settings, findings) = read(EVERY_KEY);
        assert_eq!(findings, Vec::<String>::new());
        let settings = settings.unwrap();
        assert_eq!(settings.admin.to_string(), "https://caddy.internal:2021");
        let page = |status, body| ErrorPage { status, body: Template::parse(body).unwrap() };
        let own = OwnServers {
            http_port: 8080,
            https_port: 8443,
            trusted_proxies: IpRange::parse("10.0.0.0/8").into_iter().collect(),
            access_log: true,
            error_pages: vec![page(404, "nothing here"), page(502, "<p>soon</p>")],
        };
        let nosniff = Template::parse("nosniff").unwrap();
        let policy = ProxyPolicy {
            servers: Servers::Own(own),
            root_domain: Some("apps.example.com".to_owned()),
            static_roots: vec!["/srv".to_owned(), "/var/www".to_owned()],
            raw: true,
            headers: vec![("X-Content-Type-Options".to_owned(), nosniff)],
            acme: Some(Acme {
                email: Some("ops@example.com".to_owned()),
                directory: Some("https://acme.example/dir".to_owned()),
                trusted_roots: Some("/certs/ca.pem".to_owned()),
            }),
        };
        assert_eq!(settings.policy, policy);
        assert_eq!(settings.entry, Some("10.0.0.7:8443".parse().unwrap()));
    }

    #[test]
    fn the_schema_and_what_is_read_are_the_same() {
        let schema = serde_json::to_value(schemars::schema_for!(ProxySettings)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let every: serde_json::Value = serde_yaml::from_str(EVERY_KEY).unwrap();
        assert!(validator.is_valid(&every));
        let admin = serde_json::json!({ "admin": "https://caddy.internal:2021", "server": "srv0" });
        for (key, property) in schema["properties"].as_object().unwrap() {
            let mut settings = admin.clone();
            if OF_OWN_SERVERS.contains(&key.as_str()) {
                settings.as_object_mut().unwrap().remove("server");
            }
            settings[key] = property["examples"][0].clone();
            assert!(validator.is_valid(&settings), "{settings}");
            let (_, findings) = read(&settings.to_string());
            assert_eq!(findings, Vec::<String>::new(), "{settings}");
        }
    }

    #[test]
    fn an_entry_that_cannot_work_is_told_with_a_way_out() {
        let message = |text: &str| {
            let text = format!("{{admin: 'unix:///run/caddy.sock', entry: '{text}'}}");
            let (_, findings) = read(&text);
            findings.join("; ")
        };
        assert_eq!(message("[2001:db8::7]:8443"), "");
        assert_eq!(
            message("2001:db8::7"),
            "invalid-value: entry is an IPv6 address without brackets, in which no port can be told from the address"
        );
        assert_eq!(
            message("edge:99999"),
            "invalid-value: entry has no port from 1 to 65535 behind its colon"
        );
        assert_eq!(message("edge:"), message("edge:99999"));
        assert_eq!(message("https://edge"), "invalid-value: entry is no HOST or HOST:PORT");
        let text = "{admin: 'unix:///run/caddy.sock',\n entry: '2001:db8::7'}";
        let root = parse(text.as_bytes(), "skep.yaml".into(), &Budget::default()).unwrap();
        let mut report = Report::default();
        let _: Option<ProxySettings> = Cursor::top(&root).get(&mut report);
        let findings = report.into_findings();
        let finding = findings.first().unwrap();
        assert_eq!(finding.place.as_ref().map(|place| place.line), Some(2));
        assert_eq!(finding.hint.as_deref(), Some("write `[2001:db8::7]`, or `[2001:db8::7]:443`"));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let (_, findings) = read(
            r#"
admin: http://caddy:2019
tls: {ca_file: ca.pem}
server: srv0
entry_points: {http: 80, https: 80}
access_log: true
root_domain: '*.example.com'
static_roots: [srv]
error_pages: {"200": x}
headers: {X: '{env.HOME}'}
servers: x
"#,
        );
        assert_eq!(
            findings,
            [
                "open-admin-api: admin can be reached by whoever reaches its network",
                "conflicting-keys: tls goes with an `admin` of https:// only",
                "invalid-port: entry_points has one port twice",
                "out-of-range: error_pages has a page for what is no status from 400 to 599",
                "conflicting-keys: entry_points cannot stand beside `server`",
                "conflicting-keys: access_log cannot stand beside `server`",
                "conflicting-keys: error_pages cannot stand beside `server`",
                "invalid-host: root_domain is a pattern, not a name",
                "invalid-value: static_roots[0] must be an absolute path, not \"srv\"",
                "foreign-placeholder: headers.X has the placeholder \"{env.HOME}\"",
                "unknown-key: unknown key `servers` at the top of the file",
            ]
        );
        let (settings, findings) = read("{admin: caddy:2019, server: srv0, http_server: srv1}");
        assert!(settings.is_none());
        assert_eq!(findings, ["invalid-url: admin is no address of Caddy's admin API"]);
    }
}
