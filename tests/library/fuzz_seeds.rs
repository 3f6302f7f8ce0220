//! What the fuzz targets do, with their seeds: so that they compile with the crate, and a seed that once broke something
//! is read by every run of the tests.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what fuzz targets demand, they demand by panicking"
)]

use std::fs;
use std::path::Path;

#[path = "../../fuzz/readers/git_server.rs"]
mod git_server;
#[path = "../../fuzz/readers/interpolation.rs"]
mod interpolation;
#[path = "../../fuzz/readers/load.rs"]
mod load;
#[path = "../../fuzz/readers/short_forms.rs"]
mod short_forms;
#[path = "../../fuzz/readers/yaml.rs"]
mod yaml;

fn each_seed(target: &str, read: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("seeds") {
        read(&fs::read(entry.expect("a seed").path()).expect("a seed"));
        count += 1;
    }
    assert!(count > 0, "{target} has no seeds");
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

#[test]
fn every_seed_is_read_as_the_fuzz_targets_read_it() {
    each_seed("yaml", yaml::read);
    each_seed("interpolation", |bytes| interpolation::read(text(bytes)));
    each_seed("short_forms", |bytes| short_forms::read(text(bytes)));
    each_seed("load", load::read);
    each_seed("git_server", git_server::read);
}
