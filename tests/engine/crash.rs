//! An engine that dies in the middle, and comes back.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;

use crate::engine::Engine;
use crate::idempotence::shop;
use crate::own::Own;
use crate::proxy::{Fault, Proxy};
use crate::stage::{Stage, changes};
use crate::still::{WRITES, still};

#[test]
fn an_apply_goes_on_where_a_dying_engine_left_it() {
    if Engine::of_this_run().is_none() {
        return;
    }
    let Some(own) = Own::up("test-killed", &[]) else { return };
    own.import_images();
    let proxy = Proxy::before(&own.engine.url);
    let mut stage = Stage::on(&own.engine);
    stage.through(&proxy);
    shop(&stage);
    let (kill, writes) = (own.killer(), AtomicUsize::new(0));
    // The fifth write is a network or the first service: some of the stack is there, some is not.
    proxy.inject(move |call| {
        if call.writes() && writes.fetch_add(1, Ordering::Relaxed) == 4 {
            kill();
        }
        None
    });
    let run = stage.apply(&[]);
    run.ends(1, &["unreachable", "trying again", "error:"]);

    proxy.inject(|_| None);
    own.revive();
    let half = stage.objects().len();
    assert!((1..8).contains(&half), "{half} objects were made before it died");
    stage.apply_well(&[]);
    assert_eq!(stage.names("service"), ["shop_agent", "shop_migrate", "shop_web"]);
    assert_eq!(stage.names("network"), ["shop_back", "shop_default", "shop_front"]);
    assert_eq!(
        (stage.names("config").len(), stage.names("secret").len()),
        (1, 1),
        "nothing is left over"
    );
    assert_eq!(changes(&stage.plan(&["--prune"])).len(), 0);
}

#[test]
fn an_apply_that_dies_after_any_write_is_finished_by_the_next_one() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    for last in 0..WRITES {
        let stage = still(&engine, &proxy);
        let writes = AtomicUsize::new(0);
        proxy.inject(move |call| {
            if !call.writes() {
                return None;
            }
            match writes.fetch_add(1, Ordering::Relaxed) {
                number if number < last => None,
                // The Engine does it, and nobody hears of it.
                number if number == last => Some(Fault::CutAfter),
                _ => Some(Fault::Answer(StatusCode::SERVICE_UNAVAILABLE, "no more")),
            }
        });
        stage.apply(&["--no-wait"]);
        stage.apply(&["--no-wait"]);
        assert_eq!(stage.objects().len(), last + 1, "after write {last}: {:?}", stage.objects());
        proxy.inject(|_| None);
        stage.apply_well(&[]);
        let names = ["service", "network", "config", "secret"].map(|kind| stage.names(kind).len());
        assert_eq!(names, [2, 2, 1, 1], "after write {last}");
        assert_eq!(changes(&stage.plan(&["--prune"])).len(), 0, "after write {last}");
    }
}
