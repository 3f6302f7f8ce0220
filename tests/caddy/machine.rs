//! What only these tests want of a Caddy: files to serve, its authority, what its admin API was asked, Caddyfiles.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::caddy::{Caddy, program};

impl Caddy {
    /// Writes a file that it can serve.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The methods of the requests to its admin API so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let log = self.log();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let requests = entries.filter(|entry| entry["msg"] == "received request");
        requests.map(|entry| entry["method"].as_str().unwrap().to_owned()).collect()
    }

    /// The certificate of its own authority.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder().join("data/caddy/pki/authorities/local/root.crt")
    }
}

/// A Caddyfile as JSON, by this Caddy.
pub(crate) fn adapt(caddyfile: &str) -> Option<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Caddyfile");
    std::fs::write(&file, caddyfile).unwrap();
    let output = Command::new(program()?)
        .args(["adapt", "--adapter", "caddyfile", "--config"])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
