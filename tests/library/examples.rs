//! The example stacks: without a finding even under `--strict`, and showing what they say that they show.

#![expect(
    clippy::expect_used,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]

use std::fs;
use std::path::{Path, PathBuf};

use skep::model::desired::{Condition, Desired};
use skep::model::name::StackName;
use skep::model::service::ModeKind;
use skep::sources;
use skep::spec::desired::{Identity, world};
use skep::spec::discover::{Scope, discover};
use skep::spec::interpolate::Variables;
use skep::spec::load::{Input, Options, load};

fn examples() -> Desired {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stacks");
    let (tree, start) = sources::open(&path, None).expect("the examples");
    let discovery = discover(&tree, &start);
    assert_eq!(discovery.findings, []);
    assert_eq!(discovery.scope, Scope::Directory);
    let inputs: Vec<Input> = discovery
        .stacks
        .into_iter()
        .map(|files| Input { files, variables: Variables::new() })
        .collect();
    let loaded = load(&tree, &inputs, &Options { strict: true, ..Options::default() });
    assert_eq!(loaded.findings, []);
    let fleet = "default".parse().expect("a name");
    let source = "cli".parse().expect("a name");
    world(&loaded.stacks, &Identity { fleet: &fleet, source: &source, key: None })
}

#[test]
fn editors_find_the_schema_of_every_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let stacks = fs::read_dir(examples.join("stacks")).expect("the examples");
    let stacks = stacks.map(|stack| stack.expect("an entry").path().join("stack.yaml"));
    let others = ["skep.yaml", "controller/stack.yaml", "controller/skep.yaml"];
    let files: Vec<PathBuf> = stacks.chain(others.map(|file| examples.join(file))).collect();
    assert!(files.len() > 5);
    for file in files {
        let text = fs::read_to_string(&file).expect("an example");
        let modelines = text.lines().filter_map(|line| {
            line.strip_prefix("# yaml-language-server: $schema=")
                .map(|path| file.with_file_name(path))
        });
        let [schema] = modelines.collect::<Vec<_>>().try_into().expect("one modeline");
        let kind = if file.ends_with("skep.yaml") { "settings" } else { "stack" };
        assert!(
            schema.is_file() && schema.ends_with(format!("schema/{kind}.schema.json")),
            "{schema:?}"
        );
    }
}

#[test]
fn each_example_shows_what_it_is_there_for() {
    let desired = examples();
    let stacks: Vec<&str> = desired.stacks.keys().map(StackName::as_str).collect();
    assert_eq!(stacks, ["agent", "caddy", "shop", "site", "web"]);
    let stack = |name: &str| &desired.stacks[&name.parse().expect("a name")];

    let web = stack("web");
    assert_eq!((web.configs.len(), web.secrets.len(), web.services.len()), (1, 1, 1));
    let update = web.services[0].spec.update_config.as_ref().expect("an update policy");
    assert_eq!(
        (update.order.as_str(), update.failure_action.as_str()),
        ("start-first", "rollback")
    );

    let shop = stack("shop");
    assert!(shop.policy.protect);
    let needs = |service: &str| -> Vec<(&str, Condition)> {
        let service = shop.services.iter().find(|s| s.key == service).expect("a service");
        service.depends_on.iter().map(|need| (need.service.as_str(), need.condition)).collect()
    };
    let database = ("shop_database", Condition::ServiceHealthy);
    let migration = ("shop_migrate", Condition::ServiceCompletedSuccessfully);
    assert_eq!(needs("database"), []);
    assert_eq!(needs("migrate"), [database]);
    assert_eq!(needs("web"), [database, migration]);
    let migrate = shop.services.iter().find(|service| service.key == "migrate").expect("the job");
    assert_eq!(migrate.spec.mode.kind(), ModeKind::ReplicatedJob);

    // Two cannot have one port, and nobody but Caddy has the volume with the socket of its admin API.
    let caddy = &stack("caddy").services[0].spec;
    let update = caddy.update_config.as_ref().expect("an update policy");
    assert_eq!(update.order, "stop-first");
    let mounts = |of: &skep::model::service::ServiceSpec| {
        let container = of.task_template.container_spec.clone().expect("a container");
        container.mounts.into_iter().map(|mount| mount.source).collect::<Vec<_>>()
    };
    assert_eq!(mounts(caddy), ["caddy_data", "caddy_config", "caddy_admin"]);
    let site = stack("site");
    assert_eq!(mounts(&site.services[0].spec), [""; 0]);
    let hosts: Vec<String> = site.routes.iter().map(|route| route.host.to_string()).collect();
    assert_eq!(hosts, ["www.site.localhost", "site.localhost", "site.localhost"]);

    let agent = &stack("agent").services[0].spec;
    assert_eq!(agent.mode.kind(), ModeKind::Global);
    let container = agent.task_template.container_spec.as_ref().expect("a container");
    assert!(container.mounts.iter().all(|mount| mount.read_only));
    assert!(agent.task_template.resources.as_ref().is_some_and(|r| r.limits.is_some()));
}
