//! A Caddy of one test: its own ports, its own folders, its own host names, gone with the test.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skep::proxy::{Admin, Endpoint, Live, OwnServers, ProxyPolicy, Servers};

/// What a Caddy is started with.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// Apps beside its admin API.
    pub(crate) apps: Value,
    /// Its admin API, if it is more than a socket in its folder.
    pub(crate) admin: Value,
    /// Names that it finds, as it finds those of services in a Swarm.
    pub(crate) names: &'a [(&'a str, &'a [Ipv4Addr])],
    /// The ports for HTTP and HTTPS, if they have to be known before.
    pub(crate) ports: Option<(u16, u16)>,
    /// What it left behind at its last run, which counts more than what it is started with.
    pub(crate) resumed: Option<&'a Value>,
}

/// A running Caddy.
pub(crate) struct Caddy {
    process: Child,
    folder: tempfile::TempDir,
    endpoint: Endpoint,
    pub(crate) http: u16,
    pub(crate) https: u16,
}

/// The Caddy to test with; without one, the test says so and passes.
pub(crate) fn program() -> Option<PathBuf> {
    let program = std::env::var_os("SKEP_TEST_CADDY").map(PathBuf::from);
    if program.is_none() {
        eprintln!("skipped: no Caddy; set SKEP_TEST_CADDY to the output of scripts/caddy");
    }
    program
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Caddy {
    /// Starts a Caddy without apps whose port for HTTP something else has, for as long as the listener lives.
    pub(crate) async fn without_its_port() -> Option<(Self, TcpListener)> {
        let taken = TcpListener::bind(("0.0.0.0", 0)).unwrap();
        let ports = Some((taken.local_addr().unwrap().port(), free_port()));
        let caddy = Self::with(Setup { apps: json!({}), ports, ..Setup::default() }).await?;
        Some((caddy, taken))
    }

    /// Starts a Caddy whose configuration has `apps` beside its admin API.
    pub(crate) async fn start(apps: Value) -> Option<Self> {
        Self::with(Setup { apps, ..Setup::default() }).await
    }

    pub(crate) async fn with(setup: Setup<'_>) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        let (http, https) = setup.ports.unwrap_or_else(|| (free_port(), free_port()));
        let mut caddy = Self {
            process: spawn(&program, folder.path(), &setup),
            endpoint: endpoint(folder.path(), &setup),
            folder,
            http,
            https,
        };
        caddy.wait().await;
        Some(caddy)
    }

    /// Stops it as a power cut does, and starts it with its first configuration.
    pub(crate) async fn restart(&mut self, apps: Value) {
        self.restart_with(Setup { apps, ..Setup::default() }).await;
    }

    pub(crate) async fn restart_with(&mut self, setup: Setup<'_>) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let _ = std::fs::remove_file(self.folder.path().join("admin.sock"));
        self.process = spawn(&program().unwrap(), self.folder.path(), &setup);
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

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How often it has taken a new configuration.
    pub(crate) fn loads(&self) -> usize {
        self.log().matches("autosaved config").count()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.endpoint.clone(), None, None).unwrap()
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

fn endpoint(folder: &Path, setup: &Setup<'_>) -> Endpoint {
    match setup.admin["listen"].as_str() {
        Some(address) => Endpoint::parse(&format!("http://{address}")).unwrap(),
        None => Endpoint::Unix(folder.join("admin.sock")),
    }
}

fn spawn(program: &Path, folder: &Path, setup: &Setup<'_>) -> Child {
    let mut apps = if setup.apps.is_null() { json!({}) } else { setup.apps.clone() };
    // Else it would make this machine believe its authority.
    apps["pki"] = json!({ "certificate_authorities": { "local": { "install_trust": false } } });
    let mut admin = if setup.admin.is_null() { json!({}) } else { setup.admin.clone() };
    if admin["listen"].is_null() {
        admin["listen"] = format!("unix/{}", folder.join("admin.sock").display()).into();
    }
    let path = folder.join("caddy.json");
    std::fs::write(&path, json!({ "admin": admin, "apps": apps }).to_string()).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = command(program, folder, setup.names);
    command.args(["run", "--config"]).arg(path);
    if let Some(resumed) = setup.resumed {
        let saved = folder.join("config/caddy/autosave.json");
        std::fs::create_dir_all(saved.parent().unwrap()).unwrap();
        std::fs::write(saved, resumed.to_string()).unwrap();
        command.arg("--resume");
    }
    command
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Runs Caddy where `/etc/hosts` has these names, which nobody else sees.
fn command(program: &Path, folder: &Path, names: &[(&str, &[Ipv4Addr])]) -> Command {
    if names.is_empty() {
        return Command::new(program);
    }
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    for (name, addresses) in names {
        for address in *addresses {
            writeln!(hosts, "{address} {name}").unwrap();
        }
    }
    let file = folder.join("hosts");
    std::fs::write(&file, hosts).unwrap();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", r#"mount --bind "$0" /etc/hosts && exec "$@""#]);
    command.arg(file).arg(program);
    command
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
