//! Stacks that are made of several files: `extends`, `include`, `label_file`, and the places of what is wrong in them.

#![expect(clippy::expect_used, reason = "a test whose own stacks do not load cannot run")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skep::model::finding::{Finding, Severity};
use skep::model::place::Place;
use skep::spec::desired::{Identity, world};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Loaded, Options, load};
use skep::spec::tree::MemoryTree;

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
    MemoryTree(files.iter().map(file).collect())
}

/// Loads the stack `shop`, which lies in `stacks/shop` and has these of its files.
fn loaded(tree: &MemoryTree, files: &[&str]) -> Loaded {
    let directory = "stacks/shop".to_owned();
    let files = files.iter().map(|file| format!("{directory}/{file}")).collect();
    let mut variables = Variables::new();
    variables.add("OUTER", "outer", Origin::Flag);
    let files = StackFiles { name: "shop".to_owned(), files, directory };
    let options = Options { bind_root: Some("/srv".to_owned()), ..Options::default() };
    load(tree, &[Input { files, variables }], &options)
}

/// The spec of each service by name.
fn specs(files: &[(&str, &str)]) -> Value {
    let loaded = loaded(&tree(files), &["stack.yaml"]);
    assert!(loaded.findings.is_empty(), "{}", show(&loaded.findings));
    let (fleet, source) = ("prod".parse().expect("a name"), "git".parse().expect("a name"));
    let identity = Identity { fleet: &fleet, source: &source, key: None };
    let desired = world(&loaded.stacks, &identity);
    let stack = desired.stacks.into_values().next().expect("the stack");
    let spec = |service: &skep::model::desired::DesiredService| {
        (service.key.clone(), serde_json::to_value(&service.spec).expect("JSON"))
    };
    Value::Object(stack.services.iter().map(spec).collect())
}

fn container(specs: &Value, service: &str) -> Value {
    let mut container = specs[service]["TaskTemplate"]["ContainerSpec"].clone();
    if let Some(container) = container.as_object_mut() {
        container.remove("Privileges");
    }
    container
}

fn show(findings: &[Finding]) -> String {
    let at = |place: &Place| format!("{place}+{}", place.length);
    let mut text = String::new();
    for finding in findings {
        let place = finding.place.as_ref().map_or_else(String::new, at);
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        writeln!(text, "{place} {severity}[{}] {}", finding.code, finding.message).expect("text");
        for related in &finding.related {
            writeln!(text, "    {} {}", at(&related.place), related.message).expect("text");
        }
        if let Some(hint) = &finding.hint {
            writeln!(text, "    = {hint}").expect("text");
        }
    }
    text
}

/// All findings of a stack of these files.
fn findings(files: &[(&str, &str)]) -> String {
    show(&loaded(&tree(files), &["stack.yaml"]).findings)
}

const STACK: &str = "stacks/shop/stack.yaml";

const COMMON: (&str, &str) = (
    "common/base.yaml",
    "
services:
  root: {image: 'nginx:1', volumes: ['./root:/root']}
  base:
    extends: {file: more/deep.yaml, service: deep}
    env_file: base.env
    label_file: [base.labels]
    environment: {A: base, B: base}
    labels: {own: label}
    command: [base]
    ports: ['80:80', '81:81']
    volumes: ['./data:/data', '/abs:/abs', 'named:/named', {type: bind, source: long, target: /long}]
    dns: 1.1.1.1
    x-skep: {previous_name: older, ignore: [deploy.replicas]}
",
);

#[test]
fn a_service_begins_with_the_one_that_it_extends() {
    let specs = specs(&[
        (
            STACK,
            "
services:
  web:
    extends: {file: ../../common/base.yaml, service: base}
    environment: [B=web, C=web]
    command: [web]
    ports: !override ['82:82']
    volumes: ['other:/named', './mine:/mine']
    dns: [2.2.2.2]
  twin: {extends: web, ports: !reset null, deploy: {replicas: 2}}
volumes: {named: , other: }
",
        ),
        COMMON,
        ("common/base.env", "A=file\nE=file\n"),
        ("common/base.labels", "own=file\nof.file=\"quoted ${OUTER}\"\n"),
        (
            "common/more/deep.yaml",
            "services: {deep: {extends: {file: ../base.yaml, service: root}, volumes: ['./deep:/deep'], hostname: deep}}",
        ),
    ]);
    let web = container(&specs, "web");
    assert_eq!(web["Image"], "nginx:1");
    assert_eq!(web["Hostname"], "deep");
    assert_eq!(web["Args"], json!(["web"]));
    assert_eq!(web["Env"], json!(["A=base", "B=web", "C=web", "E=file"]));
    assert_eq!(
        (&web["Labels"]["own"], &web["Labels"]["of.file"]),
        (&json!("label"), &json!("quoted outer"))
    );
    assert_eq!(web["DNSConfig"]["Nameservers"], json!(["1.1.1.1", "2.2.2.2"]));
    let mounts = web["Mounts"].as_array().expect("mounts").iter();
    let mounts: Vec<_> = mounts.map(|mount| mount["Source"].as_str().expect("a source")).collect();
    assert_eq!(
        mounts,
        [
            "/srv/common/root",
            "/srv/common/more/deep",
            "/srv/common/data",
            "/abs",
            "shop_other",
            "/srv/common/long",
            "/srv/stacks/shop/mine",
        ]
    );
    assert_eq!(specs["web"]["EndpointSpec"]["Ports"][0]["PublishedPort"], 82);
    assert_eq!(container(&specs, "twin"), web);
    assert_eq!(specs["twin"]["EndpointSpec"]["Ports"], Value::Null);
    assert_eq!(specs["twin"]["Mode"]["Replicated"]["Replicas"], 2);
}

#[test]
fn what_is_included_keeps_its_own_paths_and_variables() {
    let specs = specs(&[
        (
            STACK,
            "
include:
  - ../agent/_agent.yaml
  - path: [../../lib/one.yaml, changes.yaml]
    project_directory: ../../lib/files
    env_file: [../../lib/a.env, ../../lib/b.env]
services:
  web: {image: 'nginx:$OUTER', depends_on: [agent, lib], configs: [agent], environment: [NAME]}
",
        ),
        (
            "stacks/agent/_agent.yaml",
            "
name: agent
include: [deeper/_extra.yaml]
services: {agent: {image: 'agent:$TAG', environment: [NAME, OUTER], volumes: ['./state:/s'], env_file: agent.env}}
configs: {agent: {file: agent.conf}, inline: {environment: NAME}}
",
        ),
        ("stacks/agent/.env", "TAG=7\nNAME=agent\nOUTER=inner\n"),
        ("stacks/agent/agent.env", "F=1\n"),
        ("stacks/agent/agent.conf", "c"),
        (
            "stacks/agent/deeper/_extra.yaml",
            "services: {extra: {image: 'extra:$TAG$MINE', volumes: ['./state:/s']}}",
        ),
        ("stacks/agent/deeper/.env", "TAG=8\nMINE=9\n"),
        ("lib/one.yaml", "services: {lib: {image: 'lib:$V', command: [a], volumes: ['./l:/l']}}"),
        ("stacks/shop/changes.yaml", "services: {lib: {command: [b, '${W-none}']}}"),
        ("lib/a.env", "V=1\nW=a\n"),
        ("lib/b.env", "V=2\n"),
    ]);
    let agent = container(&specs, "agent");
    assert_eq!(agent["Image"], "agent:7");
    assert_eq!(agent["Env"], json!(["F=1", "NAME=agent", "OUTER=outer"]));
    assert_eq!(agent["Mounts"][0]["Source"], "/srv/stacks/agent/state");
    let extra = container(&specs, "extra");
    assert_eq!(extra["Image"], "extra:79");
    assert_eq!(extra["Mounts"][0]["Source"], "/srv/stacks/agent/deeper/state");
    let lib = container(&specs, "lib");
    assert_eq!((&lib["Image"], &lib["Args"]), (&json!("lib:2"), &json!(["b", "a"])));
    assert_eq!(lib["Mounts"][0]["Source"], "/srv/lib/files/l");
    assert_eq!(container(&specs, "web")["Env"], json!(["NAME"]));
}

#[test]
fn a_variable_without_a_value_is_that_of_the_stack_whatever_the_extended_service_says() {
    let specs = specs(&[(
        STACK,
        "
services:
  base: {image: a, environment: {OUTER: base, GONE: base, KEPT: base}, labels: [flag=base]}
  web: {extends: base, environment: [OUTER, GONE], labels: {flag: }}
",
    )]);
    let web = container(&specs, "web");
    assert_eq!(web["Env"], json!(["GONE", "KEPT=base", "OUTER=outer"]));
    assert_eq!(web["Labels"]["flag"], "");
}

#[test]
fn an_undeclared_service_is_a_warning_in_two_lists_as_in_one() {
    let told = |base: &str, over: &str| {
        let text = format!(
            "services: {{base: {{image: a, depends_on: {base}}}, \
             web: {{extends: base, depends_on: {over}}}}}"
        );
        let loaded = loaded(&tree(&[(STACK, &text)]), &["stack.yaml"]);
        loaded.stacks.len()
    };
    assert_eq!(told("[gone]", "[lost]"), 1);
    assert_eq!(told("[gone]", "{lost: }"), 0);
}

#[test]
fn a_later_file_changes_what_an_earlier_one_includes_or_declares() {
    let files = [
        (STACK, "include: [_lib.yaml]\nservices: {base: {image: base, tty: true}}"),
        ("stacks/shop/_lib.yaml", "services: {lib: {image: lib, command: [a], ports: ['80:80']}}"),
        (
            "stacks/shop/prod.yaml",
            "services: {lib: {command: [b], ports: !reset []}, web: {extends: base, image: web}}",
        ),
    ];
    let loaded = loaded(&tree(&files), &["stack.yaml", "prod.yaml"]);
    assert!(loaded.findings.is_empty(), "{}", show(&loaded.findings));
    let stack = loaded.stacks.first().expect("the stack");
    let service = |key: &str| &stack.compose.services[key].value;
    assert!(service("lib").ports.is_none());
    assert!(service("web").tty.as_ref().is_some_and(|tty| tty.value));
    assert_eq!(service("web").image.as_ref().map(|image| image.as_str()), Some("web"));
}

#[test]
fn the_same_object_may_come_twice_and_another_of_its_name_may_not() {
    let shared = ("stacks/shop/_net.yaml", "networks: {back: {internal: true}, front: }");
    assert_eq!(
        findings(&[
            (STACK, "include: [_net.yaml, _a.yaml]\nnetworks: {front: {}}"),
            (
                "stacks/shop/_a.yaml",
                "include: [_net.yaml]\nservices: {a: {image: a, networks: [back]}}"
            ),
            shared,
        ]),
        ""
    );
    insta::assert_snapshot!(findings(&[
        (
            STACK,
            "include: [_net.yaml, _a.yaml]\nnetworks: {front: {internal: true}}\nservices: {a: {image: b}}",
        ),
        (
            "stacks/shop/_a.yaml",
            "name: other\nx-skep: {paused: true}\nservces: {}\nservices: {a: {image: a}}\nvolumes: [a]",
        ),
        shared,
    ]));
}

#[test]
fn what_is_wrong_is_told_with_where_it_is_written_and_where_it_is_used() {
    insta::assert_snapshot!(findings(&[
        (
            STACK,
            "
include: [_part.yaml]
services:
  web:
    extends: {file: ../../common/base.yaml, service: base}
  api: {extends: local}
  local:
    image: nginx
    deploy: {replicas: many}
    dns_serch: [a]
    x-skep: {ignore: [no.such]}
",
        ),
        (
            "common/base.yaml",
            "services:\n  base:\n    imgae: nginx\n    healthcheck: {interval: often, test: x}\n    networks: [nowhere]\n    image: UPPER\n    env_file: gone.env\n    build: .\n",
        ),
        (
            "stacks/shop/_part.yaml",
            "services:\n  part:\n    image: nginx:${TAG}\n    configs: [gone]\n    secrets: [key]\nsecrets: {key: {file: ../key}}\n",
        ),
    ]));
}

#[test]
fn broken_references_are_located() {
    insta::assert_snapshot!(findings(&[
        (
            STACK,
            "
services:
  a: {extends: b, image: x}
  b: {extends: c}
  c: {extends: a}
  self: {extends: {file: stack.yaml, service: self}, image: x}
  slip: {extends: {file: _other.yaml, service: bsae}}
  none: {extends: nothing-alike}
  gone: {extends: {file: gone.yaml, service: base}}
  out: {extends: {file: ../../../../etc/passwd, service: base}}
  root: {extends: {file: /etc/passwd, service: base}}
  remote: {extends: {file: 'https://example.com/base.yaml', service: base}}
  list: {extends: [base]}
  odd: {extends: {srvice: base, service: base, file: 5}}
  text: {extends: {file: _other.yaml, service: text}}
  broken: {extends: {file: _broken.yaml, service: base}}
  far: {extends: {file: _other.yaml, service: far}}
",
        ),
        (
            "stacks/shop/_other.yaml",
            "services: {base: {image: x}, text: no, far: {extends: {file: stack.yaml, service: far}}}",
        ),
        ("stacks/shop/_broken.yaml", "services: {base: [}\n"),
    ]));
    insta::assert_snapshot!(
        "includes",
        findings(&[
            (
                STACK,
                "include:\n- _a.yaml\n- gone.yaml\n- ../../../x.yaml\n- oci://example.com/x\n- {paths: a}\n- {path: []}\n- 5\n",
            ),
            ("stacks/shop/_a.yaml", "include: [_b.yaml]"),
            ("stacks/shop/_b.yaml", "include: [_a.yaml]"),
        ])
    );
    insta::assert_snapshot!(
        "include_places",
        findings(&[
            (
                STACK,
                "include:\n- _a.yaml\n- gone.yaml\n- {path: _c.yaml, env_file: gone.env}\n- {path: _c.yaml, project_directory: ../../..}\n- _broken.yaml\n- _list.yaml\n- stack.yaml\n",
            ),
            ("stacks/shop/_a.yaml", "include: [_b.yaml]"),
            ("stacks/shop/_b.yaml", "include: [_a.yaml]"),
            ("stacks/shop/_c.yaml", ""),
            ("stacks/shop/_broken.yaml", "services: {a: [}\n"),
            ("stacks/shop/_list.yaml", "- a\n"),
        ])
    );
}

#[test]
fn files_that_multiply_themselves_are_refused_soon() {
    let codes = |files: &[(&str, &str)]| {
        let start = Instant::now();
        let loaded = loaded(&tree(files), &["stack.yaml"]);
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        assert!(loaded.stacks.is_empty() && loaded.findings.len() <= 1001);
        loaded.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    // Each includes the next twice.
    let doubling: Vec<(String, String)> = (0..19)
        .map(|n| {
            (format!("stacks/shop/f{n}.yaml"), format!("include: [f{0}.yaml, f{0}.yaml]", n + 1))
        })
        .chain([("stacks/shop/f19.yaml".to_owned(), String::new())])
        .collect();
    let mut files: Vec<(&str, &str)> =
        doubling.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push((STACK, "include: [f0.yaml]"));
    assert_eq!(codes(&files), ["too-many-files"]);
    let chain: Vec<(String, String)> = (0..40)
        .map(|n| (format!("stacks/shop/f{n}.yaml"), format!("include: [f{}.yaml]", n + 1)))
        .collect();
    let mut files: Vec<(&str, &str)> =
        chain.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push((STACK, "include: [f0.yaml]"));
    assert_eq!(codes(&files), ["include-too-deep"]);
    // Every service takes over ten thousand values.
    let mut wide = String::from("services:\n  base:\n    image: x\n    dns_search:\n");
    (0..10_000).for_each(|n| writeln!(wide, "    - d{n}").expect("text"));
    (0..5_000).for_each(|n| writeln!(wide, "  s{n}: {{extends: base}}").expect("text"));
    assert_eq!(codes(&[(STACK, &wide)]).first(), Some(&"yaml-too-many-values"));
    let mut long = String::from("services:\n  s20000: {image: x}\n");
    (0..20_000).for_each(|n| {
        writeln!(long, "  s{n}: {{extends: s{}}}", n + 1).expect("text");
    });
    assert!(codes(&[(STACK, &long)]).contains(&"extends-too-deep"));
}
