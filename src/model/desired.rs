//! What the stack files declare: objects ready for the Engine, with the places they come from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::{Kind, ObjectKey};
use super::name::{SourceName, StackName};
use super::network::NetworkSpec;
use super::place::Place;
use super::route::DesiredRoute;
use super::service::ServiceSpec;
use super::store::{ConfigSpec, SecretSpec};

/// The path of a field in Compose's words, such as `environment.DB_PASSWORD` or `deploy.replicas`.
///
/// The one vocabulary for fields: differences, `x-skep.ignore` and places all use it. Items of keyed lists are
/// named by their key: `ports.8080/tcp`, `volumes./data`, `networks.shop_default.aliases`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct FieldPath(pub String);

impl FieldPath {
    /// Whether this is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl FieldPath {
    /// Several paths in one line, as a label has them; [`FieldPath::split`] is the way back.
    pub fn join(paths: &[Self]) -> String {
        paths.iter().map(|path| path.0.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The paths that were joined.
    pub fn split(joined: &str) -> Vec<Self> {
        joined.lines().map(|path| Self(path.to_owned())).collect()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where the fields of an object were written.
///
/// A list, as every field of every object is noted and few are looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<(Cow<'static, str>, Place)>);

impl Origins {
    /// Notes that `field` was written at `place`; the first note counts.
    pub fn note(&mut self, field: impl Into<Cow<'static, str>>, place: &Place) {
        self.0.push((field.into(), place.clone()));
    }

    /// The place of `field`, else that of the nearest field around it.
    pub fn place(&self, field: &FieldPath) -> Option<&Place> {
        let mut path = field.0.as_str();
        loop {
            if let Some((_, place)) = self.0.iter().find(|(noted, _)| noted == path) {
                return Some(place);
            }
            path = &path[..path.rfind('.')?];
        }
    }
}

/// Everything that the sources of a pass declare.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The stacks, by name.
    pub stacks: BTreeMap<StackName, DesiredStack>,
}

/// One stack as declared.
#[derive(Debug, Clone)]
pub struct DesiredStack {
    /// Its name.
    pub name: StackName,
    /// The source that declares it.
    pub source: SourceName,
    /// The file that declares it, as people write it; the first when several are merged.
    pub file: Arc<str>,
    /// What the stack asks of skep itself.
    pub policy: StackPolicy,
    /// Networks that the stack creates.
    pub networks: Vec<DesiredObject<NetworkSpec>>,
    /// Configs that the stack creates.
    pub configs: Vec<DesiredObject<ConfigSpec>>,
    /// Secrets that the stack creates.
    pub secrets: Vec<DesiredObject<SecretSpec>>,
    /// Services.
    pub services: Vec<DesiredService>,
    /// Routes.
    pub routes: Vec<DesiredRoute>,
    /// Objects that must exist already.
    pub externals: Vec<External>,
}

/// `x-skep` at the top of a stack file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackPolicy {
    /// Nothing of this stack is written while it is set.
    pub paused: bool,
    /// Whether undeclared objects of the stack are removed; the settings decide if absent.
    pub prune: Option<bool>,
    /// Nothing of this stack is ever removed or replaced.
    pub protect: bool,
    /// The name that the stack had before it was renamed.
    pub previous_name: Option<StackName>,
    /// Stacks that must be ready before services of this one are created or rolled.
    pub depends_on: Vec<StackDependency>,
}

/// A stack that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackDependency {
    /// Its name.
    pub stack: StackName,
    /// Where the need is declared.
    pub place: Place,
}

/// An object that a stack creates.
#[derive(Debug, Clone)]
pub struct DesiredObject<S> {
    /// Its key in the file.
    pub key: String,
    /// What is to be created.
    pub spec: S,
    /// Where it is declared.
    pub place: Place,
    /// Where its fields were written.
    pub origins: Origins,
}

/// A service that a stack creates.
#[derive(Debug, Clone)]
pub struct DesiredService {
    /// Its key in the file.
    pub key: String,
    /// What is to be created. Networks, configs and secrets are referred to by their names in the Swarm.
    pub spec: ServiceSpec,
    /// Where it is declared.
    pub place: Place,
    /// Where its fields were written.
    pub origins: Origins,
    /// The image reference as the file has it.
    pub image: String,
    /// Services that must be ready before it is created or rolled.
    pub depends_on: Vec<Dependency>,
    /// Fields that someone else owns.
    pub ignore: Vec<FieldPath>,
    /// The full name that the service had before it was renamed.
    pub previous_name: Option<String>,
}

/// A service that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Full name of the needed service.
    pub service: String,
    /// What must be true of it.
    pub condition: Condition,
    /// Where the need is declared.
    pub place: Place,
}

/// What must be true of a needed service (Compose `depends_on.<name>.condition`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It exists and a task of it runs.
    ServiceStarted,
    /// It has converged: every wanted task runs the current spec and is healthy.
    ServiceHealthy,
    /// It is a job, and it has completed.
    ServiceCompletedSuccessfully,
}

/// An object that the stack uses and does not create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// What must exist; volumes are not checked, because they live on the nodes.
    pub object: ObjectKey,
    /// Where it is declared.
    pub place: Place,
}

impl DesiredStack {
    /// A stack of the command line that declares nothing yet.
    #[cfg(test)]
    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.parse().unwrap(),
            source: "cli".parse().unwrap(),
            file: "stack.yaml".into(),
            policy: StackPolicy::default(),
            networks: Vec::new(),
            configs: Vec::new(),
            secrets: Vec::new(),
            services: Vec::new(),
            routes: Vec::new(),
            externals: Vec::new(),
        }
    }

    /// Every object that the stack creates, in the order of creation.
    pub fn keys(&self) -> impl Iterator<Item = ObjectKey> + '_ {
        let networks = self.networks.iter().map(|o| ObjectKey::new(Kind::Network, &o.spec.name));
        let configs = self.configs.iter().map(|o| ObjectKey::new(Kind::Config, &o.spec.name));
        let secrets = self.secrets.iter().map(|o| ObjectKey::new(Kind::Secret, &o.spec.name));
        let services = self.services.iter().map(|o| ObjectKey::new(Kind::Service, &o.spec.name));
        networks.chain(configs).chain(secrets).chain(services)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_without_a_place_of_its_own_has_that_of_its_parent() {
        let place = Place { file: "a.yaml".into(), line: 3, column: 5, length: 2 };
        let mut origins = Origins::default();
        origins.note("ports", &place);
        origins.note("ports", &Place::file("later.yaml"));
        assert_eq!(origins.place(&FieldPath("ports.80/tcp".into())), Some(&place));
        assert_eq!(origins.place(&FieldPath("image".into())), None);
    }

    #[test]
    fn a_field_lies_within_its_parent_but_not_within_a_namesake() {
        let field = FieldPath("deploy.replicas".into());
        assert!(field.is_within(&FieldPath("deploy".into())));
        assert!(field.is_within(&field));
        assert!(!FieldPath("deployment".into()).is_within(&FieldPath("deploy".into())));
    }
}
