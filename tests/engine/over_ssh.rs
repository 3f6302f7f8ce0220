//! Engines that are reached through ssh, with a real server on this machine and the real client.

use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::engine::Engine;
use crate::stage::{Run, Stage};

/// A machine with docker's client, reached by an `ssh` that believes it and has a key for it.
struct Machine {
    folder: TempDir,
    port: u16,
}

impl Machine {
    fn start(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        // What sshd wants in every case, and Debian's package makes when the service starts.
        fs::create_dir_all("/run/sshd").unwrap();
        for name in ["host", "user"] {
            run(Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at.join(name)));
        }
        fs::copy(at.join("user.pub"), at.join("authorized_keys")).unwrap();
        let client = fs::canonicalize(engine.client()).unwrap();
        let config = format!(
            "AuthorizedKeysFile {0}/authorized_keys\nHostKey {0}/host\nStrictModes no\nUsePAM no\n\
             PidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n\
             SetEnv PATH={1}:/usr/bin:/bin\n",
            at.display(),
            client.parent().unwrap().display()
        );
        fs::write(at.join("sshd_config"), config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = fs::read_to_string(at.join("host.pub")).unwrap();
        fs::write(at.join("known_hosts"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        // ssh takes the home of its user from the system, and not from HOME.
        let wrapper = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F none -i {0}/user -o IdentitiesOnly=yes \
             -o UserKnownHostsFile={0}/known_hosts \"$@\"\n",
            at.display()
        );
        fs::create_dir(at.join("bin")).unwrap();
        fs::write(at.join("bin/ssh"), wrapper).unwrap();
        fs::set_permissions(at.join("bin/ssh"), Permissions::from_mode(0o755)).unwrap();
        let config = at.join("sshd_config");
        thread::spawn(move || serve(&listener, &config));
        Self { folder, port }
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self, engine: &Engine) -> String {
        let socket = engine.url.trim_start_matches("unix://");
        format!("ssh://127.0.0.1:{}{socket}", self.port)
    }

    /// `skep observe` at this address.
    fn observe(&self, stage: &Stage<'_>, url: &str) -> Run {
        let arguments = ["observe", "--host", url];
        let path = format!("{}:/usr/bin:/bin", self.at().join("bin").display());
        let output = stage.bare(&arguments).env("PATH", path).output().unwrap();
        Run::of(output, &arguments)
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One server for each connection, until the test ends.
fn serve(listener: &TcpListener, config: &PathBuf) {
    while let Ok((stream, _)) = listener.accept() {
        let output = || io::Result::Ok(Stdio::from(OwnedFd::from(stream.try_clone()?)));
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-i", "-e", "-f"]).arg(config).stdin(output().unwrap());
        let mut sshd = sshd.stdout(output().unwrap()).stderr(Stdio::null()).spawn().unwrap();
        thread::spawn(move || sshd.wait());
    }
}

#[test]
fn the_engine_of_another_machine_is_reached_through_its_ssh() {
    let Some(engine) = Engine::of_this_run() else { return };
    let (machine, stage) = (Machine::start(&engine), Stage::on(&engine));
    let url = machine.url(&engine);
    let run = machine.observe(&stage, &url);
    run.ends(0, &[]);
    let observed: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(observed["networks"].to_string().contains("ingress"), "{run}");

    // Writing, and waiting for health, go the same way.
    stage
        .stack("shop", "services: { web: { image: 'skep-demo/web:1', deploy: { <<: *quick } } }\n");
    let path = format!("{}:/usr/bin:/bin", machine.at().join("bin").display());
    let arguments = [
        "apply",
        "stacks",
        "--yes",
        "--resolve-image",
        "never",
        "--host",
        &url,
        "--fleet",
        stage.fleet(),
    ];
    let apply = stage.bare(&arguments).env("PATH", path).output().unwrap();
    Run::of(apply, &arguments).ends(0, &["healthy"]);
    assert_eq!(stage.names("service"), ["shop_web"]);
}

#[test]
fn what_ssh_says_is_what_people_are_told() {
    let Some(engine) = Engine::of_this_run() else { return };
    let (machine, stage) = (Machine::start(&engine), Stage::on(&engine));
    let url = machine.url(&engine);
    machine
        .observe(&stage, &url.replace("docker.sock", "other.sock"))
        .ends(1, &["ssh ended: ", "other.sock", "try it by hand: ssh"]);
    fs::write(machine.at().join("known_hosts"), "").unwrap();
    machine.observe(&stage, &url).ends(1, &["Host key verification failed."]);
    fs::remove_file(machine.at().join("bin/ssh")).unwrap();
    let arguments = ["observe", "--host", &url];
    let path = machine.at().join("bin");
    let output = stage.bare(&arguments).env("PATH", path).output().unwrap();
    Run::of(output, &arguments).ends(1, &["ssh cannot be started"]);
}
