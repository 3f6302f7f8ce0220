//! Another try for releases that Swarm has refused.

use crate::model::key::{Kind, ObjectKey};
use crate::model::name::{FleetName, StackName};
use crate::model::store::ConfigSpec;
use crate::swarm::{Credentials, SwarmError};

use super::ownership::owning_stack;
use super::pass::Writer;
use super::record::{self, Refusal};
use super::step::Target;

impl Writer {
    /// Allows refused releases of a stack, or of one of its services, to be tried once more, and returns the names of
    /// those services. What is remembered about others stays.
    ///
    /// # Errors
    /// When the Swarm cannot be observed, or the record was written by someone else meanwhile.
    pub async fn retry(
        &self,
        fleet: &FleetName,
        stack: &StackName,
        service: Option<&str>,
    ) -> Result<Vec<String>, SwarmError> {
        let observed = self.observe().await?;
        let Some(record) = record::find(&observed.configs, fleet) else { return Ok(Vec::new()) };
        let mut labels = record.labels.clone();
        let mut allowed = Vec::new();
        for live in &observed.services {
            let name = &live.spec.name;
            let key = ObjectKey::new(Kind::Service, name);
            let ours = owning_stack(&key, &live.spec.labels, fleet).as_ref() == Some(stack);
            let meant = service.is_none_or(|service| *name == format!("{stack}_{service}"));
            let refused = matches!(record.refused.get(name), Some(Refusal::Refused(_)));
            if ours && meant && refused {
                record::allow(&mut labels, name, live.version);
                allowed.push(name.clone());
            }
        }
        if !allowed.is_empty() {
            let actuator = self.actuator(Credentials::default(), &observed);
            let spec = ConfigSpec { name: record::name(fleet), labels, ..ConfigSpec::default() };
            let Target { id, version } = &record.target;
            actuator.label_config(id, *version, &spec).await?;
        }
        Ok(allowed)
    }
}
