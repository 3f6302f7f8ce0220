//! A service that sets every field there is, so that a new field cannot be forgotten by the differ.

use std::collections::BTreeMap;

use crate::model::container::{
    AppArmor, ConfigReference, ContainerSpec, CredentialSpec, DnsConfig, FileTarget, Healthcheck,
    Privileges, RuntimeTarget, SeLinuxContext, Seccomp, SecretReference, Ulimit,
};
use crate::model::labels::Labels;
use crate::model::mount::{
    BindOptions, ClusterOptions, DriverConfig, ImageOptions, Mount, TmpfsOptions, VolumeOptions,
};
use crate::model::nanos::Nanos;
use crate::model::network::{ConfigFrom, Ipam, IpamPool, NetworkSpec};
use crate::model::secret::EnvVar;
use crate::model::service::{
    EndpointSpec, PortConfig, Replicated, ServiceMode, ServiceSpec, UpdateConfig,
};
use crate::model::task::{
    DiscreteResource, GenericResource, Limits, NamedResource, NetworkAttachment, Placement,
    Platform, Preference, Reservations, Resources, RestartPolicy, Spread, TaskTemplate,
};

fn map<const N: usize>(entries: [(&str, &str); N]) -> Labels {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn texts<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.into_iter().map(str::to_owned).collect()
}

/// Every field is set to something that is not its default. No `..` here: a new field must be added.
pub(super) fn service() -> ServiceSpec {
    ServiceSpec {
        name: "shop_web".into(),
        labels: map([("com.docker.stack.namespace", "shop"), ("owner", "web-team")]),
        task_template: TaskTemplate {
            container_spec: Some(container()),
            resources: Some(resources()),
            restart_policy: Some(RestartPolicy {
                condition: "any".into(),
                delay: Some(Nanos::seconds(5)),
                max_attempts: Some(3),
                window: Some(Nanos::seconds(120)),
            }),
            placement: Some(Placement {
                constraints: texts(["node.role==worker", "node.labels.zone!=c"]),
                preferences: vec![Preference {
                    spread: Some(Spread { spread_descriptor: "node.labels.zone".into() }),
                }],
                max_replicas: 2,
                platforms: vec![Platform { architecture: "x86_64".into(), os: "linux".into() }],
            }),
            networks: vec![NetworkAttachment {
                target: "shop_default".into(),
                aliases: texts(["web"]),
                driver_opts: map([("priority", "1")]),
            }],
            log_driver: Some(DriverConfig {
                name: "json-file".into(),
                options: map([("max-size", "10m")]),
            }),
            force_update: 1,
            runtime: "container".into(),
        },
        mode: ServiceMode {
            replicated: Some(Replicated { replicas: Some(3) }),
            global: None,
            replicated_job: None,
            global_job: None,
        },
        update_config: Some(update("start-first")),
        rollback_config: Some(update("stop-first")),
        endpoint_spec: Some(EndpointSpec {
            mode: "vip".into(),
            ports: vec![
                PortConfig {
                    name: "web".into(),
                    protocol: "tcp".into(),
                    target_port: 80,
                    published_port: 8080,
                    publish_mode: "ingress".into(),
                },
                PortConfig {
                    name: "metrics".into(),
                    protocol: "tcp".into(),
                    target_port: 9090,
                    published_port: 9090,
                    publish_mode: "host".into(),
                },
            ],
        }),
    }
}

fn update(order: &str) -> UpdateConfig {
    UpdateConfig {
        parallelism: 2,
        delay: Nanos::seconds(10),
        failure_action: "rollback".into(),
        monitor: Nanos::seconds(5),
        max_failure_ratio: 0.1,
        order: order.into(),
    }
}

fn resources() -> Resources {
    let named = NamedResource { kind: "gpu".into(), value: "UUID1".into() };
    let discrete = DiscreteResource { kind: "ssd".into(), value: 2 };
    Resources {
        limits: Some(Limits { nano_cpus: 500_000_000, memory_bytes: 256 << 20, pids: 100 }),
        reservations: Some(Reservations {
            nano_cpus: 250_000_000,
            memory_bytes: 64 << 20,
            generic_resources: vec![
                GenericResource { named_resource_spec: Some(named), discrete_resource_spec: None },
                GenericResource {
                    named_resource_spec: None,
                    discrete_resource_spec: Some(discrete),
                },
            ],
        }),
        swap_bytes: Some(1 << 20),
        memory_swappiness: Some(60),
    }
}

fn container() -> ContainerSpec {
    ContainerSpec {
        image: "acme/web:1.8.2".into(),
        labels: map([("com.docker.stack.namespace", "shop")]),
        command: texts(["/entry"]),
        args: texts(["serve", "--port=80"]),
        hostname: "{{.Node.Hostname}}".into(),
        env: vec![EnvVar::parse("DB_PASSWORD=hunter2"), EnvVar::parse("LEVEL=info")],
        dir: "/app".into(),
        user: "1000:1000".into(),
        groups: texts(["audio"]),
        privileges: Some(privileges()),
        init: Some(true),
        stop_signal: "SIGINT".into(),
        tty: true,
        open_stdin: true,
        read_only: true,
        mounts: vec![mount()],
        stop_grace_period: Some(Nanos::seconds(30)),
        healthcheck: Some(Healthcheck {
            test: texts(["CMD", "true"]),
            interval: Nanos::seconds(10),
            timeout: Nanos::seconds(2),
            start_period: Nanos::seconds(20),
            start_interval: Nanos::seconds(1),
            retries: 5,
        }),
        hosts: texts(["10.0.0.9 legacy"]),
        dns_config: Some(DnsConfig {
            nameservers: texts(["10.0.0.2"]),
            search: texts(["acme.internal"]),
            options: texts(["ndots:2"]),
        }),
        secrets: vec![SecretReference {
            file: Some(file("db_password")),
            secret_id: "s1".into(),
            secret_name: "shop_db_password-1".into(),
        }],
        configs: vec![
            ConfigReference {
                file: Some(file("/etc/nginx.conf")),
                runtime: None,
                config_id: "c1".into(),
                config_name: "shop_nginx-1".into(),
            },
            ConfigReference {
                file: None,
                runtime: Some(RuntimeTarget {}),
                config_id: "c2".into(),
                config_name: "shop_credentials-1".into(),
            },
        ],
        isolation: "process".into(),
        sysctls: map([("net.core.somaxconn", "1024")]),
        capability_add: texts(["CAP_NET_ADMIN"]),
        capability_drop: texts(["ALL"]),
        ulimits: vec![Ulimit { name: "nofile".into(), hard: 4096, soft: 1024 }],
        oom_score_adj: 100,
    }
}

fn privileges() -> Privileges {
    Privileges {
        credential_spec: Some(CredentialSpec {
            config: "shop_credentials-1".into(),
            file: "spec.json".into(),
            registry: "spec".into(),
        }),
        se_linux_context: Some(SeLinuxContext {
            disable: true,
            user: "u".into(),
            role: "r".into(),
            r#type: "t".into(),
            level: "l".into(),
        }),
        seccomp: Some(Seccomp { mode: "custom".into(), profile: "e30=".into() }),
        app_armor: Some(AppArmor { mode: "default".into() }),
        no_new_privileges: true,
    }
}

/// No engine takes all of these at once; the differ does not care.
fn mount() -> Mount {
    Mount {
        r#type: "volume".into(),
        source: "shop_data".into(),
        target: "/data".into(),
        read_only: true,
        consistency: "delegated".into(),
        bind_options: Some(BindOptions {
            propagation: "rslave".into(),
            non_recursive: true,
            create_mountpoint: true,
            read_only_non_recursive: true,
            read_only_force_recursive: true,
        }),
        volume_options: Some(VolumeOptions {
            no_copy: true,
            labels: map([("backup", "daily")]),
            subpath: "a".into(),
            driver_config: Some(DriverConfig {
                name: "local".into(),
                options: map([("o", "addr=10.0.0.1,password=hunter2")]),
            }),
        }),
        image_options: Some(ImageOptions { subpath: "b".into() }),
        tmpfs_options: Some(TmpfsOptions {
            size_bytes: 64 << 20,
            mode: 0o1777,
            options: vec![texts(["noexec"]), texts(["uid", "1"])],
        }),
        cluster_options: Some(ClusterOptions {}),
    }
}

fn file(name: &str) -> FileTarget {
    FileTarget { name: name.into(), uid: "1000".into(), gid: "1000".into(), mode: 0o400 }
}

/// A network that sets every field.
pub(super) fn network() -> NetworkSpec {
    NetworkSpec {
        name: "shop_default".into(),
        driver: "overlay".into(),
        scope: "swarm".into(),
        enable_ipv4: Some(true),
        enable_ipv6: Some(true),
        ipam: Some(Ipam {
            driver: "default".into(),
            options: Some(map([("a", "b")])),
            config: vec![IpamPool {
                subnet: "10.1.0.0/24".into(),
                ip_range: "10.1.0.0/28".into(),
                gateway: "10.1.0.1".into(),
                aux_address: map([("router", "10.1.0.2")]),
            }],
        }),
        internal: true,
        attachable: true,
        ingress: true,
        config_only: true,
        config_from: Some(ConfigFrom { network: "base".into() }),
        options: Some(map([("encrypted", "true")])),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    }
}
