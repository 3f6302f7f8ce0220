//! An SSH server: Debian's `sshd` with keys and configuration of its own.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::origin::{Origin, succeed};
use crate::server::Server;

/// A server that ends with the test.
pub(crate) struct SshServer {
    pub(crate) server: Server,
    directory: tempfile::TempDir,
}

/// Makes a key pair, and gives the path of the private key.
pub(crate) fn key(directory: &Path, name: &str, kind: &str, passphrase: &str) -> PathBuf {
    let path = directory.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"]).arg(&path);
    succeed(&mut keygen);
    path
}

pub(crate) fn public(key: &Path) -> String {
    fs::read_to_string(key.with_extension("pub")).expect("a public key")
}

impl SshServer {
    /// One that lets `keys` in, and shows host keys of these kinds.
    pub(crate) fn start(keys: &[&Path], host_kinds: &[&str], speaks_version_2: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = directory.path();
        // What sshd wants in every case, and Debian's package makes when the service starts.
        fs::create_dir_all("/run/sshd").expect("a directory for sshd");
        let authorised: String = keys.iter().map(|key| public(key)).collect();
        fs::write(at.join("authorized_keys"), authorised).expect("written");
        let mut config = format!(
            "AuthorizedKeysFile {}/authorized_keys\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
            at.display()
        );
        for kind in host_kinds {
            let host = key(at, &format!("host_{kind}"), kind, "");
            writeln!(config, "HostKey {}", host.display()).expect("written");
        }
        if speaks_version_2 {
            config.push_str("AcceptEnv GIT_PROTOCOL\n");
        }
        let path = at.join("sshd_config");
        fs::write(&path, config).expect("written");
        let server = Server::of(move || {
            let mut sshd = Command::new("/usr/sbin/sshd");
            sshd.arg("-i").arg("-f").arg(&path);
            sshd
        });
        Self { server, directory }
    }

    /// The URL of an origin's repository.
    pub(crate) fn url(&self, origin: &Origin) -> String {
        let user = succeed(Command::new("id").arg("-un"));
        format!("ssh://{user}@127.0.0.1:{}{}", self.server.port(), origin.bare().display())
    }

    /// The public key of the host, of one kind.
    pub(crate) fn host_key(&self, kind: &str) -> String {
        public(&self.directory.path().join(format!("host_{kind}")))
    }

    /// A list that knows the host by its key of one kind.
    pub(crate) fn known_hosts(&self, kind: &str) -> PathBuf {
        let path = self.directory.path().join(format!("known_{kind}"));
        let line = format!("[127.0.0.1]:{} {}", self.server.port(), self.host_key(kind));
        fs::write(&path, line).expect("written");
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// An agent that has a key, until the test ends.
pub(crate) struct Agent {
    process: Child,
    pub(crate) socket: PathBuf,
}

impl Agent {
    pub(crate) fn with(key: &Path) -> Self {
        let socket = key.with_extension("agent");
        let mut agent = Command::new("ssh-agent");
        agent.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null());
        let process = agent.spawn().expect("an agent");
        let agent = Self { process, socket };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !agent.socket.exists() {
            assert!(std::time::Instant::now() < deadline, "the agent does not start");
            std::thread::yield_now();
        }
        fs::set_permissions(key, Permissions::from_mode(0o600)).expect("set");
        succeed(Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket));
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
