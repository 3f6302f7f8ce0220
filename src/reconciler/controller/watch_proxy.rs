//! Looks whether the proxy has another configuration than a moment ago: it tells nobody of changes, and one that was
//! started anew serves nothing until its routes are back.

use std::time::Duration;

use serde_json::Value;

use crate::reconciler::caddy::{ProxyAim, ProxyReader};

use super::bell::{Bell, Trigger};
use super::reason::Reason;

/// How often is looked: by one request.
const EVERY: Duration = Duration::from_secs(5);

/// Rings `bell` whenever the configuration of the proxy is not what it was, or it answers again. It never ends.
pub async fn watch_proxy(aim: ProxyAim, bell: Bell) {
    let reader = ProxyReader::default();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last: Option<Value> = None;
    let mut is_first = true;
    loop {
        ticks.tick().await;
        let config = reader.look(Some(&aim)).await.live().map(|live| live.config.clone());
        // Before the first look, the pass at the start has seen it.
        if config.is_some() && config != last && !std::mem::take(&mut is_first) {
            bell.ring(Trigger::Pass(Reason::Proxy));
        }
        last = config;
    }
}
