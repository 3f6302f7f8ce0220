//! The container of a service.

use super::credential_spec::credential_spec;
use super::health::health;
use super::mounts::mounts;
use super::names::Names;
use super::origins::Recorder;
use super::{capabilities, references};
use crate::model::container::{ContainerSpec, DnsConfig, Privileges, Ulimit};
use crate::model::labels;
use crate::spec::compose::Service;
use crate::spec::compose::text_list::TextList;
use crate::spec::decode::Located;
use crate::spec::image::Reference;
use crate::spec::stack::Stack;

/// The container that each task of a service runs.
pub(super) fn container(
    stack: &Stack,
    names: &Names,
    key: &str,
    compose: &Service,
    origins: &mut Recorder,
) -> ContainerSpec {
    note_plain_fields(compose, origins);
    let mut labels = compose.labels.as_ref().map(|labels| labels.to_map()).unwrap_or_default();
    labels.insert(labels::NAMESPACE.to_owned(), stack.name.to_string());
    let (capability_add, capability_drop) = capabilities::effective(
        &compose.cap_add.as_ref().map(|list| list.texts()).unwrap_or_default(),
        &compose.cap_drop.as_ref().map(|list| list.texts()).unwrap_or_default(),
    );
    let environment = stack.environments.get(key).map(Vec::as_slice).unwrap_or_default();
    for variable in environment {
        origins.note(format!("environment.{}", variable.name), &variable.place);
    }
    ContainerSpec {
        image: image(text(compose.image.as_ref())),
        labels,
        command: compose.entrypoint.as_ref().map(|words| words.0.clone()).unwrap_or_default(),
        args: compose.command.as_ref().map(|words| words.0.clone()).unwrap_or_default(),
        hostname: text(compose.hostname.as_ref()),
        env: environment.iter().map(|variable| variable.value.clone()).collect(),
        dir: text(compose.working_dir.as_ref()),
        user: text(compose.user.as_ref()),
        groups: compose.group_add.as_ref().map(|groups| groups.0.clone()).unwrap_or_default(),
        privileges: Some(Privileges {
            credential_spec: compose
                .credential_spec
                .as_ref()
                .and_then(|spec| credential_spec(names, spec)),
            ..Privileges::default()
        }),
        init: compose.init.as_ref().map(|init| init.value),
        stop_signal: text(compose.stop_signal.as_ref()),
        tty: flag(compose.tty.as_ref()),
        open_stdin: flag(compose.stdin_open.as_ref()),
        read_only: flag(compose.read_only.as_ref()),
        mounts: mounts(stack.name.as_str(), &stack.compose, compose, origins),
        stop_grace_period: compose.stop_grace_period.as_ref().map(|duration| duration.value.0),
        healthcheck: compose.healthcheck.as_ref().map(|check| health(check, origins)),
        hosts: hosts(compose, origins),
        dns_config: dns(compose),
        secrets: references::secrets(names, compose, origins),
        configs: references::configs(names, compose, origins),
        isolation: text(compose.isolation.as_ref()),
        sysctls: compose.sysctls.as_ref().map(|sysctls| sysctls.to_map()).unwrap_or_default(),
        capability_add,
        capability_drop,
        ulimits: ulimits(compose, origins),
        oom_score_adj: compose.oom_score_adj.as_ref().map_or(0, |adjustment| adjustment.value),
    }
}

/// The reference as docker sends it: in its short form and with a tag.
fn image(declared: String) -> String {
    Reference::parse(&declared).map_or(declared, |reference| reference.tagged().to_string())
}

fn note_plain_fields(compose: &Service, origins: &mut Recorder) {
    origins.note_if("image", compose.image.as_ref());
    origins.note_if("command", compose.command.as_ref());
    origins.note_if("entrypoint", compose.entrypoint.as_ref());
    origins.note_if("environment", compose.environment.as_ref());
    origins.note_if("environment", compose.env_file.as_ref());
    origins.note_if("hostname", compose.hostname.as_ref());
    origins.note_if("working_dir", compose.working_dir.as_ref());
    origins.note_if("user", compose.user.as_ref());
    origins.note_if("group_add", compose.group_add.as_ref());
    origins.note_if("init", compose.init.as_ref());
    origins.note_if("stop_signal", compose.stop_signal.as_ref());
    origins.note_if("tty", compose.tty.as_ref());
    origins.note_if("stdin_open", compose.stdin_open.as_ref());
    origins.note_if("read_only", compose.read_only.as_ref());
    origins.note_if("stop_grace_period", compose.stop_grace_period.as_ref());
    origins.note_if("healthcheck", compose.healthcheck.as_ref());
    origins.note_if("dns", compose.dns.as_ref());
    origins.note_if("dns_search", compose.dns_search.as_ref());
    origins.note_if("dns_opt", compose.dns_opt.as_ref());
    origins.note_if("isolation", compose.isolation.as_ref());
    origins.note_if("credential_spec", compose.credential_spec.as_ref());
    origins.note_if("cap_add", compose.cap_add.as_ref());
    origins.note_if("cap_drop", compose.cap_drop.as_ref());
    origins.note_if("oom_score_adj", compose.oom_score_adj.as_ref());
    origins.note_if("labels", compose.labels.as_ref());
    for (name, value) in compose.labels.iter().flat_map(|labels| &labels.0) {
        origins.note(format!("labels.{name}"), &value.place);
    }
    origins.note_if("sysctls", compose.sysctls.as_ref());
    for (name, value) in compose.sysctls.iter().flat_map(|sysctls| &sysctls.0) {
        origins.note(format!("sysctls.{name}"), &value.place);
    }
}

/// `address name`, in the order of the file.
fn hosts(compose: &Service, origins: &mut Recorder) -> Vec<String> {
    origins.note_if("extra_hosts", compose.extra_hosts.as_ref());
    let mut hosts = Vec::new();
    for host in compose.extra_hosts.iter().flat_map(|hosts| &hosts.0) {
        origins.note(format!("extra_hosts.{}", host.name), &host.place);
        hosts.push(format!("{} {}", host.address, host.name));
    }
    hosts
}

/// docker sends a resolver as soon as one of the keys is there, be it empty.
fn dns(compose: &Service) -> Option<DnsConfig> {
    let Service { dns, dns_search, dns_opt, .. } = compose;
    if dns.is_none() && dns_search.is_none() && dns_opt.is_none() {
        return None;
    }
    let texts = |list: &Option<Located<TextList>>| {
        list.as_ref().map(|list| list.texts()).unwrap_or_default()
    };
    Some(DnsConfig { nameservers: texts(dns), search: texts(dns_search), options: texts(dns_opt) })
}

fn ulimits(compose: &Service, origins: &mut Recorder) -> Vec<Ulimit> {
    origins.note_if("ulimits", compose.ulimits.as_ref());
    let mut ulimits = Vec::new();
    for (name, limit) in compose.ulimits.iter().flat_map(|ulimits| &ulimits.0) {
        origins.note(format!("ulimits.{name}"), &limit.place);
        ulimits.push(Ulimit { name: name.clone(), hard: limit.hard, soft: limit.soft });
    }
    ulimits.sort_by(|a, b| a.name.cmp(&b.name));
    ulimits
}

fn text(text: Option<&Located<String>>) -> String {
    text.map(|text| text.value.clone()).unwrap_or_default()
}

fn flag(flag: Option<&Located<bool>>) -> bool {
    flag.is_some_and(|flag| flag.value)
}
