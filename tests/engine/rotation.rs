//! Configs and secrets: a change is a new object, and the old one goes when no rollback needs it.

use crate::engine::Engine;
use crate::stage::{Stage, changes};

#[test]
fn an_old_generation_stays_for_one_rollback_and_then_goes() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
services:
  web: { image: 'skep-demo/web:1', command: [sleep], configs: [plain], secrets: [key], stop_grace_period: 1s, deploy: { <<: *quick } }
configs: { plain: { file: plain.txt } }
secrets: { key: { file: key.txt } }
",
    );
    let write = |text: &str| {
        stage.file("shop", "plain.txt", format!("plain {text}\n"));
        stage.file("shop", "key.txt", format!("key {text}\n"));
    };
    let used = |kind: &str| {
        let service = stage.service("shop_web");
        let container = &service["Spec"]["TaskTemplate"]["ContainerSpec"];
        let name = container[format!("{kind}s")][0][format!("{kind}Name")].as_str().unwrap();
        stage.plain(name)
    };
    let mut generations = [vec![], vec![]];
    for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
        write(text);
        stage.apply_well(&[]);
        for (generations, kind) in generations.iter_mut().zip(["Config", "Secret"]) {
            generations.push(used(kind));
            let mut kept = generations[number.saturating_sub(1)..].to_vec();
            kept.sort();
            assert_eq!(stage.names(&kind.to_lowercase()), kept, "{kind} {text}: {generations:?}");
        }
        let plan = stage.plan(&[]);
        assert_eq!(changes(&plan).len(), 0, "{plan:#}");
        let retained = plan["stacks"][0]["retained"].as_array().map_or(0, Vec::len);
        assert_eq!(retained, if number == 0 { 0 } else { 2 });
    }

    // Swarm can really go back.
    let previous = stage.service("shop_web")["PreviousSpec"].clone();
    engine.docker(&["service", "rollback", "--detach", &stage.name("shop_web")]);
    assert_eq!(stage.service("shop_web")["Spec"]["TaskTemplate"], previous["TaskTemplate"]);
    stage.apply_well(&[]);
    assert_eq!(used("Config"), generations[0][2]);

    // Going back to older content makes it anew, under the name that it had.
    write("one");
    stage.apply_well(&[]);
    assert_eq!(used("Config"), generations[0][0]);
    assert_eq!(used("Secret"), generations[1][0]);
}
