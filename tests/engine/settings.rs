//! Settings that change while the controller runs: what it takes up, and what it says about the rest.

use std::fs;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::running::Running;
use crate::stage::Stage;

fn web(replicas: u32) -> String {
    format!(
        "services:\n  web:\n    image: skep-demo/web:${{TAG:-1}}\n    deploy: {{ <<: *quick, replicas: {replicas} }}\n"
    )
}

/// Writes the settings of a [`Running`] anew, as an editor does.
fn change(stage: &Stage<'_>, settings: &str) {
    let text = format!(
        "resolve_image: never\nsources: [{{name: main, path: stacks}}]\n\
         intervals: {{poll: 1s, retry: 2s}}\n{settings}\n"
    );
    let part = stage.folder().join("part");
    fs::write(&part, text).unwrap();
    fs::rename(part, stage.folder().join("skep.yaml")).unwrap();
}

#[test]
fn changed_settings_are_taken_up_or_named_as_waiting_for_a_restart() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("stack {shop} is Ready"));
    assert_eq!(controller.report()["settings"], serde_json::json!({}));

    // Variables of a stack and the mode for drift count at once.
    change(&stage, &format!("stacks: [{{name: {shop}, variables: {{TAG: 2}}}}]\ndrift: report"));
    controller.says(&format!("updated service {shop}_web"));
    controller.says(&format!("stack {shop} is Ready"));
    let image = &stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
    assert_eq!(image, "skep-demo/web:2");
    let writes = controller.log().matches("updated service").count();
    engine.docker(&["service", "scale", "-d", &format!("{shop}_web=2")]);
    controller.says(&format!("stack {shop} is Progressing"));
    controller.says(&format!("stack {shop} is Ready"));
    assert_eq!(controller.log().matches("updated service").count(), writes);

    // Where is listened counts from the start only, and so does the fleet, which a flag names here.
    change(&stage, "fleet: other\nstatus: {listen: '127.0.0.1:1'}\nprune: true");
    controller.says("changed settings that count after a restart only: status");
    eventually(20, "the report says so, too", || {
        let waiting = &controller.report()["settings"]["needs_restart"];
        (*waiting == serde_json::json!(["status"])).then_some(())
    });
    // The rest of the same change counts: drift is put right again, and the tag is the default one.
    eventually(20, "the rest counts", || {
        let spec = stage.service("shop_web")["Spec"].clone();
        let is_back = spec["TaskTemplate"]["ContainerSpec"]["Image"] == "skep-demo/web:1"
            && spec["Mode"]["Replicated"]["Replicas"] == 1;
        is_back.then_some(())
    });

    change(&stage, "drift: sometimes");
    controller.says("the settings stay as they were");
    eventually(20, "the report says so, too", || {
        let report = controller.report();
        let trouble = report["settings"]["trouble"].as_str()?;
        trouble.contains("drift cannot be \"sometimes\"").then_some(())
    });

    change(&stage, "");
    controller.says("the settings have changed");
    eventually(20, "nothing waits any more", || {
        (controller.report()["settings"] == serde_json::json!({})).then_some(())
    });
}

#[test]
fn another_fleet_or_engine_in_the_settings_counts_after_a_restart() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1));
    let shop = stage.name("shop");
    let settings = |fleet: &str, more: &str| {
        format!(
            "fleet: {fleet}\nengine: {{hosts: ['{}'{more}]}}\nresolve_image: never\n\
             sources: [{{name: main, path: stacks}}]\nintervals: {{poll: 1s}}\n",
            engine.url
        )
    };
    let path = stage.folder().join("fixed.yaml");
    fs::write(&path, settings(stage.fleet(), "")).unwrap();
    let mut controller = Running::spawn(&stage, stage.bare(&["run", "-vv", "-c", "fixed.yaml"]));
    controller.says(&format!("stack {shop} is Ready"));
    fs::write(&path, settings("other", ", 'tcp://127.0.0.1:9'")).unwrap();
    controller.says("changed settings that count after a restart only: fleet, engine");
    stage.stack("shop", &web(2));
    controller.says(&format!("updated service {shop}_web"));
    let labels = stage.service("shop_web")["Spec"]["Labels"].clone();
    assert_eq!(labels["skep.fleet"], stage.fleet(), "it looks after the same fleet");
}
