//! Defaults of a container: environment, files, capabilities, health check, security.

use crate::model::container::{
    AppArmor, ConfigReference, ContainerSpec, CredentialSpec, Healthcheck, Privileges,
    SeLinuxContext, Seccomp, SecretReference,
};
use crate::model::nanos::Nanos;
use crate::model::secret::EnvVar;

use super::{fill, mount, unless_default};

/// How long a container may take to stop when nothing else is said.
const STOP_GRACE_PERIOD: Nanos = Nanos::seconds(10);

pub(super) fn container(spec: &mut ContainerSpec) {
    let ContainerSpec {
        image: _,
        labels: _,
        command: _,
        args: _,
        hostname: _,
        env,
        dir: _,
        user: _,
        groups,
        privileges,
        init: _,
        stop_signal: _,
        tty: _,
        open_stdin: _,
        read_only: _,
        mounts,
        stop_grace_period,
        healthcheck,
        // The first address of a name wins, so order counts.
        hosts: _,
        dns_config,
        secrets,
        configs,
        isolation,
        sysctls: _,
        capability_add,
        capability_drop,
        ulimits,
        oom_score_adj: _,
    } = spec;
    environment(env);
    groups.sort();
    groups.dedup();
    if let Some(options) = privileges {
        self::privileges(options);
    }
    unless_default(privileges);
    mounts.iter_mut().for_each(mount::mount);
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    stop_grace_period.get_or_insert(STOP_GRACE_PERIOD);
    if let Some(Healthcheck {
        test: _,
        interval: _,
        timeout: _,
        start_period: _,
        start_interval: _,
        retries: _,
    }) = healthcheck
    {
        unless_default(healthcheck);
    }
    unless_default(dns_config);
    for SecretReference { file: _, secret_id, secret_name: _ } in secrets.iter_mut() {
        secret_id.clear();
    }
    secrets.sort_by(|a, b| secret(a).cmp(&secret(b)));
    for ConfigReference { file: _, runtime: _, config_id, config_name: _ } in configs.iter_mut() {
        config_id.clear();
    }
    configs.sort_by(|a, b| config(a).cmp(&config(b)));
    fill(isolation, "default");
    for capabilities in [capability_add, capability_drop] {
        for capability in capabilities.iter_mut() {
            *capability = canonical_capability(capability);
        }
        capabilities.sort();
        capabilities.dedup();
    }
    ulimits.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Sorted by name; of several with one name the last counts.
fn environment(env: &mut Vec<EnvVar>) {
    env.reverse();
    env.sort_by(|a, b| a.name.cmp(&b.name));
    env.dedup_by(|later, earlier| later.name == earlier.name);
}

fn privileges(privileges: &mut Privileges) {
    let Privileges { credential_spec, se_linux_context, seccomp, app_armor, no_new_privileges: _ } =
        privileges;
    if let Some(CredentialSpec { config: _, file: _, registry: _ }) = credential_spec {
        unless_default(credential_spec);
    }
    if let Some(SeLinuxContext { disable: _, user: _, role: _, r#type: _, level: _ }) =
        se_linux_context
    {
        unless_default(se_linux_context);
    }
    if let Some(Seccomp { mode, profile: _ }) = seccomp {
        if mode == "default" {
            mode.clear();
        }
        unless_default(seccomp);
    }
    if let Some(AppArmor { mode }) = app_armor {
        if mode == "default" {
            mode.clear();
        }
        unless_default(app_armor);
    }
}

/// `CAP_NET_ADMIN` or `ALL` for every spelling; the Engine stores what it is given.
fn canonical_capability(capability: &str) -> String {
    let name = capability.trim().to_ascii_uppercase();
    if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
}

fn secret(reference: &SecretReference) -> (&str, &str) {
    (&reference.secret_name, reference.file.as_ref().map_or("", |file| &file.name))
}

fn config(reference: &ConfigReference) -> (&str, &str) {
    (&reference.config_name, reference.file.as_ref().map_or("", |file| &file.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_spelling_without_meaning_make_no_difference() {
        let env = |texts: &[&str]| texts.iter().map(|text| EnvVar::parse(text)).collect();
        let mut a = ContainerSpec {
            env: env(&["B=2", "A=0", "C", "A=1"]),
            capability_add: vec!["sys_time".into(), "CAP_NET_ADMIN".into()],
            capability_drop: vec!["all".into()],
            ..ContainerSpec::default()
        };
        let mut b = ContainerSpec {
            env: env(&["A=1", "B=2", "C"]),
            capability_add: vec!["net_admin".into(), "CAP_SYS_TIME".into()],
            capability_drop: vec!["ALL".into()],
            ..ContainerSpec::default()
        };
        container(&mut a);
        container(&mut b);
        assert_eq!(a, b);
        let clear: Vec<String> = a.env.iter().map(EnvVar::to_engine).collect();
        assert_eq!(clear, ["A=1", "B=2", "C"], "the last value of a name counts");
    }
}
