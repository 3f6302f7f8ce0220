//! A small world: a declared stack, the Swarm that it would make, and ways to disturb both.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::diff::ShowContent;
use crate::diff::document::{Action, Change, HoldCode};
use crate::diff::mask::Sensitivity;
use crate::model::container::{ConfigReference, ContainerSpec, FileTarget, SecretReference};
use crate::model::desired::{Desired, DesiredObject, DesiredService, DesiredStack, Origins};
use crate::model::fleet::{Domain, FleetKey, public_fingerprint};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::live::{
    ApiVersion, Engine, Live, LiveService, Node, Observed, RawSpec, References, Task, TaskCounts,
    TaskState,
};
use crate::model::name::StackName;
use crate::model::network::NetworkSpec;
use crate::model::place::Place;
use crate::model::secret::{EnvVar, Redacted};
use crate::model::service::{ModeKind, ReplicatedJob, ServiceMode, ServiceSpec, UpdateConfig};
use crate::model::store::{ConfigSpec, Data, SecretSpec};
use crate::model::task::{NetworkAttachment, TaskTemplate};
use crate::reconciler::caddy::{ProxyRules, Sight};
use crate::reconciler::plan::{Images, Inputs, Learned, Plan, View, index, plan, release};
use crate::reconciler::policy::{Elsewhere, Policy, Scope};
use crate::reconciler::record;
use crate::reconciler::step::{Notes, RoutedNote, Write};

pub(super) const KEY: [u8; 32] = [7; 32];

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

pub(super) fn key() -> FleetKey {
    FleetKey::new(KEY)
}

pub(super) fn place() -> Place {
    Place::file("stacks/shop/stack.yaml")
}

/// What is declared, what is live, and under which policy they meet.
pub(super) struct World {
    pub(super) desired: Desired,
    pub(super) observed: Observed,
    pub(super) policy: Policy,
    pub(super) scope: Scope,
    pub(super) learned: Learned,
    pub(super) images: Images,
    pub(super) rules: Option<ProxyRules>,
    pub(super) sight: Sight,
}

fn own_labels(kind: Kind, name: &str, stack: &str) -> Labels {
    let pairs = [
        (labels::NAMESPACE, stack.to_owned()),
        (labels::FLEET, "default".to_owned()),
        (labels::SOURCE, "cli".to_owned()),
        (labels::STACK, stack.to_owned()),
        (labels::OBJECT, ObjectKey::new(kind, name).to_string()),
    ];
    pairs.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
}

/// A replicated service of stack `stack` with two tasks on the stack's default network.
pub(super) fn service(stack: &str, key: &str) -> DesiredService {
    let name = format!("{stack}_{key}");
    let mut labels = own_labels(Kind::Service, &name, stack);
    labels.insert(labels::IMAGE.to_owned(), "acme/web:1".to_owned());
    let spec = ServiceSpec {
        name,
        labels,
        task_template: TaskTemplate {
            container_spec: Some(ContainerSpec {
                image: "acme/web:1".to_owned(),
                env: vec![EnvVar::parse("MODE=fast")],
                ..ContainerSpec::default()
            }),
            networks: vec![NetworkAttachment {
                target: format!("{stack}_default"),
                aliases: vec![key.to_owned()],
                driver_opts: Labels::new(),
            }],
            ..TaskTemplate::default()
        },
        mode: ServiceMode::replicated(Some(2)),
        update_config: Some(UpdateConfig { parallelism: 1, ..UpdateConfig::default() }),
        ..ServiceSpec::default()
    };
    DesiredService {
        key: key.to_owned(),
        spec,
        place: place(),
        origins: Origins::default(),
        image: "acme/web:1".to_owned(),
        depends_on: Vec::new(),
        ignore: Vec::new(),
        previous_name: None,
    }
}

/// A job of stack `stack`.
pub(super) fn job(stack: &str, key: &str) -> DesiredService {
    let mut job = service(stack, key);
    job.spec.mode = ServiceMode {
        replicated_job: Some(ReplicatedJob { max_concurrent: Some(1), total_completions: Some(1) }),
        ..ServiceMode::default()
    };
    job.spec.update_config = None;
    job
}

/// A config named by its content.
pub(super) fn config(stack: &str, key: &str, data: &str) -> DesiredObject<ConfigSpec> {
    let fingerprint = public_fingerprint(data.as_bytes());
    let name = format!("{stack}_{key}-{}", &fingerprint[7..15]);
    let mut labels = own_labels(Kind::Config, &name, stack);
    labels.insert(labels::LOGICAL.to_owned(), key.to_owned());
    labels.insert(labels::FINGERPRINT.to_owned(), fingerprint);
    let spec = ConfigSpec { name, labels, data: Data(data.into()), templating: None };
    DesiredObject { key: key.to_owned(), spec, place: place(), origins: Origins::default() }
}

/// A secret named by the fingerprint of its data.
pub(super) fn secret(stack: &str, name: &str, data: &str) -> DesiredObject<SecretSpec> {
    let suffix = key().suffix(Domain::Secret, data.as_bytes(), 8);
    let full = format!("{stack}_{name}-{suffix}");
    let mut labels = own_labels(Kind::Secret, &full, stack);
    labels.insert(labels::LOGICAL.to_owned(), name.to_owned());
    let fingerprint = key().fingerprint(Domain::Secret, data.as_bytes());
    labels.insert(labels::FINGERPRINT.to_owned(), fingerprint);
    let data = Some(Redacted::new(data.as_bytes().to_vec()));
    let spec = SecretSpec { name: full, labels, data, ..SecretSpec::default() };
    DesiredObject { key: name.to_owned(), spec, place: place(), origins: Origins::default() }
}

/// A stack with its default network and these services.
pub(super) fn stack(name: &str, services: Vec<DesiredService>) -> DesiredStack {
    let network = format!("{name}_default");
    let spec = NetworkSpec {
        labels: own_labels(Kind::Network, &network, name),
        name: network,
        driver: "overlay".to_owned(),
        scope: "swarm".to_owned(),
        ..NetworkSpec::default()
    };
    DesiredStack {
        file: "stacks/shop/stack.yaml".into(),
        networks: vec![DesiredObject {
            key: "default".to_owned(),
            spec,
            place: place(),
            origins: Origins::default(),
        }],
        services,
        ..DesiredStack::empty(name)
    }
}

/// Lets `service` see the config or secret named `name`.
pub(super) fn mount_config(service: &mut DesiredService, name: &str) {
    let container = service.spec.task_template.container_spec.as_mut().unwrap();
    container.configs.push(ConfigReference {
        file: Some(FileTarget { name: "/app.conf".to_owned(), ..FileTarget::default() }),
        config_name: name.to_owned(),
        ..ConfigReference::default()
    });
}

pub(super) fn mount_secret(service: &mut DesiredService, name: &str) {
    let container = service.spec.task_template.container_spec.as_mut().unwrap();
    container.secrets.push(SecretReference {
        file: Some(FileTarget { name: "token".to_owned(), ..FileTarget::default() }),
        secret_name: name.to_owned(),
        ..SecretReference::default()
    });
}

impl World {
    /// These stacks declared, nothing live but the fleet record.
    pub(super) fn declaring(stacks: Vec<DesiredStack>) -> Self {
        let fleet = "default".parse().unwrap();
        let record = record::create(record::name(&fleet), record::labels(&fleet), &KEY);
        let observed = Observed {
            engine: Engine {
                api: ApiVersion { major: 1, minor: 51 },
                version: "28.5.2".to_owned(),
                now: now(),
            },
            networks: Vec::new(),
            configs: vec![live(record, "record")],
            secrets: Vec::new(),
            services: Vec::new(),
            workload: None,
        };
        Self {
            desired: Desired {
                stacks: stacks.into_iter().map(|stack| (stack.name.clone(), stack)).collect(),
            },
            observed,
            policy: Policy::default(),
            scope: Scope {
                fleet,
                source: "cli".parse().unwrap(),
                whole: true,
                invalid: BTreeSet::new(),
                elsewhere: Elsewhere::default(),
            },
            learned: Learned::default(),
            images: Images::default(),
            rules: None,
            sight: Sight::Nowhere,
        }
    }

    /// These stacks declared and live as declared, healthy.
    pub(super) fn applied(stacks: Vec<DesiredStack>) -> Self {
        let mut world = Self::declaring(stacks);
        world.photograph();
        world
    }

    /// Makes everything live that is declared and not live yet, healthy.
    pub(super) fn photograph(&mut self) {
        for stack in self.desired.stacks.values() {
            for network in &stack.networks {
                self.observed.networks.push(live(network.spec.clone(), &network.spec.name));
            }
            for config in &stack.configs {
                self.observed.configs.push(live(config.spec.clone(), &config.spec.name));
            }
            for secret in &stack.secrets {
                let spec = SecretSpec { data: None, ..secret.spec.clone() };
                self.observed.secrets.push(live(spec, &secret.spec.name));
            }
            for service in &stack.services {
                self.observed.services.push(live_service(&service.spec));
            }
        }
    }

    pub(super) fn stack(&mut self, name: &str) -> &mut DesiredStack {
        self.desired.stacks.get_mut(&name.parse::<StackName>().unwrap()).unwrap()
    }

    pub(super) fn declared(&mut self, stack: &str, key: &str) -> &mut DesiredService {
        self.stack(stack).services.iter_mut().find(|service| service.key == key).unwrap()
    }

    pub(super) fn live(&mut self, name: &str) -> &mut LiveService {
        self.observed.services.iter_mut().find(|service| service.spec.name == name).unwrap()
    }

    pub(super) fn plan(&self) -> Plan {
        let view = View {
            revision: None,
            sensitivity: Sensitivity::default(),
            reveal: false,
            contents: ShowContent::Counts,
            command: "skep apply stacks".to_owned(),
            retry: "skep retry".to_owned(),
            docker: "docker".to_owned(),
            findings: Vec::new(),
        };
        plan(&Inputs {
            desired: &self.desired,
            observed: &self.observed,
            scope: &self.scope,
            policy: &self.policy,
            images: &self.images,
            rules: self.rules.as_ref(),
            sight: &self.sight,
            learned: &self.learned,
            view: &view,
        })
    }

    /// Performs the steps of a plan on the observed world, as a Swarm without troubles would.
    pub(super) fn perform(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let name = step.object.name.clone();
            match step.write.clone() {
                Write::CreateRecord { name, labels } => {
                    self.observed.configs.push(live(record::create(name, labels, &KEY), "record"));
                }
                Write::LabelRecord { labels, .. } => {
                    self.observed
                        .configs
                        .iter_mut()
                        .filter(|config| config.spec.name == name)
                        .for_each(|config| config.spec.labels = labels.clone());
                }
                Write::Remember { labels, notes, .. } => {
                    let Notes { applied, removed, routes, routed } = notes;
                    let record = self.observed.configs.iter_mut().find(|c| c.spec.name == name);
                    let record = &mut record.unwrap().spec.labels;
                    *record = labels;
                    for (service, brief) in &applied {
                        record::remember(record, service, brief);
                    }
                    for service in &removed {
                        record::forget(record, service);
                    }
                    record::note_routes(record, &routes);
                    for RoutedNote { stack, routed, by: _ } in &routed {
                        record::note_routed(record, stack, routed);
                    }
                }
                Write::CreateNetwork(spec) => self.observed.networks.push(live(spec, &name)),
                Write::CreateConfig(spec) => self.observed.configs.push(live(spec, &name)),
                Write::CreateSecret(spec) => {
                    let spec = SecretSpec { data: None, ..spec };
                    self.observed.secrets.push(live(spec, &name));
                }
                Write::CreateService(spec) => self.observed.services.push(live_service(&spec)),
                Write::UpdateService { spec, .. } => {
                    let service = self.live(&name);
                    let previous = index::references(&service.spec.task_template);
                    *service = LiveService { previous, ..live_service(&spec) };
                }
                Write::LabelConfig { spec, .. } => {
                    let configs = &mut self.observed.configs;
                    configs.iter_mut().filter(|c| c.spec.name == name).for_each(|config| {
                        config.spec = spec.clone();
                    });
                }
                Write::LabelSecret { spec, .. } => {
                    let secrets = &mut self.observed.secrets;
                    secrets.iter_mut().filter(|s| s.spec.name == name).for_each(|secret| {
                        secret.spec = spec.clone();
                    });
                }
                // See below.
                Write::Route(_) | Write::Proxy { .. } => {}
                Write::Remove { .. } => {
                    self.observed
                        .services
                        .retain(|s| ObjectKey::new(Kind::Service, &s.spec.name) != step.object);
                    self.observed
                        .configs
                        .retain(|c| ObjectKey::new(Kind::Config, &c.spec.name) != step.object);
                    self.observed
                        .secrets
                        .retain(|s| ObjectKey::new(Kind::Secret, &s.spec.name) != step.object);
                    self.observed
                        .networks
                        .retain(|n| ObjectKey::new(Kind::Network, &n.spec.name) != step.object);
                }
            }
        }
        super::routes::write(self, plan);
    }

    /// Plans and performs until no step is ready, and returns what was written, pass by pass.
    pub(super) fn converge(&mut self) -> Vec<Vec<String>> {
        let mut passes = Vec::new();
        for _ in 0..20 {
            let plan = self.plan();
            if plan.steps.is_empty() {
                return passes;
            }
            let told = plan.steps.iter().filter(|s| !matches!(s.write, Write::Remember { .. }));
            passes.push(told.map(|step| step.object.to_string()).collect());
            self.perform(&plan);
        }
        panic!("never ends: {passes:?}");
    }
}

pub(super) fn live<S>(spec: S, id: &str) -> Live<S> {
    Live { id: format!("id-{id}"), version: 10, created: now(), spec }
}

/// A healthy live service with this spec, applied by this fleet if it has its labels.
pub(super) fn live_service(spec: &ServiceSpec) -> LiveService {
    let mut spec = spec.clone();
    crate::swarm::normal::service(&mut spec);
    if spec.labels.contains_key(labels::FLEET) {
        let applied = release::fingerprint(&key(), &spec);
        spec.labels.insert(labels::APPLIED.to_owned(), applied);
    }
    let replicas = spec.mode.replicated.as_ref().and_then(|mode| mode.replicas).unwrap_or(1);
    let counts = match spec.mode.kind() {
        ModeKind::ReplicatedJob => TaskCounts { running: 0, desired: 1, completed: 1 },
        _ => TaskCounts { running: replicas, desired: replicas, completed: 0 },
    };
    LiveService {
        id: format!("id-{}", spec.name),
        version: 10,
        created: now(),
        updated: now(),
        job_iteration: spec.mode.kind().is_job().then_some(0),
        spec,
        raw: RawSpec::default(),
        previous: References::default(),
        previous_applied: None,
        update: None,
        counts,
    }
}

/// A task of `live` as it is now, that has run since `since`.
pub(super) fn running(live: &LiveService, slot: u64, since: Timestamp) -> Task {
    Task {
        id: format!("{slot}-{since}"),
        service_id: live.id.clone(),
        slot,
        node_id: None,
        created: since,
        state: TaskState::Running,
        desired: TaskState::Running,
        since,
        message: "started".to_owned(),
        error: None,
        exit_code: None,
        job_iteration: live.job_iteration,
        template: live.spec.task_template.clone(),
    }
}

/// A node on which everything can run.
pub(super) fn node() -> Node {
    Node { manager: true, memory_bytes: 8 << 30, ..Node::example("n1", "swarm-1") }
}

/// What a plan does with each object, with the codes of its holds: `update service shop_web [waits-for-health]`.
pub(super) fn outline(plan: &Plan) -> Vec<String> {
    let line = |change: &Change| {
        let codes: Vec<&str> = change.holds.iter().map(|hold| hold.code.as_str()).collect();
        let holds =
            if codes.is_empty() { String::new() } else { format!(" [{}]", codes.join(", ")) };
        format!("{} {}{holds}", change.action, change.object)
    };
    plan.document.changes().map(line).collect()
}

/// The change of one object.
pub(super) fn change<'a>(plan: &'a Plan, object: &str) -> &'a Change {
    plan.document.changes().find(|change| change.object.to_string() == object).unwrap()
}

pub(super) fn stack_holds(plan: &Plan) -> Vec<HoldCode> {
    plan.document.stacks.iter().flat_map(|stack| &stack.holds).map(|hold| hold.code).collect()
}

pub(super) fn actions(plan: &Plan) -> Vec<Action> {
    plan.document.changes().map(|change| change.action).collect()
}
