//! Sources on real servers: `git daemon`, smart HTTPS, OpenSSH, and directories under an editor's hands.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "what these tests share stands outside of test functions, and may fail them as tests do"
)]

mod caches;
mod directories;
mod fetching;
mod hostile;
mod http_servers;
mod https;
mod origin;
mod references;
mod server;
mod signatures;
mod silence;
mod ssh;
mod ssh_servers;
