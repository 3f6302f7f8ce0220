//! What stacks ask for beyond what docker's client sends: skep's names and labels, places, and the keys of the
//! Compose specification that docker's client does not know.

#![expect(clippy::expect_used, reason = "a test whose own stacks do not load cannot run")]

use serde_json::{Value, json};
use skep::model::desired::{Condition, Desired, DesiredStack, FieldPath};
use skep::model::fleet::FleetKey;
use skep::model::labels;
use skep::model::name::StackName;
use skep::spec::desired::{Identity, world};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

fn files(tree: &[(&str, &str)]) -> MemoryTree {
    MemoryTree(
        tree.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect(),
    )
}

fn input(name: &str, names: &[&str]) -> Input {
    let mut variables = Variables::new();
    variables.add("TOKEN", "t0ken", Origin::Flag);
    let files = names.iter().map(|file| format!("{name}/{file}")).collect();
    Input {
        files: StackFiles { name: name.to_owned(), files, directory: name.to_owned() },
        variables,
    }
}

fn build(
    tree: &MemoryTree,
    inputs: &[Input],
    options: &Options,
    key: Option<&FleetKey>,
) -> Desired {
    let loaded = load(tree, inputs, options);
    let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let (fleet, source) = ("prod".parse().expect("a name"), "git".parse().expect("a name"));
    world(&loaded.stacks, &Identity { fleet: &fleet, source: &source, key })
}

fn one(text: &str) -> DesiredStack {
    let tree =
        files(&[("shop/stack.yaml", text), ("shop/app.conf", "a = 1\n"), ("shop/token", "s")]);
    let key = FleetKey::new([7; 32]);
    let desired = build(&tree, &[input("shop", &["stack.yaml"])], &Options::default(), Some(&key));
    desired.stacks.into_values().next().expect("the stack")
}

fn spec(stack: &DesiredStack, service: &str) -> Value {
    let service = stack.services.iter().find(|known| known.key == service).expect("the service");
    serde_json::to_value(&service.spec).expect("JSON")
}

const STORES: &str = "
services:
  web:
    image: nginx
    configs: [app]
    secrets: [token]
configs: {app: {file: app.conf}}
secrets: {token: {environment: TOKEN}}
";

#[test]
fn configs_and_secrets_are_named_by_their_content() {
    let stack = one(STORES);
    let config = &stack.configs.first().expect("a config").spec;
    let secret = &stack.secrets.first().expect("a secret").spec;
    assert_eq!(config.name, "shop_app-cb78bd8a");
    assert_eq!(config.labels[labels::FINGERPRINT].split(':').next(), Some("sha256"));
    assert_eq!(config.labels[labels::LOGICAL], "app");
    assert!(secret.labels[labels::FINGERPRINT].starts_with("hmac:"));
    let web = spec(&stack, "web");
    let container = &web["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Configs"][0]["ConfigName"], config.name.as_str());
    assert_eq!(container["Secrets"][0]["SecretName"], secret.name.as_str());

    let templated =
        one(&STORES.replace("file: app.conf", "file: app.conf, template_driver: golang"));
    assert_ne!(templated.configs.first().expect("a config").spec.name, config.name);
    let named = one(&STORES.replace("file: app.conf", "file: app.conf, name: exact"));
    assert_eq!(named.configs.first().expect("a config").spec.name, "exact");
}

#[test]
fn without_the_key_of_the_fleet_the_hash_of_a_secret_is_unknown() {
    let tree = files(&[("shop/stack.yaml", STORES), ("shop/app.conf", "a = 1\n")]);
    let desired = build(&tree, &[input("shop", &["stack.yaml"])], &Options::default(), None);
    let stack = desired.stacks.values().next().expect("the stack");
    let secret = &stack.secrets.first().expect("a secret").spec;
    assert_eq!(secret.name, "shop_token-<hash>");
    assert!(!secret.labels.contains_key(labels::FINGERPRINT));
    assert!(!serde_json::to_string(secret).expect("JSON").contains("t0ken"));
}

#[test]
fn skeps_labels_stand_where_they_restart_nothing() {
    let stack = one("services: {web: {image: nginx, volumes: [data:/data]}}\nvolumes: {data: }");
    let web = spec(&stack, "web");
    assert_eq!(
        web["Labels"],
        json!({
            "com.docker.stack.image": "nginx",
            "com.docker.stack.namespace": "shop",
            "skep.fleet": "prod",
            "skep.object": "service shop_web",
            "skep.source": "git",
            "skep.stack": "shop",
        })
    );
    assert!(!web["TaskTemplate"].to_string().contains("skep."));
    let network = &stack.networks.first().expect("the default network").spec;
    assert_eq!(network.labels[labels::OBJECT], "network shop_default");
}

#[test]
fn an_external_name_that_another_stack_declares_means_its_current_generation() {
    let user = "
services: {api: {image: api, configs: [shared], secrets: [other]}}
configs: {shared: {external: true, name: shop_app}}
secrets: {other: {external: true}}
";
    let tree = files(&[
        ("shop/stack.yaml", STORES),
        ("shop/app.conf", "a = 1\n"),
        ("api/stack.yaml", user),
    ]);
    let inputs = [input("shop", &["stack.yaml"]), input("api", &["stack.yaml"])];
    let desired = build(&tree, &inputs, &Options::default(), None);
    let api = desired.stacks.values().find(|stack| stack.name.as_str() == "api").expect("api");
    let container = &spec(api, "api")["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Configs"][0]["ConfigName"], "shop_app-cb78bd8a");
    let externals: Vec<String> = api.externals.iter().map(|e| e.object.to_string()).collect();
    assert_eq!(externals, ["config shop_app-cb78bd8a", "secret other"]);
}

#[test]
fn fields_know_where_they_were_written() {
    let stack = one("
services:
  web:
    image: nginx
    environment:
      - LEVEL=info
    ports:
      - 8080:80
    deploy:
      replicas: 2
      labels: {tier: front}
    networks:
      default:
        aliases: [www]
");
    let web = stack.services.first().expect("web");
    let line =
        |field: &str| web.origins.place(&FieldPath(field.to_owned())).map(|place| place.line);
    assert_eq!(line("image"), Some(4));
    assert_eq!(line("environment.LEVEL"), Some(6));
    assert_eq!(line("ports.80/tcp"), Some(8));
    assert_eq!(line("deploy.replicas"), Some(10));
    assert_eq!(line("deploy.labels.tier"), Some(11));
    assert_eq!(line("networks.shop_default.aliases"), Some(14));
    assert_eq!(line("user"), None);
    assert_eq!(web.place.line, 3);
}

#[test]
fn keys_of_the_specification_that_a_swarm_can_honour_are_honoured() {
    let stack = one("
services:
  web:
    image: nginx
    oom_score_adj: -500
    group_add: [video, 1000]
    dns_opt: [ndots:1]
    scale: 2
    cpus: 0.5
    mem_limit: 64m
    mem_reservation: 32m
    pids_limit: 10
    ports: [{name: http, target: 80, published: '8080-8081'}]
    volumes:
      - {type: tmpfs, target: /run, tmpfs: {size: 1m, mode: 0700}}
      - {type: bind, source: /srv, target: /srv, bind: {create_host_path: true, recursive: disabled}}
    networks: [net]
networks:
  net:
    enable_ipv6: true
    ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1, ip_range: 10.0.0.128/25, aux_addresses: {a: 10.0.0.5}}]}
");
    let web = spec(&stack, "web");
    let container = &web["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["OomScoreAdj"], -500);
    assert_eq!(container["Groups"], json!(["video", "1000"]));
    assert_eq!(container["DNSConfig"], json!({ "Options": ["ndots:1"] }));
    assert_eq!(
        container["Mounts"][0]["TmpfsOptions"],
        json!({ "SizeBytes": 1_048_576, "Mode": 0o700 })
    );
    assert_eq!(
        container["Mounts"][1]["BindOptions"],
        json!({ "CreateMountpoint": true, "NonRecursive": true })
    );
    assert_eq!(web["Mode"], json!({ "Replicated": { "Replicas": 2 } }));
    assert_eq!(
        web["TaskTemplate"]["Resources"],
        json!({
            "Limits": { "NanoCPUs": 500_000_000, "MemoryBytes": 67_108_864, "Pids": 10 },
            "Reservations": { "MemoryBytes": 33_554_432 }
        })
    );
    assert_eq!(
        web["EndpointSpec"]["Ports"],
        json!([
            { "Name": "http", "TargetPort": 80, "PublishedPort": 8080 },
            { "Name": "http", "TargetPort": 80, "PublishedPort": 8081 }
        ])
    );
    let network = serde_json::to_value(&stack.networks.first().expect("net").spec).expect("JSON");
    assert_eq!(network["EnableIPv6"], true);
    assert_eq!(
        network["IPAM"]["Config"],
        json!([{
            "Subnet": "10.0.0.0/24",
            "Gateway": "10.0.0.1",
            "IPRange": "10.0.0.128/25",
            "AuxiliaryAddresses": { "a": "10.0.0.5" }
        }])
    );
}

#[test]
fn dependencies_profiles_and_renames_are_kept() {
    let tree = files(&[(
        "shop/stack.yaml",
        "
services:
  web:
    image: web
    depends_on: {migrate: {condition: service_completed_successfully}, debug: {required: false}}
    x-skep: {ignore: [deploy.replicas], previous_name: frontend}
  migrate: {image: web, deploy: {mode: replicated-job}}
  debug: {image: debug, profiles: [debug]}
x-skep: {protect: true, prune: false, previous_name: store}
",
    )]);
    let inputs = [input("shop", &["stack.yaml"])];
    let desired = build(&tree, &inputs, &Options::default(), None);
    let stack = desired.stacks.values().next().expect("the stack");
    let keys: Vec<&str> = stack.services.iter().map(|service| service.key.as_str()).collect();
    assert_eq!(keys, ["migrate", "web"]);
    let web = stack.services.last().expect("web");
    let needs: Vec<_> =
        web.depends_on.iter().map(|need| (need.service.as_str(), need.condition)).collect();
    assert_eq!(needs, [("shop_migrate", Condition::ServiceCompletedSuccessfully)]);
    assert_eq!(web.ignore, [FieldPath("deploy.replicas".to_owned())]);
    assert_eq!(web.previous_name.as_deref(), Some("shop_frontend"));
    assert!(stack.policy.protect && !stack.policy.paused && stack.policy.prune == Some(false));
    assert_eq!(stack.policy.previous_name.as_ref().map(StackName::as_str), Some("store"));

    let options = Options { profiles: vec!["debug".to_owned()], ..Options::default() };
    let desired = build(&tree, &inputs, &options, None);
    let stack = desired.stacks.values().next().expect("the stack");
    assert_eq!(stack.services.len(), 3);
    assert_eq!(stack.services.last().expect("web").depends_on.len(), 2);
}

#[test]
fn several_files_merge_and_the_dotenv_beside_them_is_the_weakest_source_of_variables() {
    let tree = files(&[
        ("shop/stack.yaml", "services: {web: {image: 'nginx:$TAG', environment: [A=1, TOKEN]}}"),
        (
            "shop/prod.yaml",
            "services: {web: {environment: {A: '2', B: $TOKEN}, deploy: {replicas: 3}}}",
        ),
        ("shop/.env", "TAG=1.29\nTOKEN=weaker\n"),
    ]);
    let inputs = [input("shop", &["stack.yaml", "prod.yaml"])];
    let desired = build(&tree, &inputs, &Options::default(), None);
    let web = spec(desired.stacks.values().next().expect("the stack"), "web");
    let container = &web["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Image"], "nginx:1.29");
    assert_eq!(container["Env"], json!(["A=2", "B=t0ken", "TOKEN=t0ken"]));
    assert_eq!(web["Mode"], json!({ "Replicated": { "Replicas": 3 } }));
}
