//! What a pass has seen of routes, for those who look closer.

use std::collections::BTreeSet;
use std::iter;

use crate::model::name::FleetName;
use crate::reconciler::caddy::{self, ProxyAim};
use crate::reconciler::plan::Plan;
use crate::reconciler::record::FleetRecord;
use crate::reconciler::route_status::{self, Declared, Known, RouteStatus, fold};
use crate::reconciler::status::Status;

use super::pass::Work;

/// The routes of the fleet, as a pass saw them before it wrote any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoutesSight {
    /// Where Caddy's admin API is; `None` where the settings name none.
    pub proxy: Option<String>,
    /// Why Caddy could not be asked.
    pub problem: Option<String>,
    /// Where clients reach Caddy with TLS, as `host:port`; `None` while Caddy cannot be asked.
    pub entry: Option<String>,
    /// The routes by stack, without certificates.
    pub routes: Vec<RouteStatus>,
}

impl RoutesSight {
    /// What `plans` and what was seen of the proxy tell, where services are as `status` says and the stacks `elsewhere`
    /// are declared by sources without a plan.
    pub(super) fn of(
        plans: &[Plan],
        (aim, sight): (Option<&ProxyAim>, &caddy::Sight),
        fleet: &FleetName,
        elsewhere: &BTreeSet<String>,
        status: &Status,
    ) -> Self {
        let live = sight.live();
        let declared = plans
            .iter()
            .map(|plan| Declared { compiled: &plan.compiled, plan: &plan.document.stacks });
        let declared: Vec<Declared<'_>> = declared.collect();
        let (live_config, declared) = (live.map(AsRef::as_ref), Some(declared.as_slice()));
        Self {
            proxy: aim.map(|aim| aim.address.endpoint.to_string()),
            problem: match sight {
                caddy::Sight::Lost(reason) => Some(reason.clone()),
                caddy::Sight::Nowhere | caddy::Sight::Unseen | caddy::Sight::Seen(_) => None,
            },
            entry: aim.zip(live).map(|(aim, live)| aim.entry(None, live)),
            routes: fold(&Known { fleet, live: live_config, declared, elsewhere, status }),
        }
    }
}

/// The stacks whose routes sources other than those of `work` have written. Of one that was not read yet, nobody can tell.
pub(super) fn elsewhere(work: &[Work<'_>], record: &FleetRecord) -> BTreeSet<String> {
    let scopes = work.iter().map(|work| &work.current.request.scope);
    let sources = scopes.flat_map(|scope| iter::once(&scope.source).chain(&scope.elsewhere.unread));
    route_status::elsewhere(&record.routed, &sources.collect())
}
