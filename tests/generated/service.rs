//! A service with some of all the keys that there are.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::blocks::{
    Values, any_of, boolean, durations, just, mapping, merged, numbered, one_or_some, pairs, pick,
    some_of, strings, texts,
};
use super::{deploy, mounts, networks, ports, stores};

/// Service number `number` of all stacks.
pub(crate) fn service(number: usize) -> Values {
    let with = |endpoint_mode: &'static str| {
        merged(vec![
            mapping(vec![("image", 100, image())]),
            process(),
            container(),
            network(),
            mapping(vec![
                ("ports", 30, ports::ports(number, endpoint_mode)),
                ("volumes", 40, mounts::mounts()),
                ("configs", 25, stores::references()),
                ("secrets", 25, stores::references()),
                ("deploy", 100, deploy::deploy(endpoint_mode)),
            ]),
            without_effect(),
        ])
    };
    prop_oneof![4 => with("vip"), 1 => with("dnsrr")].boxed()
}

fn image() -> Values {
    let digest = "sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1";
    pick(json!([
        "skep-demo/web:1",
        "skep-demo/web",
        "nginx",
        "library/nginx:1.27",
        "docker.io/library/nginx:1.27",
        "registry.example.com:5000/team/app:${UNSET:-1.2}",
        format!("ghcr.io/team/app@{digest}"),
        format!("team/app:2@{digest}")
    ]))
}

fn process() -> Values {
    let words = "( |'[ -#&(-~é]{0,5}'|\"[a-z '\\\\]{0,3}[a-z]\"|[a-z=/:.*|&;<>#-]{1,6}|\\\\[ a-z]|\\$\\$[A-Z]|\n|\t){1,8}";
    let command = move || {
        let line = words.prop_map(|line| Value::String(format!("run {line}"))).boxed();
        let list = proptest::collection::vec(strings(), 1..4);
        any_of([
            line,
            list.prop_map(Value::Array).boxed(),
            pick(json!([
                "sleep --long 'and quoted'",
                "sh -c \"echo $$HOME && exec x\"",
                "a\\ b c",
                "-x",
                ["sleep", "1"],
                ["sh", "-c", "echo '$$A' | cat"],
                [""],
                [],
                "{{.Node.ID}} x",
                "  two   spaces  "
            ])),
        ])
    };
    mapping(vec![
        ("command", 30, command()),
        ("entrypoint", 20, command()),
        (
            "environment",
            40,
            any_of([
                pairs(&["A", "B", "lower", "WITH.DOT"], texts()),
                just(json!({"NOTHING": null, "UNSET": null, "EMPTY": ""})),
                just(json!(["NOTHING", "EMPTY=", "A=b=c", "SPACE= x "])),
            ]),
        ),
        ("env_file", 15, one_or_some(json!(["a.env", "./b.env"]))),
        ("working_dir", 15, pick(json!(["/", "/srv/app", "relative"]))),
        ("user", 15, pick(json!(["1:2", "app", "1000", "app:staff", "${UNSET}"]))),
        ("stop_signal", 15, pick(json!(["SIGINT", "9", "sigquit"]))),
        ("stop_grace_period", 20, durations()),
        ("init", 15, pick(json!([true, false]))),
        ("tty", 15, boolean()),
        ("stdin_open", 15, boolean()),
    ])
}

fn container() -> Values {
    let capabilities = || {
        some_of(json!([
            "NET_ADMIN",
            "CAP_SYS_TIME",
            "net_raw",
            "ALL",
            "SYS_ADMIN",
            "cap_chown",
            "CAP_NET_ADMIN"
        ]))
    };
    let limit = any_of([
        pick(json!([1024, 0, -1])),
        any::<i64>().prop_map(|number| json!(number)).boxed(),
        pick(json!([{"soft": 100, "hard": 200}, {"soft": 0, "hard": 0}, {"soft": -1, "hard": -1}])),
    ]);
    let limits = mapping(vec![
        ("nofile", 80, limit.clone()),
        ("nproc", 40, limit.clone()),
        ("memlock", 40, limit),
    ]);
    let logging = mapping(vec![
        ("driver", 70, pick(json!(["json-file", "none", "journald", "loki"]))),
        (
            "options",
            60,
            pairs(&["max-size", "tag", "labels"], any_of([texts(), just(Value::Null)]))
                .prop_filter("a mapping", Value::is_object)
                .boxed(),
        ),
    ]);
    mapping(vec![
        ("labels", 30, pairs(&["on.the", "container", "com.example.a-b", "x"], texts())),
        ("hostname", 15, pick(json!(["h", "{{.Node.Hostname}}-{{.Task.Slot}}", "a.example.org"]))),
        ("read_only", 15, boolean()),
        ("cap_add", 20, capabilities()),
        ("cap_drop", 20, capabilities()),
        (
            "sysctls",
            15,
            pairs(&["net.core.somaxconn", "net.ipv4.tcp_syncookies"], pick(json!(["64", 1024, 0]))),
        ),
        ("ulimits", 20, limits),
        ("logging", 25, logging),
        ("healthcheck", 35, healthcheck()),
        ("isolation", 8, pick(json!(["default", "process", "hyperv"]))),
        (
            "credential_spec",
            8,
            pick(json!([{"file": "spec.json"}, {"registry": "key"}, {"config": "plain"}])),
        ),
        ("oom_score_adj", 8, pick(json!([0, 500, -1000]))),
        ("x-note", 5, just(json!({"any": 1}))),
    ])
}

fn healthcheck() -> Values {
    let test = pick(json!([
        "curl -f http://localhost || exit 1",
        ["CMD", "/bin/healthy", "--fast"],
        ["CMD-SHELL", "test -e /ready"],
        ["NONE"],
        []
    ]));
    let run = mapping(vec![
        ("test", 80, test),
        ("interval", 60, durations()),
        ("timeout", 60, durations()),
        ("start_period", 40, durations()),
        ("start_interval", 40, durations()),
        ("retries", 60, pick(json!([0, 1, 5, "${UNSET:-3}"]))),
        ("disable", 20, just(json!(false))),
    ]);
    prop_oneof![5 => run, 1 => just(json!({"disable": true}))].boxed()
}

fn network() -> Values {
    let host = numbered(3, |number| {
        pick(json!([
            format!("h{number}:10.0.0.{number}"),
            format!("h{number}=10.0.0.{number}"),
            format!("h{number}:2001:db8::{number}"),
            format!("h{number}=[::1]"),
            format!("h{number}:host-gateway")
        ]))
    });
    let hosts = any_of([
        host,
        just(
            json!({"b": "10.0.0.9", "a": "10.0.0.8", "v6": "::1", "c.example.org": "host-gateway"}),
        ),
    ]);
    mapping(vec![
        ("networks", 45, networks::attachments()),
        ("dns", 20, one_or_some(json!(["9.9.9.9", "1.1.1.1", "2620:fe::fe"]))),
        ("dns_search", 15, one_or_some(json!(["example.org", ".", "a.example.org"]))),
        ("extra_hosts", 25, hosts),
    ])
}

/// Keys that docker's client reads and does nothing with on a Swarm; `restart` it maps nevertheless.
fn without_effect() -> Values {
    mapping(vec![
        (
            "build",
            4,
            pick(json!([".", {"context": ".", "dockerfile": "Dockerfile", "args": {"A": "b"}}])),
        ),
        ("cgroup_parent", 3, just(json!("below"))),
        ("cgroupns_mode", 3, pick(json!(["host", "private"]))),
        ("container_name", 4, just(json!("own"))),
        ("depends_on", 5, just(json!(["base"]))),
        ("devices", 4, just(json!(["/dev/null:/dev/null"]))),
        ("domainname", 4, just(json!("example.org"))),
        ("expose", 5, just(json!(["3000", 8000]))),
        ("external_links", 3, just(json!(["other:alias"]))),
        ("ipc", 3, just(json!("host"))),
        ("links", 3, just(json!(["base"]))),
        ("mac_address", 3, just(json!("02:42:ac:11:65:43"))),
        ("network_mode", 3, pick(json!(["bridge", "host"]))),
        ("pid", 3, just(json!("host"))),
        ("privileged", 4, boolean()),
        (
            "restart",
            25,
            pick(json!(["always", "unless-stopped", "on-failure", "on-failure:3", "no"])),
        ),
        ("security_opt", 3, just(json!(["label:disable"]))),
        ("shm_size", 3, just(json!("64m"))),
        ("tmpfs", 4, one_or_some(json!(["/tmp", "/run"]))),
        ("userns_mode", 3, just(json!("host"))),
    ])
}
