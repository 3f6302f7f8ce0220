//! Engines that one test has to itself, because it breaks them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::engine::Engine;

/// An engine of `scripts/engine`; it is removed when it goes out of scope, unless it is kept for the next test.
pub(crate) struct Own {
    /// Its name, which is its host name too.
    pub(crate) name: &'static str,
    kept: bool,
    /// The engine itself.
    pub(crate) engine: Engine,
}

impl Own {
    /// Starts the engine `name`, which begins with `test-`. Without `scripts/test`, says that the test is skipped.
    pub(crate) fn up(name: &'static str, options: &[&str]) -> Option<Self> {
        let Ok(version) = env::var("SKEP_TEST_VERSION") else {
            eprintln!(
                "skipped: it starts an engine of its own, for which scripts/test must run it"
            );
            return None;
        };
        let up = script("engine", &[&["up", name, "--version", &version], options].concat());
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        let socket = script("engine", &["socket", name]);
        let url = format!("unix://{}", String::from_utf8_lossy(&socket.stdout).trim());
        Some(Self { name, kept: false, engine: Engine::at(url) })
    }

    /// Leaves it to `scripts/test` to remove it, so that the next test finds it running.
    pub(crate) fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Removes it.
    pub(crate) fn down(&self) {
        script("engine", &["down", self.name]);
    }

    /// The address that answers on the ports it publishes in host mode.
    pub(crate) fn address(&self) -> String {
        let address = script("engine", &["address", self.name]).stdout;
        String::from_utf8(address).unwrap().trim().to_owned()
    }

    /// The folder with the certificates of an engine with TLS.
    pub(crate) fn tls(&self) -> PathBuf {
        let folder = script("engine", &["tls", self.name]).stdout;
        PathBuf::from(String::from_utf8(folder).unwrap().trim())
    }

    /// Imports the demo images.
    pub(crate) fn import_images(&self) {
        assert!(script("images", &[self.name]).status.success());
    }

    /// What ends it as a power cut does, for whoever is to call it.
    pub(crate) fn killer(&self) -> impl Fn() + Send + 'static {
        let name = self.name;
        move || assert!(script("engine", &["kill", name]).status.success())
    }

    /// Takes it off the network of its Swarm.
    pub(crate) fn cut(&self) {
        assert!(script("engine", &["cut", self.name]).status.success());
    }

    /// Puts it back on the network of its Swarm.
    pub(crate) fn mend(&self) {
        assert!(script("engine", &["mend", self.name]).status.success());
    }

    /// Starts it again on its data.
    pub(crate) fn revive(&self) {
        let up = script("engine", &["up", self.name]);
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !self.kept {
            self.down();
        }
    }
}

fn script(name: &str, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
    Command::new(script).args(arguments).output().unwrap()
}
