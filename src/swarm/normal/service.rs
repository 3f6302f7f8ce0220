//! Defaults of a service: mode, update policy, endpoint.

use crate::model::nanos::Nanos;
use crate::model::service::{
    EndpointSpec, PortConfig, Replicated, ReplicatedJob, ServiceMode, ServiceSpec, UpdateConfig,
};

use super::{fill, task};

/// How long new tasks are watched when nothing else is said.
const MONITOR: Nanos = Nanos::seconds(5);

/// Brings a service's spec into its normal form. Networks, configs and secrets are referred to by name.
///
/// Applying it twice is applying it once.
pub fn service(spec: &mut ServiceSpec) {
    let ServiceSpec {
        name: _,
        labels: _,
        task_template,
        mode,
        update_config,
        rollback_config,
        endpoint_spec,
    } = spec;
    task::template(task_template);
    self::mode(mode);
    // A job may have no update policy: the Engine refuses one.
    let job = mode.kind().is_job();
    for policy in [update_config, rollback_config] {
        match policy {
            Some(policy) => update(policy),
            None if job => {}
            None => {
                let mut default = UpdateConfig { parallelism: 1, ..UpdateConfig::default() };
                update(&mut default);
                *policy = Some(default);
            }
        }
    }
    endpoint(endpoint_spec.get_or_insert_default());
}

fn mode(mode: &mut ServiceMode) {
    let ServiceMode { replicated, global, replicated_job, global_job } = mode;
    match replicated_job {
        Some(ReplicatedJob { max_concurrent, total_completions }) => {
            let concurrent = *max_concurrent.get_or_insert(1);
            total_completions.get_or_insert(concurrent);
        }
        None if global.is_none() && global_job.is_none() => {
            let Replicated { replicas } = replicated.get_or_insert_default();
            replicas.get_or_insert(1);
        }
        None => {}
    }
}

fn update(policy: &mut UpdateConfig) {
    let UpdateConfig {
        parallelism: _,
        delay: _,
        failure_action,
        monitor,
        max_failure_ratio: _,
        order,
    } = policy;
    fill(failure_action, "pause");
    fill(order, "stop-first");
    if *monitor == Nanos::default() {
        *monitor = MONITOR;
    }
}

fn endpoint(endpoint: &mut EndpointSpec) {
    let EndpointSpec { mode, ports } = endpoint;
    fill(mode, "vip");
    ports.iter_mut().for_each(port);
    ports.sort_by(|a, b| key(a).cmp(&key(b)));
}

/// The Engine reads a protocol or mode that it does not know as the first one that it knows.
fn port(port: &mut PortConfig) {
    let PortConfig { name: _, protocol, target_port: _, published_port: _, publish_mode } = port;
    protocol.make_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        "tcp".clone_into(protocol);
    }
    publish_mode.make_ascii_lowercase();
    if publish_mode != "host" {
        "ingress".clone_into(publish_mode);
    }
}

fn key(port: &PortConfig) -> (u32, &str, u32, &str, &str) {
    let PortConfig { name, protocol, target_port, published_port, publish_mode } = port;
    (*target_port, protocol, *published_port, publish_mode, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_means_what_the_engine_does_without_it() {
        let mut short: ServiceSpec = serde_json::from_str(
            r#"{"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "i"}},
                "EndpointSpec": {"Ports": [{"TargetPort": 81, "PublishMode": "overlay"}, {"TargetPort": 80}]}}"#,
        )
        .unwrap();
        let mut long: ServiceSpec = serde_json::from_str(
            r#"{"Name": "s", "Labels": {},
                "TaskTemplate": {
                  "ContainerSpec": {"Image": "i", "StopGracePeriod": 10000000000, "Isolation": "default",
                    "DNSConfig": {}, "Healthcheck": {},
                    "Privileges": {"CredentialSpec": null, "SELinuxContext": null, "NoNewPrivileges": false}},
                  "Resources": {"Limits": {}, "Reservations": {}}, "Placement": {}, "LogDriver": {},
                  "RestartPolicy": {"Condition": "any", "Delay": 5000000000, "MaxAttempts": 0},
                  "ForceUpdate": 0, "Runtime": "container"},
                "Mode": {"Replicated": {"Replicas": 1}},
                "UpdateConfig": {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5000000000,
                  "MaxFailureRatio": 0, "Order": "stop-first"},
                "RollbackConfig": {"Parallelism": 1},
                "EndpointSpec": {"Mode": "vip", "Ports": [
                  {"Protocol": "tcp", "TargetPort": 80, "PublishMode": "ingress"},
                  {"Protocol": "tcp", "TargetPort": 81, "PublishMode": "ingress"}]}}"#,
        )
        .unwrap();
        assert_ne!(short, long);
        service(&mut short);
        service(&mut long);
        assert_eq!(short, long);
        let once = short.clone();
        service(&mut short);
        assert_eq!(short, once, "normal forms stay as they are");
    }

    #[test]
    fn an_update_policy_of_its_own_has_no_default_parallelism() {
        let mut spec =
            ServiceSpec { update_config: Some(UpdateConfig::default()), ..ServiceSpec::default() };
        service(&mut spec);
        assert_eq!(spec.update_config.map(|policy| policy.parallelism), Some(0));
        assert_eq!(spec.rollback_config.map(|policy| policy.parallelism), Some(1));
    }

    #[test]
    fn a_job_gets_counts_but_no_update_policy() {
        let mut spec: ServiceSpec =
            serde_json::from_str(r#"{"Mode": {"ReplicatedJob": {"MaxConcurrent": 3}}}"#).unwrap();
        service(&mut spec);
        let job = spec.mode.replicated_job.unwrap();
        assert_eq!((job.max_concurrent, job.total_completions), (Some(3), Some(3)));
        assert_eq!((spec.update_config, spec.rollback_config), (None, None));
    }
}
