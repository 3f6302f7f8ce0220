//! Looks whether the proxy has another configuration than a moment ago: it tells nobody of changes, and one that was
//! started anew serves nothing until its routes are back.

use std::sync::Arc;
use std::time::Duration;

use crate::proxy::Live;
use crate::reconciler::caddy::{ProxyAim, ProxyReader, Sight};

use super::bell::{Bell, Trigger};
use super::reason::Reason;

/// How often is looked: by one request, which Caddy logs.
const EVERY: Duration = Duration::from_secs(10);

/// Rings `bell` whenever the configuration of the proxy is not what it was, or it answers again. It never ends.
pub async fn watch_proxy(aim: ProxyAim, bell: Bell) {
    let reader = ProxyReader::default();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last: Option<Arc<Live>> = None;
    let mut trouble: Option<String> = None;
    let mut is_first = true;
    loop {
        ticks.tick().await;
        match reader.look(Some(&aim)).await {
            Sight::Seen(live) => {
                if trouble.take().is_some() {
                    tracing::info!("the proxy answers again");
                }
                let is_same = last.as_ref().is_some_and(|last| last.config == live.config);
                // What there was at first, the pass at the start has seen.
                if !std::mem::take(&mut is_first) && !is_same {
                    bell.ring(Trigger::Pass(Reason::Proxy));
                }
                last = Some(live);
            }
            Sight::Lost(reason) => {
                if trouble.as_ref() != Some(&reason) {
                    tracing::warn!("routes stay as they are: {reason}");
                }
                (last, trouble) = (None, Some(reason));
            }
            Sight::Nowhere | Sight::Unseen => {}
        }
    }
}
