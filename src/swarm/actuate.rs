//! Writing to a Swarm: one method for each write that there is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::{Deserialize, Serialize};

use super::body;
use super::error::{Cause, Failure, SwarmError};
use super::names::Names;
use super::registry::Credentials;
use super::transport::{Call, Connection};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::Labels;
use crate::model::live::{Observed, RawSpec};
use crate::model::mount::DriverConfig;
use crate::model::network::NetworkSpec;
use crate::model::secret::Redacted;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, SecretSpec};

/// Writes to a Swarm as it was observed. Each method is one request; none looks again or tries twice.
///
/// Specs refer to networks, configs and secrets by name; their ids come from the observation and from what this
/// actuator has created since.
#[derive(Debug)]
pub struct Actuator {
    connection: Connection,
    credentials: Credentials,
    names: Mutex<Names>,
}

/// What an update tells Swarm about the registry of a service's image. Swarm never tells what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryAccess {
    /// Nothing: Swarm goes on with the credentials that it has.
    Keep,
    /// The credentials that we have. Without any Swarm goes on with its own, except when the image moves to another
    /// registry, which must not see them.
    Send,
}

/// What the Engine made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// What the Engine finds doubtful about it, in its own words.
    pub warnings: Vec<String>,
}

impl Actuator {
    /// An actuator for the Swarm behind `connection`, in which `observed` was seen.
    pub fn new(connection: Connection, credentials: Credentials, observed: &Observed) -> Self {
        Self { connection, credentials, names: Mutex::new(Names::of(observed)) }
    }

    /// Creates a network.
    pub async fn create_network(&self, spec: &NetworkSpec) -> Result<Created, SwarmError> {
        let object = ObjectKey::new(Kind::Network, &spec.name);
        self.create(&object, "/networks/create", spec, None).await
    }

    /// Creates a config.
    pub async fn create_config(&self, spec: &ConfigSpec) -> Result<Created, SwarmError> {
        let object = ObjectKey::new(Kind::Config, &spec.name);
        self.create(&object, "/configs/create", spec, None).await
    }

    /// Creates a secret with the data in its spec.
    pub async fn create_secret(&self, spec: &SecretSpec) -> Result<Created, SwarmError> {
        let object = ObjectKey::new(Kind::Secret, &spec.name);
        let body = StoreBody::secret(spec, spec.data.as_ref());
        self.create(&object, "/secrets/create", &body, None).await
    }

    /// Creates a service.
    pub async fn create_service(&self, spec: &ServiceSpec) -> Result<Created, SwarmError> {
        let object = ObjectKey::new(Kind::Service, &spec.name);
        let body = body::create(spec, &self.lock())
            .map_err(|failure| SwarmError::new(format!("create {object}"), failure))?;
        let auth = self.credentials.header(image(spec)).await;
        self.create(&object, "/services/create", &body, auth).await
    }

    /// Makes `desired` of the service `id`, if its version is still `version`. `raw` is its live spec. `access` says
    /// whether Swarm gets the credentials that we have for the image.
    ///
    /// What means the same in both stays as the Engine has it, and so do `ForceUpdate` and fields that no model
    /// knows. Returns the Engine's warnings.
    pub async fn update_service(
        &self,
        id: &str,
        version: u64,
        raw: &RawSpec,
        desired: &ServiceSpec,
        access: RegistryAccess,
    ) -> Result<Vec<String>, SwarmError> {
        let operation = format!("update service {}", desired.name);
        let (body, before) = body::update(raw, desired, &self.lock())
            .and_then(|body| Ok((to_vec(&body)?, live_image(raw)?)))
            .map_err(|failure| SwarmError::new(operation.clone(), failure))?;
        let mut call =
            Call::new(operation, Method::POST, format!("/services/{id}/update?version={version}"));
        call.body = Some(body);
        call.registry_auth = match access {
            RegistryAccess::Keep => None,
            RegistryAccess::Send => self.credentials.header_for_move(&before, image(desired)).await,
        };
        let answer: UpdateAnswer = self.connection.json(call).await?;
        Ok(answer.warnings.unwrap_or_default())
    }

    /// Gives a config the labels of `spec`, if its version is still `version`.
    pub async fn label_config(
        &self,
        id: &str,
        version: u64,
        spec: &ConfigSpec,
    ) -> Result<(), SwarmError> {
        let ConfigSpec { name, labels, data: _, templating } = spec;
        let templating = templating.as_ref();
        let body = StoreBody { name, labels, data: None, driver: None, templating };
        self.label(&ObjectKey::new(Kind::Config, name), id, version, &body).await
    }

    /// Gives a secret the labels of `spec`, if its version is still `version`. With `proof`, only if that is the
    /// secret's data; otherwise it fails with [`Failure::DataDiffers`].
    pub async fn label_secret(
        &self,
        id: &str,
        version: u64,
        spec: &SecretSpec,
        proof: Option<&Redacted<Vec<u8>>>,
    ) -> Result<(), SwarmError> {
        let body = StoreBody::secret(spec, proof);
        self.label(&ObjectKey::new(Kind::Secret, &spec.name), id, version, &body).await
    }

    /// Removes the object with this id. It fails with [`SwarmError::in_use`] while something needs it.
    pub async fn remove(&self, object: &ObjectKey, id: &str) -> Result<(), SwarmError> {
        let operation = format!("remove {object}");
        let collection =
            collection(object).map_err(|failure| SwarmError::new(operation.clone(), failure))?;
        let call = Call::new(operation, Method::DELETE, format!("/{collection}/{id}"));
        self.connection.send(call).await.map(drop)
    }

    async fn create(
        &self,
        object: &ObjectKey,
        path: &str,
        body: &impl Serialize,
        registry_auth: Option<http::HeaderValue>,
    ) -> Result<Created, SwarmError> {
        let operation = format!("create {object}");
        let body = to_vec(body).map_err(|failure| SwarmError::new(operation.clone(), failure))?;
        let mut call = Call::new(operation, Method::POST, path.to_owned());
        call.body = Some(body);
        call.registry_auth = registry_auth;
        let CreateAnswer { id, warning, warnings } = self.connection.json(call).await?;
        self.lock().insert(object.kind, &object.name, &id);
        let warnings =
            warnings.unwrap_or_default().into_iter().chain(warning).filter(|text| !text.is_empty());
        Ok(Created { id, warnings: warnings.collect() })
    }

    async fn label(
        &self,
        object: &ObjectKey,
        id: &str,
        version: u64,
        body: &StoreBody<'_>,
    ) -> Result<(), SwarmError> {
        let operation = format!("label {object}");
        let body = to_vec(body).map_err(|failure| SwarmError::new(operation.clone(), failure))?;
        let collection =
            collection(object).map_err(|failure| SwarmError::new(operation.clone(), failure))?;
        let path = format!("/{collection}/{id}/update?version={version}");
        let mut call = Call::new(operation, Method::POST, path);
        call.body = Some(body);
        self.connection.send(call).await.map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the Engine has objects of a kind; it knows nothing of the proxy's.
fn collection(object: &ObjectKey) -> Result<&'static str, Failure> {
    match object.kind {
        Kind::Network => Ok("networks"),
        Kind::Config => Ok("configs"),
        Kind::Secret => Ok("secrets"),
        Kind::Service => Ok("services"),
        Kind::Route | Kind::Proxy => Err(Failure::Unresolved(object.clone())),
    }
}

fn image(spec: &ServiceSpec) -> &str {
    spec.task_template.container_spec.as_ref().map_or("", |container| &container.image)
}

fn live_image(raw: &RawSpec) -> Result<String, Failure> {
    let spec = super::decode::spec(&raw.0)
        .map_err(|error| Failure::Unreadable { source: Cause::from(error) })?;
    Ok(image(&spec).to_owned())
}

fn to_vec(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|error| Failure::Unreadable { source: Cause::from(error) })
}

/// The body of a request about a secret, and of one that labels a config; the only place where the data of a secret
/// is written out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StoreBody<'a> {
    name: &'a str,
    labels: &'a Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<&'a DriverConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    templating: Option<&'a DriverConfig>,
}

impl<'a> StoreBody<'a> {
    fn secret(spec: &'a SecretSpec, data: Option<&Redacted<Vec<u8>>>) -> Self {
        let SecretSpec { name, labels, data: _, driver, templating } = spec;
        Self {
            name,
            labels,
            data: data.map(|data| STANDARD.encode(data.expose())),
            driver: driver.as_ref(),
            templating: templating.as_ref(),
        }
    }
}

/// Networks say `Id` and `Warning`, everything else `ID` and `Warnings`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAnswer {
    #[serde(rename = "ID", alias = "Id")]
    id: String,
    warning: Option<String>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateAnswer {
    warnings: Option<Vec<String>>,
}
