//! What concerns the proxy as a whole: that it cannot be read, and what it has beside routes.

use crate::diff::document::{Action, Change, Effect, Hold, HoldCode};
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::secret::Redacted;

use super::super::super::caddy::{Sight, named};
use super::super::super::step::{Step, Write};
use super::super::context::Context;
use super::super::draft::write_refused;
use super::proxies::apart;

/// How many places in the configuration are named.
const NAMED: usize = 3;

/// The change of the proxy as a whole, if there is one, and its step if it can be made.
pub(in crate::reconciler::plan) fn fleet_change(
    context: &Context<'_>,
) -> Option<(Change, Option<Step>)> {
    let routes = context.routes;
    let object = ObjectKey::new(Kind::Proxy, "caddy");
    let change = || {
        let effect = Effect::InPlace { starts: 0, stops: 0 };
        Change::new(object.clone(), Action::Update, effect, routes.rest_causes.clone())
    };
    if let Sight::Lost(reason) = routes.sight {
        let remembers = context.record.is_some_and(|record| !record.routes.is_empty());
        if routes.count() == 0 && !remembers {
            return None;
        }
        let mut change = change();
        let words = format!("waits until routes can be compared: {reason}");
        change.holds.push(Hold::new(HoldCode::ProxyUnreachable, words));
        return Some((change, None));
    }
    let mut change = change();
    let refused = Some(named(&routes.refused_beside)).filter(|words| !words.is_empty());
    if routes.rest.is_empty() {
        change.holds.push(write_refused(&refused?));
        return Some((change, None));
    }
    change.notes.extend(refused.map(|words| format!("without what is refused: {words}")));
    let places: Vec<&str> =
        routes.rest.iter().take(NAMED).map(|difference| difference.path.as_str()).collect();
    let more = match routes.rest.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    change.notes.push(format!("beside routes: {}{more}", places.join(", ")));
    let refused = context.learned.refused_writes.get(&object);
    let refused = refused.map(|words| write_refused(words));
    if let Some(hold) = refused.or_else(|| context.learned.contention.hold(&change)) {
        change.holds.push(hold);
        return Some((change, None));
    }
    let after = routes.rest.iter().map(|difference| difference.after.clone()).collect();
    let write = Write::Proxy {
        stacks: routes.active.clone(),
        committed: routes.committed.clone(),
        after: Redacted::new(after),
    };
    let step = Step { object, write, needs: Vec::new() };
    Some((change, Some(step)))
}

/// What is doubtful about the proxy and the services behind it.
pub(in crate::reconciler::plan) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = uncompared(context).into_iter().collect();
    if !matches!(context.routes.sight, Sight::Nowhere) {
        findings.extend(apart(context));
    }
    findings.extend(context.routes.unknown_settings.then(|| {
        let message = "`proxy.trusted_proxies` is left out: this Caddy does not know it";
        let hint = "it needs Caddy 2.8 or newer";
        Finding::warning("old-proxy", None, message.to_owned()).hint(hint)
    }));
    findings
}

/// Says that routes were not compared because the plan is made against a file.
fn uncompared(context: &Context<'_>) -> Option<Finding> {
    let count = context.routes.count();
    if !matches!(context.routes.sight, Sight::Unseen) || count == 0 {
        return None;
    }
    let routes = if count == 1 { "1 route is".to_owned() } else { format!("{count} routes are") };
    let message = format!("{routes} not compared: a file of skep observe has nothing of the proxy");
    let hint = "give a file of its configuration with --live-caddy, or plan against the engine";
    Some(Finding::warning("not-comparable", None, message).hint(hint))
}
