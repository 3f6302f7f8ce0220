//! From a request to what it declares, and from that and what was observed to a plan. Pure.

use crate::diff::mask::Scrub;
use crate::model::desired::Desired;
use crate::model::live::{Live, Observed};
use crate::model::store::ConfigSpec;
use crate::spec::desired::{Identity, world};

use super::request::Request;
use crate::reconciler::caddy::Sight;
use crate::reconciler::plan::{self, Images, Inputs, Learned, Plan};
use crate::reconciler::{logs, record};

/// What takes secrets out of logs: it knows those that `request` declares.
pub fn scrub(request: &Request, observed: &Observed) -> Scrub {
    let scrub = Scrub::new(request.view.sensitivity.clone());
    logs::with_declared(scrub, &declare(request, &observed.configs))
}

/// Makes the plan from what is declared and what was observed. Pure.
pub fn decide(
    request: &Request,
    desired: &Desired,
    observed: &Observed,
    sight: &Sight,
    images: &Images,
    learned: &Learned,
) -> Plan {
    plan::plan(&Inputs {
        desired,
        observed,
        scope: &request.scope,
        policy: &request.policy,
        images,
        rules: request.proxy.as_ref().map(|aim| &aim.rules),
        sight,
        learned,
        view: &request.view,
    })
}

/// What the stacks of a request declare, under the key that the fleet's record among `configs` holds.
pub fn declare(request: &Request, configs: &[Live<ConfigSpec>]) -> Desired {
    let record = record::find(configs, &request.scope.fleet);
    let identity = Identity {
        fleet: &request.scope.fleet,
        source: &request.scope.source,
        key: record.as_ref().map(|record| &record.key),
    };
    let mut desired = world(&request.stacks, &identity);
    for (name, stack) in &mut desired.stacks {
        request.older_locks.get(name).unwrap_or(&request.lock).pin(stack);
    }
    desired
}
