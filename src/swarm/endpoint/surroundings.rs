//! The part of a process's surroundings that says where its engine is.

use std::env;
use std::path::PathBuf;

use super::address::TlsFiles;

/// The part of a process's surroundings that says where its engine is: a variable of skep's own, and those that the
/// docker client looks at.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `SKEP_HOST`
    pub skep_host: Option<String>,
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` or `DOCKER_TLS` asks for TLS. Certificates are verified in either case.
    pub docker_tls: bool,
    /// `DOCKER_CERT_PATH`
    pub docker_cert_path: Option<PathBuf>,
    /// Docker's configuration folder: `DOCKER_CONFIG`, else `~/.docker`.
    pub docker_config: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self {
            skep_host: text("SKEP_HOST"),
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_tls: text("DOCKER_TLS_VERIFY").or_else(|| text("DOCKER_TLS")).is_some(),
            docker_cert_path: path("DOCKER_CERT_PATH"),
            docker_config: path("DOCKER_CONFIG").or_else(|| Some(path("HOME")?.join(".docker"))),
        }
    }

    /// Whether a variable names an engine.
    pub const fn name_an_engine(&self) -> bool {
        self.skep_host.is_some() || self.docker_host.is_some() || self.docker_context.is_some()
    }

    /// The files of TLS connections, where TLS is asked for.
    pub(super) fn tls(&self) -> Option<TlsFiles> {
        let folder = self.docker_cert_path.as_ref().or(self.docker_config.as_ref());
        self.docker_tls
            .then(|| folder.map(|folder| TlsFiles::of_docker(folder)).unwrap_or_default())
    }
}
