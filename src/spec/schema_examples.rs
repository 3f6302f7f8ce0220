//! An example of each key for the schema of stack files, which editors show beside the description.

use serde_json::{Map, Value};

/// Examples by key, for one type or for the mapping below one key. What is no JSON is text.
type Part = (&'static str, &'static [(&'static str, &'static str)]);

/// Examples that the types themselves do not have.
#[rustfmt::skip]
const EXAMPLES: &[Part] = &[
    ("Stack", &[
        ("services", r#"{"web": {"image": "nginx:1.29"}}"#),
        ("networks", r#"{"backend": {"driver": "overlay", "internal": true}}"#),
        ("volumes", r#"{"data": null}"#),
        ("configs", r#"{"nginx": {"file": "./nginx.conf"}}"#),
        ("secrets", r#"{"db-password": {"external": true}}"#),
        ("x-skep", r#"{"protect": true}"#),
    ]),
    ("Service", &[
        ("annotations", r#"{"owner": "ops"}"#),
        ("attach", "false"),
        ("blkio_config", r#"{"weight": 300}"#),
        ("build", "."),
        ("cgroup", "host"),
        ("cgroup_parent", "m-executor"),
        ("cgroupns_mode", "private"),
        ("command", r#"["npm", "start"]"#),
        ("configs", r#"["nginx", {"source": "nginx", "target": "/etc/nginx/nginx.conf", "mode": "0440"}]"#),
        ("container_name", "web"),
        ("cpu_count", "2"),
        ("cpu_percent", "50"),
        ("cpu_period", "20ms"),
        ("cpu_quota", "10ms"),
        ("cpu_rt_period", "1400us"),
        ("cpu_rt_runtime", "400us"),
        ("cpu_shares", "512"),
        ("cpuset", "0-1"),
        ("credential_spec", r#"{"config": "gmsa"}"#),
        ("depends_on", r#"["db"]"#),
        ("deploy", r#"{"replicas": 2, "update_config": {"order": "start-first"}}"#),
        ("develop", r#"{"watch": [{"action": "sync", "path": "./src", "target": "/app/src"}]}"#),
        ("device_cgroup_rules", r#"["c 1:3 mr"]"#),
        ("devices", r#"["/dev/ttyUSB0:/dev/ttyUSB0"]"#),
        ("domainname", "example.com"),
        ("entrypoint", r#"["/docker-entrypoint.sh"]"#),
        ("expose", r#"["8080"]"#),
        ("external_links", r#"["redis"]"#),
        ("extra_hosts", r#"["db.example.com:10.0.0.7"]"#),
        ("gpus", "all"),
        ("group_add", r#"["audio", "1001"]"#),
        ("healthcheck", r#"{"test": ["CMD", "curl", "-f", "http://localhost/"], "interval": "5s", "retries": 3}"#),
        ("ipc", "host"),
        ("isolation", "hyperv"),
        ("labels", r#"{"com.example.team": "shop"}"#),
        ("links", r#"["db"]"#),
        ("logging", r#"{"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}"#),
        ("mac_address", "02:42:ac:11:00:02"),
        ("mem_swappiness", "60"),
        ("memswap_limit", "2g"),
        ("models", r#"["llm"]"#),
        ("network_mode", "host"),
        ("networks", r#"["backend"]"#),
        ("oom_kill_disable", "true"),
        ("oom_score_adj", "500"),
        ("pid", "host"),
        ("pids_limit", "200"),
        ("platform", "linux/amd64"),
        ("post_start", r#"[{"command": ["/warm-up.sh"]}]"#),
        ("pre_start", r#"[{"command": ["/check.sh"]}]"#),
        ("pre_stop", r#"[{"command": ["/drain.sh"]}]"#),
        ("privileged", "true"),
        ("provider", r#"{"type": "tunnel"}"#),
        ("pull_policy", "always"),
        ("pull_refresh_after", "24h"),
        ("restart", "on-failure:3"),
        ("runtime", "runsc"),
        ("scale", "2"),
        ("secrets", r#"["db-password"]"#),
        ("security_opt", r#"["no-new-privileges:true"]"#),
        ("shm_size", "64m"),
        ("stdin_open", "true"),
        ("storage_opt", r#"{"size": "1G"}"#),
        ("tmpfs", "/run"),
        ("tty", "true"),
        ("use_api_socket", "true"),
        ("userns_mode", "host"),
        ("uts", "host"),
        ("volume_driver", "local"),
        ("volumes_from", r#"["db"]"#),
        ("x-skep", r#"{"ignore": ["deploy.replicas"]}"#),
    ]),
    ("extends", &[("service", "base"), ("file", "../_common.yaml")]),
    ("include", &[
        ("path", "../monitoring/_agent.yaml"),
        ("project_directory", "../monitoring"),
        ("env_file", "../monitoring/agent.env"),
    ]),
    ("depends_on", &[("condition", "service_healthy"), ("required", "false"), ("restart", "true")]),
    ("env_file", &[("path", "./web.env"), ("required", "false"), ("format", "raw")]),
    ("ports", &[
        ("name", "http"), ("target", "80"), ("published", "8080"), ("protocol", "udp"), ("mode", "host"),
        ("host_ip", "127.0.0.1"), ("app_protocol", "http"),
    ]),
    ("ulimits", &[("soft", "20000"), ("hard", "40000")]),
    ("Deploy", &[
        ("endpoint_mode", "dnsrr"),
        ("labels", r#"{"com.example.owner": "ops"}"#),
        ("mode", "global"),
        ("placement", r#"{"constraints": ["node.role == worker"]}"#),
        ("resources", r#"{"limits": {"cpus": "0.5", "memory": "256M"}}"#),
        ("restart_policy", r#"{"condition": "on-failure", "max_attempts": 3}"#),
        ("rollback_config", r#"{"parallelism": 0}"#),
        ("update_config", r#"{"order": "start-first", "failure_action": "rollback", "monitor": "30s"}"#),
    ]),
    ("Rollout", &[("failure_action", "rollback"), ("order", "start-first")]),
    ("RestartPolicy", &[("condition", "on-failure"), ("max_attempts", "3")]),
    ("Placement", &[("max_replicas_per_node", "1"), ("preferences", r#"[{"spread": "node.labels.zone"}]"#)]),
    ("Resources", &[
        ("limits", r#"{"cpus": "0.5", "memory": "256M", "pids": 100}"#),
        ("reservations", r#"{"cpus": "0.1", "memory": "64M"}"#),
    ]),
    ("Reservations", &[
        ("devices", r#"[{"capabilities": ["gpu"]}]"#),
        ("generic_resources", r#"[{"discrete_resource_spec": {"kind": "gpu", "value": 1}}]"#),
    ]),
    ("GenericResource", &[("discrete_resource_spec", r#"{"kind": "gpu", "value": 1}"#)]),
    ("Healthcheck", &[("disable", "true"), ("test", r#"["CMD", "curl", "-f", "http://localhost/"]"#)]),
    ("Logging", &[("options", r#"{"max-size": "10m", "max-file": "3"}"#)]),
    ("CredentialSpec", &[("config", "gmsa"), ("file", "gmsa.json"), ("registry", "gmsa")]),
    ("Attachment", &[
        ("aliases", r#"["api"]"#),
        ("driver_opts", r#"{"com.docker.network.endpoint.ifname": "eth1"}"#),
        ("gw_priority", "1"),
        ("interface_name", "eth1"),
        ("ipv4_address", "10.0.9.7"),
        ("ipv6_address", "fd00::7"),
        ("link_local_ips", r#"["169.254.8.8"]"#),
        ("mac_address", "02:42:ac:11:00:02"),
        ("priority", "1"),
    ]),
    ("StoreRef", &[("source", "nginx"), ("uid", r#""101""#), ("gid", r#""101""#)]),
    ("LongMount", &[
        ("type", "volume"),
        ("source", "data"),
        ("read_only", "true"),
        ("consistency", "cached"),
        ("bind", r#"{"propagation": "rshared"}"#),
        ("volume", r#"{"nocopy": true}"#),
        ("tmpfs", r#"{"size": 65536}"#),
        ("cluster", "{}"),
    ]),
    ("BindOptions", &[
        ("create_host_path", "true"), ("propagation", "rshared"), ("recursive", "readonly"), ("selinux", "z"),
    ]),
    ("VolumeOptions", &[("nocopy", "true"), ("labels", r#"{"com.example.keep": "true"}"#)]),
    ("Network", &[
        ("attachable", "true"),
        ("driver_opts", r#"{"encrypted": ""}"#),
        ("enable_ipv4", "true"),
        ("enable_ipv6", "true"),
        ("external", "true"),
        ("internal", "true"),
        ("ipam", r#"{"config": [{"subnet": "10.20.0.0/24"}]}"#),
        ("labels", r#"{"com.example.team": "shop"}"#),
        ("name", "shared"),
    ]),
    ("Ipam", &[("config", r#"[{"subnet": "10.20.0.0/24"}]"#), ("driver", "default"), ("options", r#"{"serial": "true"}"#)]),
    ("Pool", &[("aux_addresses", r#"{"router": "10.20.0.5"}"#), ("gateway", "10.20.0.1"), ("ip_range", "10.20.0.128/25")]),
    ("Volume", &[
        ("driver_opts", r#"{"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/export"}"#),
        ("external", "true"),
        ("labels", r#"{"com.example.team": "shop"}"#),
        ("name", "shop-data"),
    ]),
    ("Config", &[
        ("content", "worker_processes 2;"),
        ("environment", "NGINX_CONF"),
        ("external", "true"),
        ("labels", r#"{"com.example.team": "shop"}"#),
        ("name", "nginx-conf"),
    ]),
    ("Secret", &[
        ("driver", "vault"),
        ("driver_opts", r#"{"path": "kv/shop"}"#),
        ("external", "true"),
        ("labels", r#"{"com.example.team": "shop"}"#),
        ("name", "db-password"),
    ]),
    ("external", &[("name", "shared")]),
];

/// Puts the examples to the keys of `schema`, where a key has none yet.
pub(super) fn add(schema: &mut Value) {
    walk(schema, "Stack");
}

/// `part` is the type, or the key whose value is described.
fn walk(schema: &mut Value, part: &str) {
    match schema {
        Value::Array(choices) => choices.iter_mut().for_each(|choice| walk(choice, part)),
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("definitions", Value::Object(parts)) => {
                        parts.iter_mut().for_each(|(name, part)| walk(part, name));
                    }
                    ("properties", Value::Object(keys)) => {
                        for (key, property) in keys {
                            if let Value::Object(property) = property {
                                add_one(property, part, key);
                            }
                            walk(property, key);
                        }
                    }
                    ("examples", _) => {}
                    (_, value) => walk(value, part),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add_one(property: &mut Map<String, Value>, part: &str, key: &str) {
    let (Some((_, keys)), false) =
        (EXAMPLES.iter().find(|(name, _)| *name == part), property.contains_key("examples"))
    else {
        return;
    };
    if let Some((_, text)) = keys.iter().find(|(name, _)| *name == key) {
        let example = serde_json::from_str(text).unwrap_or_else(|_| Value::from(*text));
        property.insert("examples".to_owned(), Value::Array(vec![example]));
    }
}
