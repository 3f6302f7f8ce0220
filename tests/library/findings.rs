//! What skep says about wrong stack files: everything at once, each with its place and a hint.

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::fmt::Write as _;
use std::path::Path;

use skep::model::finding::{Finding, Severity};
use skep::sources::DirectoryTree;
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Loaded, Options, load};
use skep::spec::tree::{MemoryTree, Tree};

fn load_file(tree: &dyn Tree, file: &str, options: &Options) -> Loaded {
    let files = StackFiles {
        name: file.trim_end_matches(".yaml").to_owned(),
        files: vec![file.to_owned()],
        directory: String::new(),
    };
    let mut variables = Variables::new();
    variables.add("DB_PASSWORD", CANARY, Origin::Flag);
    load(tree, &[Input { files, variables }], options)
}

fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place =
            finding.place.as_ref().map_or_else(String::new, |p| format!("{}:{}", p.line, p.column));
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        writeln!(text, "{place} {severity}[{}] {}", finding.code, finding.message).expect("text");
        for related in &finding.related {
            let place = &related.place;
            writeln!(text, "    {}:{} {}", place.line, place.column, related.message)
                .expect("text");
        }
        if let Some(hint) = &finding.hint {
            writeln!(text, "    = {hint}").expect("text");
        }
    }
    text
}

/// A value that must stand in no finding.
const CANARY: &str = "c4n4ry-5ecret";

fn snapshot(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/findings");
    let tree = DirectoryTree::open(&folder).expect("the fixtures");
    let loaded = load_file(&tree, &format!("{name}.yaml"), &Options::default());
    assert!(loaded.stacks.is_empty());
    insta::assert_snapshot!(name, show(&loaded.findings));
}

#[test]
fn misspelt_keys_are_named_with_what_was_meant() {
    snapshot("slips");
}

#[test]
fn wrong_types_name_the_key_and_what_it_wants() {
    snapshot("types");
}

#[test]
fn what_the_engine_would_refuse_is_refused_before() {
    snapshot("semantics");
}

#[test]
fn routes_that_cannot_work_are_refused_where_they_are_written() {
    snapshot("routes");
}

fn memory(text: &str) -> MemoryTree {
    MemoryTree([("stack.yaml".to_owned(), text.as_bytes().to_vec())].into())
}

#[test]
fn keys_of_later_versions_are_known_by_name() {
    let later = [
        ("x-skep", ["generate"].as_slice()),
        ("services.web.x-skep", &["probe", "schedule", "sleep", "strategy"]),
    ];
    for (path, keys) in later {
        for key in keys {
            let (of_stack, of_service) = match path {
                "x-skep" => (*key, "unknown"),
                _ => ("unknown", *key),
            };
            let tree = memory(&format!(
                "x-skep: {{{of_stack}: []}}\nservices: {{web: {{image: nginx, x-skep: {{{of_service}: []}}}}}}"
            ));
            let findings = load_file(&tree, "stack.yaml", &Options::default()).findings;
            assert_eq!(findings.len(), 2, "{}", show(&findings));
            let said = show(&findings);
            let later = format!("error[not-in-this-version] {path}.{key} is not in this version");
            assert!(said.contains(&later), "{said}");
            assert!(said.contains("error[unknown-key] unknown key `unknown`"), "{said}");
        }
    }
}

#[test]
fn strict_makes_warnings_errors() {
    let tree = memory("services: {web: {image: nginx, container_name: web}}");
    assert_eq!(load_file(&tree, "stack.yaml", &Options::default()).stacks.len(), 1);
    let strict = Options { strict: true, ..Options::default() };
    assert_eq!(load_file(&tree, "stack.yaml", &strict).failed.len(), 1);
}

#[test]
fn no_finding_shows_the_value_of_a_variable_or_secret() {
    let text = format!(
        r#"
services:
  web:
    image: nginx
    environment: [DB_PASSWORD={CANARY}, DB_PASSWORD={CANARY}, "={CANARY}"]
    env_file: bad.env
    healthcheck: {{test: "true"}}
  list:
    image: nginx
    environment: {{A: [{CANARY}]}}
  interpolated:
    image: nginx
    environment: {{URL: "postgres://$DB_PASSWORD@db/${{"}}
secrets:
  inline: {{content: {CANARY}}}
  value: {{environment: DB_PASSWORD, file: x}}
configs:
  c: {{content: {CANARY}, file: absent}}
"#
    );
    let mut tree = memory(&text);
    tree.0.insert("bad.env".to_owned(), format!("A B={CANARY}\n={CANARY}\n").into_bytes());
    let loaded = load_file(&tree, "stack.yaml", &Options::default());
    assert!(loaded.findings.len() >= 8, "{}", show(&loaded.findings));
    let shown = format!("{}{:?}", show(&loaded.findings), loaded.findings);
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn a_wrong_value_of_a_variable_names_where_it_is_used_and_where_it_is_set() {
    let mut tree = memory("services: {web: {extends: {file: base.yaml, service: web}}}");
    let base = b"services: {web: {image: nginx, deploy: {replicas: '${COUNT}'}}}";
    tree.0.insert("base.yaml".to_owned(), base.to_vec());
    tree.0.insert(".env".to_owned(), b"TAG=1\nCOUNT=two\n".to_vec());
    let loaded = load_file(&tree, "stack.yaml", &Options::default());
    insta::assert_snapshot!(show(&loaded.findings), @r"
    1:51 error[wrong-type] services.web.deploy.replicas must be a whole number, not text
        1:18 used here
        1:52 `COUNT` is set at .env:2:1
    ");
}

#[test]
fn one_bad_stack_leaves_the_others_alone() {
    let mut tree = memory("");
    tree.0.insert("good/stack.yaml".to_owned(), b"services: {web: {image: nginx}}".to_vec());
    tree.0.insert("bad/stack.yaml".to_owned(), b"services: {web: {image: }}".to_vec());
    tree.0.insert("broken/stack.yaml".to_owned(), b"services: {web: [".to_vec());
    tree.0.insert("twin/stack.yaml".to_owned(), b"name: again\nservices: {a: {image: a}}".to_vec());
    tree.0.insert("again/stack.yaml".to_owned(), b"services: {a: {image: a}}".to_vec());
    let inputs: Vec<Input> = ["again", "bad", "broken", "good", "twin"]
        .iter()
        .map(|name| Input {
            files: StackFiles {
                name: (*name).to_owned(),
                files: vec![format!("{name}/stack.yaml")],
                directory: (*name).to_owned(),
            },
            variables: Variables::new(),
        })
        .collect();
    let loaded = load(&tree, &inputs, &Options::default());
    let good: Vec<&str> = loaded.stacks.iter().map(|stack| stack.name.as_str()).collect();
    let failed: Vec<&str> = loaded.failed.iter().map(|failed| failed.name.as_str()).collect();
    assert_eq!((good, failed), (vec!["good"], vec!["again", "again", "bad", "broken"]));
    assert!(loaded.failed.iter().all(|failed| failed.findings.iter().any(Finding::is_error)));
}

#[test]
fn a_dependency_cycle_of_thousands_of_services_is_found() {
    let mut text = String::from("services:\n");
    for index in 0..3000 {
        let next = (index + 1) % 3000;
        writeln!(text, "  s{index}: {{image: a, depends_on: [s{next}]}}").expect("text");
    }
    let loaded = load_file(&memory(&text), "stack.yaml", &Options::default());
    assert_eq!(loaded.findings.iter().filter(|f| f.code == "dependency-cycle").count(), 1);
}

#[test]
fn configs_and_secrets_have_the_sizes_that_a_swarm_allows() {
    let text = "
services: {web: {image: nginx, configs: [c], secrets: [s]}}
configs: {c: {file: c}}
secrets: {s: {file: s}}
";
    let load = |config: usize, secret: usize| {
        let mut tree = memory(text);
        tree.0.insert("c".to_owned(), vec![b'x'; config]);
        tree.0.insert("s".to_owned(), vec![b'x'; secret]);
        let loaded = load_file(&tree, "stack.yaml", &Options::default());
        loaded.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(load(1_023_999, 511_999), [""; 0]);
    assert_eq!(load(1_024_000, 512_000), ["too-large", "too-large"]);
    assert_eq!(load(5_000_000, 0), ["too-large", "empty-data"]);
}

fn codes(tree: &MemoryTree, stacks: &[&str]) -> Vec<String> {
    let input = |name: &&str| Input {
        files: StackFiles {
            name: (*name).to_owned(),
            files: vec![format!("{name}.yaml")],
            directory: String::new(),
        },
        variables: Variables::new(),
    };
    let inputs: Vec<Input> = stacks.iter().map(input).collect();
    let loaded = load(tree, &inputs, &Options::default());
    let failed: Vec<&str> = loaded.failed.iter().map(|failed| failed.name.as_str()).collect();
    let codes = loaded.findings.iter().map(|finding| finding.code.to_owned());
    codes.chain(failed.iter().map(|name| format!("failed {name}"))).collect()
}

#[test]
fn two_stacks_that_publish_one_port_are_told() {
    let with = |port: &str| {
        let text = |port: &str| {
            format!("services: {{web: {{image: nginx, ports: [{port}]}}}}").into_bytes()
        };
        let ingress = "{target: 80, published: 80, mode: ingress}";
        let tree = [("a.yaml".to_owned(), text(ingress)), ("b.yaml".to_owned(), text(port))];
        codes(&MemoryTree(tree.into()), &["b", "a"])
    };
    assert_eq!(with("'80:81'"), ["same-port"]);
    assert_eq!(with("{target: 80, published: 80, mode: host}"), ["same-port"]);
    assert_eq!(with("'80:80/udp'"), [""; 0]);
    assert_eq!(with("'80'"), [""; 0]);
}

#[test]
fn a_new_task_that_starts_first_must_not_share_what_the_old_one_writes() {
    let with = |replicas: u32, mount: &str, volume: &str| {
        let text = format!(
            "services: {{db: {{image: x, volumes: ['{mount}'], deploy: {{replicas: {replicas}, \
             update_config: {{order: start-first}}}}}}}}\nvolumes: {{data: {volume}}}"
        );
        codes(&memory(&text), &["stack"])
    };
    assert_eq!(with(1, "data:/d", "{}"), ["start-first-volume"]);
    assert_eq!(with(1, "data:/d:ro", "{}"), [""; 0]);
    assert_eq!(with(2, "data:/d", "{}"), [""; 0]);
    assert_eq!(with(1, "data:/d", "{driver: ceph}"), [""; 0]);
    assert_eq!(with(1, "data:/d", "{external: true}"), [""; 0]);
}

#[test]
fn an_update_must_watch_longer_than_a_health_check_takes_to_fail() {
    let with = |update: &str, health: &str| {
        let text = format!(
            "services: {{web: {{image: x, healthcheck: {{{health}}}, deploy: {{update_config: {{{update}}}}}}}}}"
        );
        codes(&memory(&text), &["stack"])
    };
    let test = "test: 'true'";
    assert_eq!(with("failure_action: rollback", test), ["monitor-too-short"]);
    assert_eq!(with("failure_action: pause, monitor: 90s", test), [""; 0]);
    assert_eq!(with("failure_action: pause, monitor: 89s", test), ["monitor-too-short"]);
    assert_eq!(with("failure_action: continue", test), [""; 0]);
    assert_eq!(with("failure_action: rollback", "disable: true"), [""; 0]);
    let quick = "test: 'true', interval: 1s, retries: 5, start_period: 1m";
    assert_eq!(with("failure_action: rollback", quick), [""; 0]);
}

#[test]
fn words_that_docker_and_the_engine_take_are_taken() {
    let with = |ports: &str, deploy: &str| {
        let text = format!(
            "services: {{web: {{image: x, ports: [{{target: 80, published: 80, {ports}}}], \
             deploy: {{{deploy}}}}}}}"
        );
        let loaded = load_file(&memory(&text), "stack.yaml", &Options::default());
        let ports = loaded.stacks.first().and_then(|stack| {
            let port = stack.compose.services["web"].ports.as_ref()?.0.first()?;
            Some((port.protocol.clone(), port.mode.clone()))
        });
        let codes: Vec<_> = loaded.findings.iter().map(|finding| finding.code).collect();
        let ports = ports.as_ref().map(|(protocol, mode)| (protocol.as_str(), mode.as_str()));
        assert!(codes.len() < 2, "{}", show(&loaded.findings));
        format!("{:?} {}", ports.unwrap_or_default(), codes.concat())
    };
    assert_eq!(with("mode: HOST, protocol: UDP", ""), r#"("udp", "host") "#);
    assert_eq!(with("mode: Ingress, protocol: ''", ""), r#"("", "ingress") "#);
    assert_eq!(with("mode: both, protocol: tcp", ""), r#"("tcp", "ingress") invalid-value"#);
    assert_eq!(with("protocol: ICMP", ""), r#"("", "") invalid-value"#);
    let blanks = "mode: '', restart_policy: {condition: ''}, update_config: {failure_action: ''}";
    assert_eq!(with("mode: ''", blanks), r#"("", "") "#);
    let labels = "labels: {com.docker.stack.namespace: a}";
    assert_eq!(with("mode: ''", labels), r#"("", "") reserved-label"#);
    let labels = "labels: {com.docker.stack.image: a}";
    assert_eq!(with("mode: ''", labels), r#"("", "") reserved-label"#);
}

#[test]
fn names_of_networks_are_as_long_as_a_swarm_allows() {
    let with = |stack: usize, networks: &str| {
        let name = "s".repeat(stack);
        let text = format!("name: {name}\nservices: {{web: {{image: x}}}}\nnetworks: {networks}");
        let findings = load_file(&memory(&text), "stack.yaml", &Options::default()).findings;
        findings
            .iter()
            .map(|f| (f.code, f.place.as_ref().map_or(0, |p| p.line)))
            .collect::<Vec<_>>()
    };
    assert_eq!(with(55, "{}"), [("", 0); 0]);
    assert_eq!(with(56, "{}"), [("name-too-long", 1)]);
    assert_eq!(with(56, "{default: }"), [("name-too-long", 3)]);
    assert_eq!(with(56, "{default: {name: short}}"), [("", 0); 0]);
    let long = "n".repeat(64);
    assert_eq!(with(1, &format!("{{default: {{name: {long}}}}}")), [("name-too-long", 3)]);
    let external = format!("{{default: {{name: {long}, external: true}}}}");
    assert_eq!(with(1, &external), [("", 0); 0]);
}
