//! The settings file as people write it, right and wrong.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Listen, ListenError, Settings, VARIABLES, parse};
use crate::history::Limits;
use crate::model::finding::Finding;
use crate::reconciler::controller::drift::DriftMode;
use crate::reconciler::policy::{Adoption, ResolveImage};
use crate::swarm::{Address, Declared};

const FULL: &str = r#"
fleet: production
engine:
  hosts: ["tcp://a:1", "https://b", "ssh://me@c", "unix:///d"]
  tls: {ca_file: tls/ca.pem, cert_file: tls/cert.pem, key_file: /run/key.pem}
sources:
  - name: main
    path: stacks
  - {name: edge, path: ../edge}
stacks:
  - name: shop
    source: edge
    files: [shop/stack.yaml, shop/production.yaml]
    variables: {TAG: 1.4.2, REPLICAS: 3, DEBUG: false, EMPTY: ""}
    env_files: [production.env]
    drift: off
registries:
  - {host: "reg.example:5000", username: robot, password_file: secrets/registry}
  - {host: docker.io, identity_token_file: /run/secrets/hub}
prune: true
prune_stacks: false
adopt: always
retention: 2
strict: true
resolve_image: never
allow_replace: false
timeout: 10m
drift: report
intervals: {poll: 30s, resync: 10m, retry: 2m}
socket: /run/skep/production.sock
status: {listen: "127.0.0.1:9323", metrics: false, metrics_listen: "0.0.0.0:9324"}
history: {enabled: true, path: history.db, age: 720h, events: 500, releases: 5}
sensitive: ["*_LICENSE"]
"#;

fn read(text: &str) -> (Option<Settings>, Vec<Finding>) {
    parse(text.as_bytes(), "skep.yaml".into())
}

#[test]
fn every_key_is_read() {
    let (settings, findings) = read(FULL);
    assert_eq!(findings, []);
    let settings = settings.expect("settings");
    assert_eq!(settings.fleet.as_ref().map(|fleet| fleet.as_str()), Some("production"));
    let engine = settings.engine.as_ref().expect("engine");
    let Declared::Managers(hosts) = engine.declared(Path::new("/etc/skep")) else { panic!() };
    let shown: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["tcp://a:1", "tcp://b:2376", "ssh://me@c", "unix:///d"]);
    let [Address::Tls { files, .. }, ..] = hosts.as_slice() else { panic!("{hosts:?}") };
    assert_eq!(files.authorities.as_deref(), Some(Path::new("/etc/skep/tls/ca.pem")));
    let (_, key) = files.identity.as_ref().expect("an identity");
    assert_eq!(key, Path::new("/run/key.pem"));
    assert_eq!(settings.sources.len(), 2);
    let [shop] = settings.stacks.as_slice() else { panic!("{:?}", settings.stacks) };
    assert_eq!(shop.source.as_ref().map(|source| source.as_str()), Some("edge"));
    assert_eq!(shop.files.len(), 2);
    let variables: Vec<_> =
        shop.variables.iter().map(|v| format!("{}={}", v.name, v.value)).collect();
    assert_eq!(variables, ["TAG=1.4.2", "REPLICAS=3", "DEBUG=false", "EMPTY="]);
    let [own, hub] = settings.registries.as_slice() else { panic!("{:?}", settings.registries) };
    assert_eq!(own.password_file.as_ref().map(|file| file.as_str()), Some("secrets/registry"));
    assert_eq!((hub.host.as_str(), hub.username.as_ref()), ("docker.io", None));
    assert_eq!(settings.adopt, Some(Adoption::Always));
    assert_eq!(settings.resolve_image, Some(ResolveImage::Never));
    assert_eq!(settings.timeout.map(|timeout| timeout.0.0), Some(600_000_000_000));
    let drift = settings.drift_modes();
    assert_eq!(drift.of_stack("shop"), DriftMode::Off);
    assert_eq!(drift.of_stack("other"), DriftMode::Report);
    assert_eq!(settings.timing().poll, Duration::from_secs(30));
    let status = settings.status.as_ref().expect("status");
    let listen = status.listen.as_ref().map(|listen| listen.to_string());
    assert_eq!((listen.as_deref(), status.metrics), (Some("127.0.0.1:9323"), Some(false)));
    let metrics = status.metrics_listen.as_ref().map(|listen| listen.to_string());
    assert_eq!(metrics.as_deref(), Some("0.0.0.0:9324"));
    let history = settings.history.as_ref().expect("history");
    let limits = Limits { events: 500, releases: 5, age: Duration::from_secs(720 * 3600) };
    assert_eq!((history.limits(), history.enabled), (limits, Some(true)));
    assert!(settings.sensitivity().is_sensitive("APP_LICENSE"));
    assert!(settings.sensitivity().is_sensitive("DB_PASSWORD"));
    assert_eq!(read("# nothing\n"), (Some(Settings::default()), Vec::new()));
}

#[test]
fn mistakes_are_all_reported_with_their_places() {
    let (_, findings) = read(
        "flete: a
fleet: my fleet
sources:
  - name: main
  - name: main
    path: x
  - path: [y]
stacks:
  - name: shop
    source: mian
    variables: {A: , B: [1]}
    env_file: x
  - name: shop
  - files: a.yaml
adopt: if-unowed
retention: -1
strict: maybe
timeout: 10
drift: fix
intervals: {poll: 10ms, pol: 1s}
status: {listen: '0.0.0.0:9323', metric: true, metrics_listen: everywhere}
history: {age: 1s, events: 0, release: 5}
registries:
  - host: https://reg.example/v2/
    username: me
    password: hunter2
  - host: a.example
    identity_token_file: a
    username: me
  - host: a.example
    identity_token_file: a
",
    );
    let show = |f: &Finding| {
        let place = f.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let hint = f.hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
        format!("{place} {}: {}{hint}\n", f.code, f.message)
    };
    insta::assert_snapshot!(findings.iter().map(show).collect::<String>());
}

#[test]
fn an_engine_is_named_in_one_way_and_not_in_the_clear() {
    let told = |engine: &str| {
        let (_, findings) = read(&format!("engine: {engine}"));
        let show = |f: &Finding| {
            let hint = f.hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
            format!(
                "{} {}: {}{hint}\n",
                if f.is_error() { "error" } else { "warning" },
                f.code,
                f.message
            )
        };
        findings.iter().map(show).collect::<String>()
    };
    assert_eq!(told("{hosts: [unix:///run/docker.sock, 'ssh://m'], }"), "");
    assert_eq!(told("{context: production}"), "");
    let told: Vec<String> = [
        "unix:///run/docker.sock",
        "{}",
        "{hosts: []}",
        "{hosts: 'tcp://a'}",
        "{hosts: ['tcp://10.0.0.1:2375', 'fd://', 'ssh://-oProxyCommand=x', 'ssh://a:b@c', 'unix:///a', 'unix:///a']}",
        "{hosts: [unix:///a], context: b}",
        "{hosts: [unix:///a], tls: {cert_file: a}}",
        "{context: a, tls: {ca: a}}",
    ]
    .into_iter()
    .map(|engine| format!("{engine}\n{}", told(engine)))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_controller_listens_where_only_this_machine_gets_in() {
    for (text, shown) in [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("unix:///run/a", "unix:///run/a"),
        ("/run/a", "unix:///run/a"),
    ] {
        assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()).as_deref(), Ok(shown));
    }
    for exposed in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
        assert_eq!(exposed.parse::<Listen>(), Err(ListenError::Exposed), "{exposed}");
    }
    for other in ["", "80", ":80", "127.0.0.1", "host:80", "unix://run/a", "127.0.0.1:99999"] {
        assert_eq!(other.parse::<Listen>(), Err(ListenError::Form), "{other}");
    }
}

#[test]
fn metrics_may_be_listened_for_anywhere_but_where_pages_are() {
    for (text, wanted) in [
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("[::]:80", "[::]:80"),
        ("192.0.2.1:80", "192.0.2.1:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("/run/a", "unix:///run/a"),
    ] {
        let listen = Listen::anywhere(text).map(|listen| listen.to_string());
        assert_eq!(listen.as_deref(), Ok(wanted));
    }
    for other in ["", "80", ":80", "*:80", "skep.example.com:80", "unix://run/a"] {
        assert_eq!(Listen::anywhere(other), Err(ListenError::Form), "{other}");
    }
    for (page, metrics, is_refused) in [
        ("127.0.0.1:80", "127.0.0.1:80", true),
        ("localhost:80", "0.0.0.0:80", true),
        ("127.0.0.1:80", "[::]:80", true),
        ("[::1]:80", "[::]:80", true),
        ("/run/a", "unix:///run/a", true),
        ("[::1]:80", "0.0.0.0:80", false),
        ("127.0.0.1:80", "127.0.0.2:80", false),
        ("127.0.0.1:80", "127.0.0.1:81", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
        ("/run/a", "127.0.0.1:80", false),
    ] {
        let text = format!("status:\n  listen: '{page}'\n  metrics_listen: '{metrics}'\n");
        let (_, findings) = read(&text);
        assert_eq!(!findings.is_empty(), is_refused, "{page} {metrics}: {findings:?}");
        for finding in findings {
            let places = [finding.place.as_ref(), finding.related.first().map(|of| &of.place)];
            let places = places.map(|place| place.map(ToString::to_string).unwrap_or_default());
            assert_eq!(places, ["skep.yaml:3:19", "skep.yaml:2:11"]);
        }
    }
    // What a variable says may be in the way of what the file says.
    let (file, _) = read("status: {listen: '127.0.0.1:80'}");
    let variable = |name: &str| (name == "SKEP_STATUS_METRICS_LISTEN").then_some("[::]:80");
    let findings = file.expect("settings").follow(|name| variable(name).map(str::to_owned));
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    let place = finding.place.as_ref().map(ToString::to_string);
    assert_eq!(place.as_deref(), Some("SKEP_STATUS_METRICS_LISTEN:1:1"));
}

#[test]
fn the_schema_is_published_and_takes_what_is_read() {
    let schema = serde_json::to_value(Settings::schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let valid = |text: &str| {
        let value: serde_json::Value = serde_yaml::from_str(text).expect("YAML");
        validator.is_valid(&value)
    };
    assert!(valid(FULL));
    assert!(!valid("flete: a"));
    assert!(!valid("sources: [{name: main}]"));
    assert!(!valid("adopt: sometimes"));
    for (key, property) in schema["properties"].as_object().expect("properties") {
        assert!(property["description"].is_string(), "{key} has no description");
    }
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/settings.schema.json");
    let published = std::fs::read_to_string(published).expect("the published schema");
    let published: serde_json::Value = serde_json::from_str(&published).expect("JSON");
    assert_eq!(published, schema, "run `skep schema`");
}

/// Every key with those above it, and the schema of its value: `intervals.poll`, `sources[].git.url`.
fn keys(schema: &Value) -> Vec<(String, Value)> {
    fn below(at: &Value, all: &Value, path: &str, keys: &mut Vec<(String, Value)>) {
        let either = at["anyOf"].as_array().into_iter().flatten().find(|of| of["$ref"].is_string());
        let at = either.unwrap_or(at);
        if let Some(name) = at["$ref"].as_str().and_then(|at| at.strip_prefix("#/$defs/")) {
            below(&all["$defs"][name], all, path, keys);
        }
        if at["items"].is_object() {
            below(&at["items"], all, &format!("{path}[]"), keys);
        }
        for (key, value) in at["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            keys.push((path.clone(), value.clone()));
            below(value, all, &path, keys);
        }
    }
    let mut keys = Vec::new();
    below(schema, schema, "", &mut keys);
    keys
}

fn is_scalar(value: &Value) -> bool {
    let has = |kind: &str| {
        value["type"] == kind
            || value["type"].as_array().is_some_and(|of| of.contains(&kind.into()))
    };
    has("string") || has("boolean") || has("integer") || has("number")
}

#[test]
fn every_key_has_a_description_an_example_and_a_row_in_the_documentation() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let docs = std::fs::read_to_string(docs).expect("docs/settings.md");
    let section = |heading: &str| {
        let start = docs.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
        let rest = &docs[start + heading.len() + 2..];
        let end = ["\n## ", "\n### "].into_iter().filter_map(|next| rest.find(next)).min();
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let schema = serde_json::to_value(Settings::schema()).expect("JSON");
    for (path, value) in keys(&schema) {
        let said = value["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(said, "{path} has no description");
        assert!(!is_scalar(&value) || value["examples"].is_array(), "{path} has no example");
        // A key of a mapping that has no section of its own stands as `tls.ca_file` in the section above.
        let parts: Vec<&str> = path.split('.').collect();
        let heading = |parts: &[&str]| match parts {
            [] => "## Keys".to_owned(),
            [one] => format!("## `{}`", one.trim_end_matches("[]")),
            more => format!("### `{}`", more.join(".")),
        };
        let is_documented = (0..parts.len()).any(|depth| {
            let (above, below) = parts.split_at(depth);
            let heading = heading(above);
            // A mapping may be explained by what is in it: `tls.ca_file`.
            let below = below.join(".");
            docs.contains(&format!("\n{heading}\n"))
                && [format!("`{below}`"), format!("`{below}.")]
                    .iter()
                    .any(|key| section(&heading).contains(key))
        });
        assert!(is_documented, "{path} has no row in docs/settings.md");
    }
}

#[test]
fn every_single_value_has_a_variable_that_is_documented_and_wins_over_the_file() {
    let schema = serde_json::to_value(Settings::schema()).expect("JSON");
    let is_single = |(path, value): &(String, Value)| {
        let is_file = path.ends_with("_file");
        let is_choice = value["anyOf"].is_array() && value["examples"].is_array();
        (is_scalar(value) || is_choice) && !is_file && !path.contains("[]")
    };
    let single: Vec<String> =
        keys(&schema).into_iter().filter(is_single).map(|(path, _)| path).collect();
    // The first has a flag with a variable, and so have the engine and the proxy as a whole.
    let elsewhere = ["fleet", "engine.context"];
    // Whom to tell stands in the file as a whole.
    let is_elsewhere = |path: &String| {
        elsewhere.contains(&path.as_str())
            || ["notifications.", "proxy."].iter().any(|above| path.starts_with(above))
    };
    for path in single.iter().filter(|path| !is_elsewhere(path)) {
        assert!(VARIABLES.iter().any(|variable| variable.key == path), "{path} has no variable");
    }
    let docs = include_str!("../../docs/settings.md");
    let (file, findings) = read(FULL);
    assert_eq!(findings, []);
    let file = file.expect("settings");
    for variable in VARIABLES {
        assert!(single.iter().any(|path| variable.key == path), "{} is for no key", variable.name);
        let row = docs.lines().find(|line| line.contains(&format!("`{}`", variable.name)));
        let key = variable.key.rsplit('.').next().expect("a key");
        assert!(
            row.is_some_and(|row| row.starts_with(&format!("| `{key}` |"))),
            "{}",
            variable.name
        );
        // Another value than that of the file, and it counts; nonsense does not.
        let other = match variable.key {
            "prune" | "strict" | "history.enabled" => "false",
            "prune_stacks" | "allow_replace" | "status.metrics" | "status.page" => "true",
            "adopt" | "resolve_image" => {
                if variable.key == "adopt" {
                    "never"
                } else {
                    "always"
                }
            }
            "retention" | "history.events" | "history.releases" => "7",
            "drift" => "off",
            "status.listen" | "status.metrics_listen" => "unix:///other",
            "socket" | "history.path" => "/other: {}",
            _ => "77m",
        };
        let mut told = file.clone();
        let findings = told.follow(|name| (name == variable.name).then(|| other.to_owned()));
        assert_eq!(findings, [], "{}", variable.name);
        assert_ne!(told, file, "{}", variable.name);
        if !["socket", "history.path"].contains(&variable.key) {
            let nonsense = |name: &str| (name == variable.name).then(|| "[".to_owned());
            let [finding] = file.clone().follow(nonsense).try_into().expect("one finding");
            let place = finding.place.as_ref().map(ToString::to_string);
            let place = place.unwrap_or_default();
            assert!(place.starts_with(variable.name), "{place}");
        }
    }
}
