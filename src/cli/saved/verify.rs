//! Compares a saved plan with what it was made from, and lends its list to the run.

use std::collections::BTreeMap;

use crate::model::live::Observed;
use crate::model::name::FleetName;
use crate::model::secret::Redacted;
use crate::model::task;
use crate::reconciler::consent::Consent;
use crate::reconciler::listed;
use crate::reconciler::plan::Plan;
use crate::reconciler::record;
use crate::reconciler::seal::{Seal, SealError};
use crate::reconciler::stale::Stale;
use crate::swarm::Resolved;

use super::super::error::CommandError;
use super::super::load::Sources;
use super::file::{Image, Platform};
use super::find::Saved;

impl Saved {
    /// Why what was read is not what the plan was made from, each a sentence; nothing if it is.
    ///
    /// # Errors
    /// When variables were not given again.
    pub(in crate::cli) fn compare(&self, sources: &Sources) -> Result<Vec<String>, CommandError> {
        let Sources { contents, variables } = sources;
        let known = &self.file.variables;
        let missing: Vec<&str> = known
            .keys()
            .filter(|name| !variables.contains_key(*name))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let message =
                format!("the saved plan needs these variables again: {}", missing.join(", "));
            return Err(CommandError::usage(message).hint(
                "the file holds no values: give them with --var, --env-file or --inherit-env",
            ));
        }
        let seal = Seal::new(None, self.salt);
        let mut stale = Vec::new();
        for (what, digest) in &self.file.sources {
            match contents.get(what) {
                Some(content) if seal.slow(content).map_err(failed)? == *digest => {}
                Some(_) => stale.push(format!("{what} changed since the plan was made")),
                None => stale.push(format!("{what} are not there any more")),
            }
        }
        let new = contents.keys().filter(|what| !self.file.sources.contains_key(*what));
        stale.extend(new.map(|what| format!("{what} were not there when the plan was made")));
        for (name, value) in variables {
            let value = Redacted::new(value.expose().as_bytes().to_vec());
            match known.get(name) {
                Some(digest) if seal.slow(&value).map_err(failed)? == *digest => {}
                Some(_) => stale.push(format!("the variable {name} has another value")),
                None => stale.push(format!(
                    "the variable {name} is given, and was not when the plan was made"
                )),
            }
        }
        Ok(stale)
    }

    /// Why the plan that is made now is not what was saved; nothing if it is that or a rest of it.
    ///
    /// # Errors
    /// When a digest cannot be computed.
    pub(in crate::cli) fn check(
        &self,
        fleet: &FleetName,
        plan: &Plan,
        observed: &Observed,
    ) -> Result<Vec<Stale>, CommandError> {
        let key = record::find(&observed.configs, fleet).map(|record| record.key);
        let seal = Seal::new(key, self.salt);
        listed::check(&self.file.allowed, plan, observed, &seal).map_err(failed)
    }

    /// Consent to what is listed and to nothing else.
    pub(in crate::cli) fn consent(&self, plan: &Plan, observed: &Observed) -> Consent {
        listed::consent(&self.file.allowed, plan, observed)
    }

    /// What registries said when the plan was made.
    pub(in crate::cli) fn images(&self) -> BTreeMap<String, Resolved> {
        let resolved = |image: &Image| {
            let Image { digest, platforms } = image;
            let platforms = platforms.iter().map(|Platform { architecture, os }| task::Platform {
                architecture: architecture.clone(),
                os: os.clone(),
            });
            Resolved { digest: digest.clone(), platforms: platforms.collect() }
        };
        self.file.images.iter().map(|(name, image)| (name.clone(), resolved(image))).collect()
    }
}

fn failed(error: SealError) -> CommandError {
    CommandError::failed(error).context("cannot compare the saved plan")
}
