//! The controller on directories: it notices changes at once, however they are made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::controller::web;
use crate::controller_git::image;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::running::Running;
use crate::stage::Stage;

/// Nothing is looked at just because it is time to.
const NEVER: &str = "intervals: { poll: 1h, resync: 1h, retry: 2s }";

#[test]
fn a_change_is_noticed_however_it_is_made() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    let name = stage.name("shop");
    let settings = format!("sources: [{{ name: main, path: current }}]\n{NEVER}");
    symlink("stacks", stage.folder().join("current")).unwrap();
    let mut controller = Running::with(&stage, &settings);
    controller.says(&format!("stack {name} is Ready"));
    let rolls = |tag: u32| {
        // Less than what looking once in a while would take.
        eventually(15, &format!("{tag} rolls"), || {
            (image(&stage, "shop") == format!("skep-demo/web:{tag}")).then_some(())
        });
    };

    // As an editor saves: another file takes the place.
    let file = stage.path("shop", "stack.yaml");
    fs::write(file.with_extension("new"), stage.quick(&web(2, 1))).unwrap();
    fs::rename(file.with_extension("new"), &file).unwrap();
    rolls(2);

    // As git-sync publishes: a link is swapped.
    let other = stage.folder().join("other").join(&name);
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("stack.yaml"), stage.quick(&web(3, 1))).unwrap();
    let swap = |to: &str| {
        let (link, next) = (stage.folder().join("current"), stage.folder().join("next"));
        symlink(to, &next).unwrap();
        fs::rename(next, link).unwrap();
    };
    swap("other");
    rolls(3);

    // What the link led to before no longer counts; what it leads to now does.
    stage.stack("shop", &web(1, 1));
    fs::write(other.join("stack.yaml"), stage.quick(&web(2, 1))).unwrap();
    rolls(2);

    // The directory itself is replaced.
    let aside = stage.folder().join("aside");
    fs::rename(stage.folder().join("other"), &aside).unwrap();
    copy(&aside.join(&name), &other);
    fs::write(other.join("stack.yaml"), stage.quick(&web(3, 1))).unwrap();
    rolls(3);
    assert!(!controller.log().contains("(resync)"), "{}", controller.log());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
