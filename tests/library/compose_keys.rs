//! Every key has its place: docker's are all known, the schema and the loader agree, and the documentation lists
//! what does nothing on a Swarm. Stacks with all of docker's keys are compared with docker's in `tests/engine`.

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use skep::spec::compose::{attachments, mounts, resources, unsupported};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};
use skep::spec::schema;
use skep::spec::tree::MemoryTree;

use crate::docker;
use crate::generated;

/// Where the keys of a part of the format stand: the keys above them, any name as `a`, a list item as `-`.
const PARTS: &[(&str, &[&str])] = &[
    ("File", &[]),
    ("Service", &["services", "a"]),
    ("Deploy", &["services", "a", "deploy"]),
    ("Rollout", &["services", "a", "deploy", "update_config"]),
    ("Rollout", &["services", "a", "deploy", "rollback_config"]),
    ("Resources", &["services", "a", "deploy", "resources"]),
    ("Limits", &["services", "a", "deploy", "resources", "limits"]),
    ("Reservations", &["services", "a", "deploy", "resources", "reservations"]),
    (
        "GenericResource",
        &["services", "a", "deploy", "resources", "reservations", "generic_resources", "-"],
    ),
    (
        "DiscreteResource",
        &[
            "services",
            "a",
            "deploy",
            "resources",
            "reservations",
            "generic_resources",
            "-",
            "discrete_resource_spec",
        ],
    ),
    ("RestartPolicy", &["services", "a", "deploy", "restart_policy"]),
    ("Placement", &["services", "a", "deploy", "placement"]),
    ("Preference", &["services", "a", "deploy", "placement", "preferences", "-"]),
    ("Healthcheck", &["services", "a", "healthcheck"]),
    ("Logging", &["services", "a", "logging"]),
    ("CredentialSpec", &["services", "a", "credential_spec"]),
    ("Attachment", &["services", "a", "networks", "a"]),
    ("LongPort", &["services", "a", "ports", "-"]),
    ("Ulimit", &["services", "a", "ulimits", "a"]),
    ("StoreRef", &["services", "a", "configs", "-"]),
    ("StoreRef", &["services", "a", "secrets", "-"]),
    ("LongMount", &["services", "a", "volumes", "-"]),
    ("BindOptions", &["services", "a", "volumes", "-", "bind"]),
    ("VolumeOptions", &["services", "a", "volumes", "-", "volume"]),
    ("TmpfsOptions", &["services", "a", "volumes", "-", "tmpfs"]),
    ("ServiceExtension", &["services", "a", "x-skep"]),
    ("Network", &["networks", "a"]),
    ("Ipam", &["networks", "a", "ipam"]),
    ("Pool", &["networks", "a", "ipam", "config", "-"]),
    ("Volume", &["volumes", "a"]),
    ("Config", &["configs", "a"]),
    ("Secret", &["secrets", "a"]),
    ("External", &["networks", "a", "external"]),
    ("External", &["volumes", "a", "external"]),
    ("External", &["configs", "a", "external"]),
    ("External", &["secrets", "a", "external"]),
    ("StackExtension", &["x-skep"]),
    ("Route", &["services", "a", "x-skep", "routes", "-"]),
    ("Route", &["x-skep", "routes", "-"]),
    ("Extends", &["services", "a", "extends"]),
    ("Include", &["include", "-"]),
];

/// The keys of docker's newest schema (docker/cli 28.2.2, `cli/compose/schema/data/config_schema_v3.13.json`) by part.
#[rustfmt::skip]
const DOCKER: &[(&str, &[&str])] = &[
    ("File", &["configs", "networks", "secrets", "services", "version", "volumes"]),
    ("Service", &[
        "build", "cap_add", "cap_drop", "cgroup_parent", "cgroupns_mode", "command", "configs", "container_name",
        "credential_spec", "depends_on", "deploy", "devices", "dns", "dns_search", "domainname", "entrypoint",
        "env_file", "environment", "expose", "external_links", "extra_hosts", "healthcheck", "hostname",
        "image", "init", "ipc", "isolation", "labels", "links", "logging", "mac_address", "network_mode", "networks",
        "oom_score_adj", "pid", "ports", "privileged", "read_only", "restart", "secrets", "security_opt", "shm_size",
        "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tmpfs", "tty", "ulimits", "user", "userns_mode",
        "volumes", "working_dir",
    ]),
    ("Deploy", &["endpoint_mode", "labels", "mode", "placement", "replicas", "resources", "restart_policy",
        "rollback_config", "update_config"]),
    ("Rollout", &["delay", "failure_action", "max_failure_ratio", "monitor", "order", "parallelism"]),
    ("Resources", &["limits", "reservations"]),
    ("Limits", &["cpus", "memory", "pids"]),
    ("Reservations", &["cpus", "generic_resources", "memory"]),
    ("GenericResource", &["discrete_resource_spec"]),
    ("DiscreteResource", &["kind", "value"]),
    ("RestartPolicy", &["condition", "delay", "max_attempts", "window"]),
    ("Placement", &["constraints", "max_replicas_per_node", "preferences"]),
    ("Preference", &["spread"]),
    ("Healthcheck", &["disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"]),
    ("Logging", &["driver", "options"]),
    ("CredentialSpec", &["config", "file", "registry"]),
    ("Attachment", &["aliases", "driver_opts", "ipv4_address", "ipv6_address"]),
    ("LongPort", &["mode", "protocol", "published", "target"]),
    ("Ulimit", &["hard", "soft"]),
    ("StoreRef", &["gid", "mode", "source", "target", "uid"]),
    ("LongMount", &["bind", "consistency", "read_only", "source", "target", "tmpfs", "type", "volume"]),
    ("BindOptions", &["propagation"]),
    ("VolumeOptions", &["nocopy", "subpath"]),
    ("TmpfsOptions", &["size"]),
    ("Network", &["attachable", "driver", "driver_opts", "external", "internal", "ipam", "labels", "name"]),
    ("Ipam", &["config", "driver"]),
    ("Pool", &["subnet"]),
    ("Volume", &["driver", "driver_opts", "external", "labels", "name", "x-cluster-spec"]),
    ("Config", &["external", "file", "labels", "name", "template_driver"]),
    ("Secret", &["driver", "driver_opts", "external", "file", "labels", "name", "template_driver"]),
    ("External", &["name"]),
];

/// Keys that need a plugin, which no test engine has. `docs/compose.md` says so, and how they are tested.
const NOT_GENERATED: [(&str, &str); 2] = [("Secret", "driver"), ("Secret", "driver_opts")];

/// The loader's findings for a file that has `key` at the place of `part`, and nothing as its value.
fn is_known(place: &[&str], key: &str) -> bool {
    let mut text = String::new();
    for step in place {
        text.push_str(if *step == "-" { "[" } else { "{" });
        if *step != "-" {
            write!(text, "{step}: ").expect("text");
        }
    }
    write!(text, "{{{key}: }}").expect("text");
    for step in place.iter().rev() {
        text.push(if *step == "-" { ']' } else { '}' });
    }
    let tree = MemoryTree([("stack.yaml".to_owned(), text.clone().into_bytes())].into());
    let files = StackFiles {
        name: "s".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let inputs = [Input { files, variables: Variables::new() }];
    let loaded = load(&tree, &inputs, &Options::default());
    let unreadable = |code: &str| code.starts_with("yaml");
    assert!(!loaded.findings.iter().any(|finding| unreadable(finding.code)), "{text}");
    !loaded.findings.iter().any(|finding| finding.code == "unknown-key")
}

fn places(part: &str) -> impl Iterator<Item = &'static [&'static str]> {
    PARTS.iter().filter(move |(name, _)| *name == part).map(|(_, place)| *place)
}

#[test]
fn every_key_that_docker_knows_is_known() {
    for (part, keys) in DOCKER {
        assert!(places(part).count() > 0, "{part}");
        for (place, key) in places(part).flat_map(|place| keys.iter().map(move |key| (place, key)))
        {
            assert!(is_known(place, key), "{key} in {part}");
        }
    }
    assert!(!is_known(&["services", "a"], "imgae"));
}

/// The keys of a part of docker's schema and of what is below it, each with the keys above it as in [`PARTS`].
fn keys_below(root: &Value, part: &Value, above: &[String], found: &mut BTreeSet<Vec<String>>) {
    let below = |key: &str| [above, &[key.to_owned()]].concat();
    let Value::Object(fields) = part else { return };
    for (field, value) in fields {
        match (field.as_str(), value) {
            ("$ref", Value::String(name)) => {
                let part = root.pointer(name.trim_start_matches('#')).expect("a definition");
                keys_below(root, part, above, found);
            }
            ("properties", Value::Object(properties)) => {
                for (key, property) in properties {
                    found.insert(below(key));
                    keys_below(root, property, &below(key), found);
                }
            }
            ("patternProperties", Value::Object(patterns)) => {
                for part in patterns.values() {
                    keys_below(root, part, &below("a"), found);
                }
            }
            ("oneOf", Value::Array(parts)) => {
                for part in parts {
                    keys_below(root, part, above, found);
                }
            }
            ("items", part) => keys_below(root, part, &below("-"), found),
            _ => {}
        }
    }
}

#[test]
fn no_key_is_missing_from_the_list_of_those_that_docker_knows() {
    let Some(schema) = docker::schema() else { return };
    let mut keys = BTreeSet::new();
    keys_below(&schema, &schema, &[], &mut keys);
    assert!(keys.len() > 150, "{keys:?}");
    // What is below a key that does nothing on a Swarm does nothing there, either.
    let does_nothing = |above: &[String]| match above {
        [services, _, key, ..] if services == "services" => {
            unsupported::UNSUPPORTED.iter().any(|known| known.key == key)
        }
        above => above.iter().any(|key| key == "x-cluster-spec"),
    };
    let is_listed = |above: &[String], key: &str| {
        let parts = PARTS.iter().filter(|(_, place)| *place == above).map(|(part, _)| *part);
        let listed = |part| DOCKER.iter().any(|(name, keys)| *name == part && keys.contains(&key));
        parts.into_iter().any(listed)
    };
    let missing: Vec<String> = keys
        .iter()
        .filter_map(|place| place.split_last())
        .filter(|(key, above)| !does_nothing(above) && !is_listed(above, key))
        .map(|(key, above)| format!("{}.{key}", above.join(".")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

fn generated_stacks() -> Vec<Value> {
    generated::stacks(generated::SEED, generated::STACKS, generated::SERVICES)
}

#[test]
fn the_generated_stacks_have_no_errors() {
    for (number, stack) in generated_stacks().into_iter().enumerate() {
        let beside = generated::FILES.iter().map(|(path, text)| (*path, (*text).to_owned()));
        let files = beside.chain([("stack.yaml", generated::text(&stack).replace('%', "t_"))]);
        let files = files.map(|(path, text)| (format!("s/{path}"), text.into_bytes()));
        let tree = MemoryTree(files.collect());
        let mut variables = Variables::new();
        for (name, value) in generated::VARIABLES {
            variables.add(name, value, Origin::Flag);
        }
        let files = StackFiles {
            name: generated::name(number),
            files: vec!["s/stack.yaml".to_owned()],
            directory: "s".to_owned(),
        };
        let options = Options { bind_root: Some("/srv/stacks".to_owned()), ..Options::default() };
        let loaded = load(&tree, &[Input { files, variables }], &options);
        let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.is_error()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(loaded.stacks.len(), 1);
    }
}

#[test]
fn every_key_that_docker_knows_is_in_the_generated_stacks() {
    let stacks = generated_stacks();
    let mut missing = Vec::new();
    for (part, keys) in DOCKER {
        for key in *keys {
            let has = |content: &Value| {
                places(part).any(|place| {
                    values(content, place).iter().any(|value| value.get(key).is_some())
                })
            };
            if !NOT_GENERATED.contains(&(part, key)) && !stacks.iter().any(has) {
                missing.push(format!("{key} in {part}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What stands at a place of [`PARTS`].
fn values<'v>(content: &'v Value, place: &[&str]) -> Vec<&'v Value> {
    let mut found = vec![content];
    for step in place {
        found = found
            .into_iter()
            .flat_map(|value| match (*step, value) {
                ("-", Value::Array(items)) => items.iter().collect(),
                ("a", Value::Object(entries)) => entries.values().collect(),
                (key, value) => value.get(key).into_iter().collect::<Vec<_>>(),
            })
            .collect();
    }
    found
}

#[test]
fn every_key_of_the_schema_is_known_to_the_loader_and_described() {
    let schema = schema::stack();
    let definitions = schema["definitions"].as_object().expect("definitions");
    for (part, definition) in definitions {
        let Some(properties) = definition.get("properties").and_then(Value::as_object) else {
            continue;
        };
        assert!(places(part).count() > 0, "no place is known for {part}");
        for (key, property) in properties {
            for place in places(part) {
                assert!(is_known(place, key), "{key} in {part}");
            }
            assert!(property.get("description").is_some(), "{key} in {part} has no description");
        }
    }
}

#[test]
fn the_documentation_lists_every_key_that_does_nothing_on_a_swarm() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compose.md");
    let text = fs::read_to_string(path).expect("docs/compose.md");
    let lists = [
        ("", unsupported::UNSUPPORTED),
        ("networks.", attachments::UNSUPPORTED),
        ("volumes.volume.", mounts::UNSUPPORTED),
        ("deploy.resources.reservations.", resources::UNSUPPORTED),
    ];
    let mut missing = String::new();
    for (prefix, keys) in lists {
        for key in keys {
            let line = format!("| `{prefix}{}` | {} |\n", key.key, key.instead);
            if !text.contains(&line) {
                missing.push_str(&line);
            }
        }
    }
    assert!(missing.is_empty(), "docs/compose.md lacks\n{missing}");
}
