//! Engines that are reached over TCP with TLS, in every way in which they can be named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::own::Own;
use crate::stage::{Run, Stage};

/// An engine that wants to see a certificate.
struct Guarded {
    own: Own,
    files: PathBuf,
}

impl Guarded {
    fn up() -> Option<Self> {
        let own = Own::up("test-tls", &["--tls"])?.kept();
        let files = own.tls();
        Some(Self { own, files })
    }

    fn url(&self) -> String {
        format!("tcp://{}:2376", self.own.address())
    }
}

/// `skep observe`, with these variables and nothing else that names an engine.
fn observe(stage: &Stage<'_>, arguments: &[&str], variables: &[(&str, &Path)]) -> Run {
    let arguments = [&["observe"], arguments].concat();
    let mut command = stage.bare(&arguments);
    command.envs(variables.iter().copied());
    Run::of(command.output().unwrap(), &arguments)
}

fn saw_the_swarm(run: &Run) {
    run.ends(0, &[]);
    let observed: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(observed["networks"].to_string().contains("ingress"), "{run}");
}

#[test]
fn an_engine_with_mutual_tls_is_reached_by_variables_context_and_settings() {
    let Some(engine) = Guarded::up() else { return };
    let stage = Stage::on(&engine.own.engine);
    let (url, files) = (engine.url(), engine.files.as_path());
    let verify: (&str, &Path) = ("DOCKER_TLS_VERIFY", "1".as_ref());
    let folder: (&str, &Path) = ("DOCKER_CERT_PATH", files);
    let host: (&str, &Path) = ("DOCKER_HOST", url.as_ref());
    saw_the_swarm(&observe(&stage, &[], &[host, verify, folder]));
    saw_the_swarm(&observe(&stage, &["--host", &url], &[verify, folder]));
    saw_the_swarm(&observe(&stage, &[], &[("SKEP_HOST", url.as_ref()), verify, folder]));

    let config = stage.folder().join("docker");
    let made = Command::new(engine.own.engine.client())
        .args(["context", "create", "guarded", "--docker"])
        .arg(format!("host={url},ca={0}/ca.pem,cert={0}/cert.pem,key={0}/key.pem", files.display()))
        .env("DOCKER_CONFIG", &config)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config: (&str, &Path) = ("DOCKER_CONFIG", &config);
    saw_the_swarm(&observe(&stage, &[], &[config, ("DOCKER_CONTEXT", "guarded".as_ref())]));

    let settings = |text: &str| fs::write(stage.folder().join("engine.yaml"), text).unwrap();
    let named = &["-c", "engine.yaml"];
    settings("engine: {context: guarded}\n");
    saw_the_swarm(&observe(&stage, named, &[config]));
    settings(&format!(
        "engine:\n  hosts: ['{url}']\n  tls: {{ca_file: {0}/ca.pem, cert_file: {0}/cert.pem, key_file: {0}/key.pem}}\n",
        files.display()
    ));
    saw_the_swarm(&observe(&stage, named, &[]));
}

#[test]
fn what_is_wrong_between_the_two_is_said_in_words_that_help() {
    let Some(engine) = Guarded::up() else { return };
    let stage = Stage::on(&engine.own.engine);
    let url = engine.url();
    let tls = |files: &Path| {
        observe(
            &stage,
            &["--host", &url],
            &[("DOCKER_TLS_VERIFY", "1".as_ref()), ("DOCKER_CERT_PATH", files)],
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| fs::copy(engine.files.join(name), folder.path().join(name)).unwrap();
    // Without files, nobody has signed the engine's certificate.
    tls(folder.path()).ends(1, &["invalid peer certificate", "must show a certificate for"]);
    copy("ca.pem");
    tls(folder.path()).ends(1, &["CertificateRequired", "the address comes from --host"]);
    copy("cert.pem");
    tls(folder.path()).ends(1, &["key.pem cannot be read: No such file"]);
    fs::write(folder.path().join("key.pem"), "nothing").unwrap();
    tls(folder.path()).ends(1, &["key.pem holds no private key"]);
    copy("key.pem");
    saw_the_swarm(&tls(folder.path()));
    observe(&stage, &["--host", &url], &[]).ends(1, &["HTTPS server", "DOCKER_TLS_VERIFY"]);
}
