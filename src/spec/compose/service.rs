//! One entry of `services`.

use schemars::JsonSchema;

use super::attachments::Attachments;
use super::command::Command;
use super::cpus::Cpus;
use super::credential_spec::CredentialSpec;
use super::definitions::Define;
use super::depends_on::DependsOn;
use super::deploy::Deploy;
use super::duration::Duration;
use super::environment::{EnvFiles, Environment};
use super::healthcheck::Healthcheck;
use super::hosts::Hosts;
use super::logging::Logging;
use super::misplaced::is_misplaced;
use super::mounts::Mounts;
use super::pairs::Pairs;
use super::ports::Ports;
use super::restart::Restart;
use super::size::ByteSize;
use super::store_refs::StoreRefs;
use super::text_list::{TextList, TextSet};
use super::ulimits::Ulimits;
use super::unsupported;
use super::x_skep::ServiceExtension;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report, go_text};

/// A service: what runs, and how.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Service {
    /// The image.
    #[schemars(example = &"nginx:1.29")]
    pub image: Option<Located<String>>,
    /// The arguments, or the command of an image without an entry point.
    pub command: Option<Located<Command>>,
    /// The entry point.
    pub entrypoint: Option<Located<Command>>,
    /// Variables of the container.
    #[schemars(example = ["LOG_LEVEL=info"])]
    pub environment: Option<Located<Environment>>,
    /// Files of variables; `environment` wins over them.
    #[schemars(example = &"./web.env")]
    pub env_file: Option<Located<EnvFiles>>,
    /// How the service runs in the Swarm.
    pub deploy: Option<Deploy>,
    /// Published ports.
    pub ports: Option<Located<Ports>>,
    /// What is mounted where.
    pub volumes: Option<Located<Mounts>>,
    /// Networks; the stack's default network if absent.
    pub networks: Option<Located<Attachments>>,
    /// Configs that the container sees as files.
    pub configs: Option<Located<StoreRefs>>,
    /// Secrets that the container sees as files.
    pub secrets: Option<Located<StoreRefs>>,
    /// How its health is probed.
    pub healthcheck: Option<Located<Healthcheck>>,
    /// Services that must be ready before this one is created or rolled.
    pub depends_on: Option<Located<DependsOn>>,
    /// Labels of the containers; changing one restarts tasks. Labels of the service are below `deploy`.
    pub labels: Option<Located<Pairs>>,
    /// Files of labels of the containers; `labels` wins over them.
    #[schemars(example = &"./web.labels")]
    pub label_file: Option<Located<TextList>>,
    /// What happens when a container ends, in the words of `docker run`; `deploy.restart_policy` wins over it.
    pub restart: Option<Located<Restart>>,
    /// User, with an optional group.
    #[schemars(example = &"1000:1000")]
    pub user: Option<Located<String>>,
    /// Additional groups.
    pub group_add: Option<Located<Groups>>,
    /// Working directory.
    #[schemars(example = &"/app")]
    pub working_dir: Option<Located<String>>,
    /// Host name of the containers; may hold a template.
    #[schemars(example = &"{{.Service.Name}}-{{.Task.Slot}}")]
    pub hostname: Option<Located<String>>,
    /// Entries of `/etc/hosts`.
    pub extra_hosts: Option<Located<Hosts>>,
    /// Name servers.
    #[schemars(example = &"1.1.1.1")]
    pub dns: Option<Located<TextList>>,
    /// Search domains.
    #[schemars(example = &"example.com")]
    pub dns_search: Option<Located<TextList>>,
    /// Options of the resolver.
    #[schemars(example = ["ndots:1"])]
    pub dns_opt: Option<Located<TextList>>,
    /// Where output goes.
    pub logging: Option<Located<Logging>>,
    /// Time that it gets to stop; 10s by default.
    #[schemars(example = &"30s")]
    pub stop_grace_period: Option<Located<Duration>>,
    /// The signal that stops it.
    #[schemars(example = &"SIGQUIT")]
    pub stop_signal: Option<Located<String>>,
    /// Whether an init process runs as process 1.
    #[schemars(example = true)]
    pub init: Option<Located<bool>>,
    /// Whether the root file system is read-only.
    #[schemars(example = true)]
    pub read_only: Option<Located<bool>>,
    /// Whether it has a terminal.
    pub tty: Option<Located<bool>>,
    /// Whether standard input stays open.
    pub stdin_open: Option<Located<bool>>,
    /// Capabilities to add.
    #[schemars(example = ["NET_ADMIN"])]
    pub cap_add: Option<Located<TextSet>>,
    /// Capabilities to drop.
    #[schemars(example = ["ALL"])]
    pub cap_drop: Option<Located<TextSet>>,
    /// Kernel parameters of the container.
    #[schemars(example = ["net.core.somaxconn=1024"])]
    pub sysctls: Option<Located<Pairs>>,
    /// Limits of its processes.
    pub ulimits: Option<Located<Ulimits>>,
    /// Adjustment of its out-of-memory score; Docker 27 and newer.
    pub oom_score_adj: Option<Located<i64>>,
    /// Isolation technology (Windows).
    pub isolation: Option<Located<String>>,
    /// Credential specification (Windows).
    pub credential_spec: Option<Located<CredentialSpec>>,
    /// It is declared only if one of these profiles is asked for.
    #[schemars(example = ["debug"])]
    pub profiles: Option<Located<TextSet>>,
    /// How many tasks run; `deploy.replicas` wins over it.
    pub scale: Option<Located<u64>>,
    /// Cores that a task may use; `deploy.resources` wins over it.
    pub cpus: Option<Located<Cpus>>,
    /// Memory that a task may use; `deploy.resources` wins over it.
    pub mem_limit: Option<Located<ByteSize>>,
    /// Memory that a node must have free; `deploy.resources` wins over it.
    pub mem_reservation: Option<Located<ByteSize>>,
    /// Processes that a task may have; `deploy.resources` wins over it.
    pub pids_limit: Option<Located<i64>>,
    /// What the file asks of skep itself.
    #[schemars(rename = "x-skep")]
    pub x_skep: Option<ServiceExtension>,
    /// Where the first key with the prefix `x-` was written, `x-skep` included.
    #[schemars(skip)]
    pub first_extension: Option<crate::model::place::Place>,
}

/// Groups by name or number.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct Groups(#[schemars(with = "TextSet")] pub Vec<String>);

impl Decode for Groups {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut groups = Vec::new();
        for item in at.items(report)? {
            match go_text(&item) {
                Some(group) => groups.push(group),
                None => report.push(item.expected("a group by name or number")),
            }
        }
        Some(Self(groups))
    }
}

impl Define for Service {
    fn define(key: &str, at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if is_misplaced(key, at) {
            return None;
        }
        if at.node.is_null() {
            let hint = "indent the keys of the service below it: at least `image`";
            report.push(at.expected("a mapping").hint(hint));
            return None;
        }
        let mut fields = at.fields(report)?;
        let service = Self {
            image: fields.get("image", report),
            command: fields.get("command", report),
            entrypoint: fields.get("entrypoint", report),
            environment: fields.get("environment", report),
            env_file: fields.get("env_file", report),
            deploy: fields.get("deploy", report),
            ports: fields.get("ports", report),
            volumes: fields.get("volumes", report),
            networks: fields.get("networks", report),
            configs: fields.get("configs", report),
            secrets: fields.get("secrets", report),
            healthcheck: fields.get("healthcheck", report),
            depends_on: fields.get("depends_on", report),
            labels: fields.get("labels", report),
            label_file: fields.get("label_file", report),
            restart: fields.get("restart", report),
            user: fields.get("user", report),
            group_add: fields.get("group_add", report),
            working_dir: fields.get("working_dir", report),
            hostname: fields.get("hostname", report),
            extra_hosts: fields.get("extra_hosts", report),
            dns: fields.get("dns", report),
            dns_search: fields.get("dns_search", report),
            dns_opt: fields.get("dns_opt", report),
            logging: fields.get("logging", report),
            stop_grace_period: fields.get("stop_grace_period", report),
            stop_signal: fields.get("stop_signal", report),
            init: fields.get("init", report),
            read_only: fields.get("read_only", report),
            tty: fields.get("tty", report),
            stdin_open: fields.get("stdin_open", report),
            cap_add: fields.get("cap_add", report),
            cap_drop: fields.get("cap_drop", report),
            sysctls: fields.get("sysctls", report),
            ulimits: fields.get("ulimits", report),
            oom_score_adj: fields.get("oom_score_adj", report),
            isolation: fields.get("isolation", report),
            credential_spec: fields.get("credential_spec", report),
            profiles: fields.get("profiles", report),
            scale: fields.get("scale", report),
            cpus: fields.get("cpus", report),
            mem_limit: fields.get("mem_limit", report),
            mem_reservation: fields.get("mem_reservation", report),
            pids_limit: fields.get("pids_limit", report),
            x_skep: fields.get("x-skep", report),
            first_extension: fields.first_extension().cloned(),
        };
        // Where `extends` is left, its service was not found, and may be what has the image.
        if fields.at("extends").is_none() && fields.lacks("image") {
            report.push(
                at.error("missing-key", "has no `image`")
                    .hint("a Swarm runs images from a registry; build and push it before"),
            );
        }
        not_honoured(&mut fields, report);
        fields.finish(report);
        Some(service)
    }
}

fn not_honoured(fields: &mut Fields<'_>, report: &mut Report) {
    unsupported::warn(fields, unsupported::UNSUPPORTED, report);
    if let Some(privileged) = fields.at("privileged")
        && privileged.get::<bool>(report) == Some(true)
    {
        report.push(
            privileged
                .warning("not-on-swarm", "does nothing on a Swarm")
                .hint("use `cap_add`, or run the container outside of the Swarm"),
        );
    }
}
