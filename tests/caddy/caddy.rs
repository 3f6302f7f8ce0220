//! A Caddy of one test: its own ports, its own folders, gone with the test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skep::proxy::{Admin, Endpoint, Live, OwnServers, ProxyPolicy, Servers};

/// A running Caddy.
pub(crate) struct Caddy {
    process: Child,
    folder: tempfile::TempDir,
    pub(crate) http: u16,
    pub(crate) https: u16,
}

/// The Caddy to test with; without one, the test says so and passes.
fn program() -> Option<PathBuf> {
    let program = std::env::var_os("SKEP_TEST_CADDY").map(PathBuf::from);
    if program.is_none() {
        println!("skipped: no Caddy; set SKEP_TEST_CADDY to the output of scripts/caddy");
    }
    program
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Caddy {
    /// Starts a Caddy whose configuration has `apps` beside its admin API.
    pub(crate) async fn start(apps: Value) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        let mut caddy = Self {
            process: Self::spawn(&program, &folder, &Self::base(&folder, apps)),
            folder,
            http: free_port(),
            https: free_port(),
        };
        caddy.wait().await;
        Some(caddy)
    }

    fn base(folder: &tempfile::TempDir, mut apps: Value) -> Value {
        // Else it would make this machine believe its authority.
        apps["pki"] = json!({ "certificate_authorities": { "local": { "install_trust": false } } });
        let socket = format!("unix/{}", folder.path().join("admin.sock").display());
        json!({ "admin": { "listen": socket }, "apps": apps })
    }

    fn spawn(program: &PathBuf, folder: &tempfile::TempDir, config: &Value) -> Child {
        let path = folder.path().join("caddy.json");
        std::fs::write(&path, config.to_string()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        Command::new(program)
            .args(["run", "--config"])
            .arg(path)
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path().join("data"))
            .env("XDG_CONFIG_HOME", folder.path().join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Stops it as a power cut does, and starts it with its first configuration.
    pub(crate) async fn restart(&mut self, apps: Value) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let _ = std::fs::remove_file(self.folder.path().join("admin.sock"));
        let config = Self::base(&self.folder, apps);
        self.process = Self::spawn(&program().unwrap(), &self.folder, &config);
        self.wait().await;
    }

    async fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = self.admin().read().await {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{error:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// How often it has taken a new configuration.
    pub(crate) fn loads(&self) -> usize {
        self.log().matches("autosaved config").count()
    }

    pub(crate) fn admin(&self) -> Admin {
        let socket = self.folder.path().join("admin.sock");
        Admin::new(Endpoint::Unix(socket), None, None).unwrap()
    }

    pub(crate) async fn live(&self) -> Live {
        self.admin().read().await.unwrap()
    }

    /// Whether it is one of those that send the `ETag` behind the body.
    pub(crate) async fn is_old(&self) -> bool {
        !self.live().await.features.is_modern
    }

    /// Servers of skep's own on the ports of this test.
    pub(crate) fn policy(&self) -> ProxyPolicy {
        let own =
            OwnServers { http_port: self.http, https_port: self.https, ..OwnServers::default() };
        ProxyPolicy {
            servers: Servers::Own(own),
            static_roots: vec![self.folder.path().display().to_string()],
            raw: true,
            ..ProxyPolicy::default()
        }
    }

    /// Writes a whole configuration as a person with curl would.
    pub(crate) async fn put(&self, change: impl FnOnce(&mut Value)) {
        let live = self.live().await;
        let mut config = live.config.clone();
        change(&mut config);
        self.admin().write(&live, &config).await.unwrap();
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
