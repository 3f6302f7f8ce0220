//! A service to create.

use super::container::container;
use super::names::Names;
use super::networks::attachments;
use super::origins::Recorder;
use super::ports::endpoint;
use super::resources::resources;
use super::{deploy, names};
use crate::model::desired::Origins;
use crate::model::labels::{self, Labels};
use crate::model::mount::DriverConfig;
use crate::model::service::ServiceSpec;
use crate::model::task::TaskTemplate;
use crate::spec::compose::Service;
use crate::spec::compose::logging::Logging;
use crate::spec::compose::pairs::Options;
use crate::spec::stack::Stack;

/// A service to create, and where its fields were written.
pub(in crate::spec) fn service(
    stack: &Stack,
    names: &Names,
    key: &str,
    compose: &Service,
    own_labels: Labels,
) -> (ServiceSpec, Origins) {
    let mut origins = Recorder::default();
    let labels = service_labels(stack, compose, own_labels, &mut origins);
    let rollouts = compose.deploy.as_ref();
    let spec = ServiceSpec {
        name: names::scoped(stack.name.as_str(), key),
        labels,
        task_template: TaskTemplate {
            container_spec: Some(container(stack, names, key, compose, &mut origins)),
            resources: Some(resources(compose, &mut origins)),
            restart_policy: deploy::restart(compose, &mut origins),
            placement: Some(deploy::placement(compose, &mut origins)),
            networks: attachments(stack.name.as_str(), key, &stack.compose, compose, &mut origins),
            log_driver: log_driver(compose, &mut origins),
            ..TaskTemplate::default()
        },
        mode: deploy::mode(compose, &mut origins),
        update_config: deploy::rollout(
            "deploy.update_config",
            rollouts.and_then(|deploy| deploy.update_config.as_ref()),
            &mut origins,
        ),
        rollback_config: deploy::rollout(
            "deploy.rollback_config",
            rollouts.and_then(|deploy| deploy.rollback_config.as_ref()),
            &mut origins,
        ),
        endpoint_spec: Some(endpoint(compose, &mut origins)),
    };
    (spec, origins.into_origins())
}

fn service_labels(
    stack: &Stack,
    compose: &Service,
    own_labels: Labels,
    origins: &mut Recorder,
) -> Labels {
    let declared = compose.deploy.as_ref().and_then(|deploy| deploy.labels.as_ref());
    origins.note_if("deploy.labels", declared);
    for (name, value) in declared.iter().flat_map(|labels| &labels.0) {
        origins.note(format!("deploy.labels.{name}"), &value.place);
    }
    let mut labels = declared.map(|labels| labels.to_map()).unwrap_or_default();
    labels.insert(labels::NAMESPACE.to_owned(), stack.name.to_string());
    let image = compose.image.as_ref().map(|image| image.value.clone()).unwrap_or_default();
    labels.insert(labels::IMAGE.to_owned(), image);
    labels.extend(own_labels);
    labels
}

fn log_driver(compose: &Service, origins: &mut Recorder) -> Option<DriverConfig> {
    let logging = compose.logging.as_ref()?;
    origins.note("logging", &logging.place);
    let Logging { driver, options } = &logging.value;
    origins.note_if("logging.driver", driver.as_ref());
    for (name, value) in options.iter().flat_map(|options| &options.0) {
        origins.note(format!("logging.options.{name}"), &value.place);
    }
    Some(DriverConfig {
        name: driver.as_ref().map(|driver| driver.value.clone()).unwrap_or_default(),
        options: options.as_ref().map(Options::to_map).unwrap_or_default(),
    })
}
