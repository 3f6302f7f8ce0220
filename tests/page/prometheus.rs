//! A real Prometheus that collects what is served, and evaluates the rules of the examples with it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use skep::http::{Limits, Listener, metrics_routes, serve};
use skep::reconciler::controller::metrics::{Exposition, Metrics};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep};

use crate::server::{LONG, Server};
use crate::world;

/// How many ports are tried: another process may take one after it was found to be free.
const PORTS: usize = 5;
/// What Prometheus says once it listens.
const READY: &str = "Server is ready to receive web requests";

/// The one that `scripts/prometheus` has fetched, else the one of this machine.
fn program() -> PathBuf {
    let folder = std::env::var_os("SKEP_TEST_PROMETHEUS").unwrap_or_default();
    Path::new(&folder).join("prometheus")
}

/// A Prometheus, which ends with the test.
struct Prometheus {
    process: Child,
    address: String,
}

impl Prometheus {
    /// One that keeps its files in `folder`, where its settings are; `None` where there is none on this machine.
    async fn start(folder: &Path) -> Option<Self> {
        let log = folder.join("prometheus.log");
        for _ in 0..PORTS {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let started = Command::new(program())
                .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={free}"))
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap())
                .spawn();
            let process = match started {
                Ok(process) => process,
                Err(error) if error.kind() == ErrorKind::NotFound => return None,
                Err(error) => panic!("{error}"),
            };
            let mut started = Self { process, address: free.to_string() };
            if started.is_ready(&log).await {
                return Some(started);
            }
        }
        panic!("it does not start:\n{}", fs::read_to_string(&log).unwrap());
    }

    /// Waits until it listens, or has ended.
    async fn is_ready(&mut self, log: &Path) -> bool {
        let deadline = Instant::now() + LONG + LONG;
        loop {
            let said = fs::read_to_string(log).unwrap();
            if said.contains(READY) {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "it neither listens nor ends:\n{said}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the one at `address` answers, once it does.
async fn ask(address: &str, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET /api/v1/{path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

/// What `found` makes of the answer, asked again and again until it is something.
async fn until<T>(address: &str, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
    let deadline = Instant::now() + LONG + LONG;
    loop {
        let answer = ask(address, path).await;
        if let Some(found) = answer.as_ref().and_then(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "{path}: {answer:#?}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Where the metrics of `server` are served by themselves, too.
async fn by_themselves(server: &Server) -> String {
    let metrics = Exposition::new(&Metrics::default(), server.reports.subscribe(), Vec::new());
    let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address().to_owned();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        serve(&listener, metrics_routes(metrics), Limits::default(), stopped).await;
        drop(stop);
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_collects_what_is_served_and_takes_the_rules_of_the_examples() {
    let server = Server::of(world::report()).await;
    let alone = by_themselves(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/prometheus/alerts.yml");
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: ['{}']\n\
         scrape_configs: [{{ job_name: skep, static_configs: [{{ targets: ['{}', '{alone}'] }}] }}]\n",
        rules.display(),
        server.address
    );
    fs::write(folder.path().join("prometheus.yml"), &config).unwrap();
    let Some(prometheus) = Prometheus::start(folder.path()).await else {
        println!("skipped: there is no prometheus (scripts/prometheus fetches one)");
        return;
    };
    let address = &prometheus.address;
    let collected = until(address, "query?query=skep_build_info", |answer| {
        let collected = answer["data"]["result"].as_array()?;
        (collected.len() == 2).then(|| collected.clone())
    });
    for one in collected.await {
        assert_eq!(one["metric"]["fleet"], "production", "{one:#}");
    }
    let rules = until(address, "rules", |answer| {
        let groups = answer["data"]["groups"].as_array()?.iter();
        let rules: Vec<Value> = groups
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect();
        let is_judged = |rule: &Value| rule["health"] != "unknown";
        (!rules.is_empty() && rules.iter().all(is_judged)).then_some(rules)
    });
    for rule in rules.await {
        assert_eq!(
            (rule["health"].as_str(), rule.get("lastError")),
            (Some("ok"), None),
            "{rule:#}"
        );
    }
}
