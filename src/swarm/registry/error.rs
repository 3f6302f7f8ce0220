//! Why credentials that somebody set up could not be had.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why credentials that somebody set up could not be had. No variant holds what a file or a program said: that may be
/// a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    /// A file that holds them.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: Arc<io::Error>,
    },
    /// Docker's configuration is no JSON object.
    #[error("{} is not JSON as docker writes it", .0.display())]
    NotJson(PathBuf),
    /// An entry in docker's configuration.
    #[error("the entry of {registry} in {} is not as docker writes it", path.display())]
    Entry {
        /// The registry.
        registry: String,
        /// The file.
        path: PathBuf,
    },
    /// A file with nothing in it, or with far too much.
    #[error("{} does not hold one password or token", .0.display())]
    NoSecret(PathBuf),
    /// A file that the settings must not name.
    #[error("{} is not below {}", path.display(), directory.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// The directory of the settings.
        directory: PathBuf,
    },
    /// A name in docker's configuration that is no program's.
    #[error("\"{0}\" is no name of a credential helper")]
    HelperName(String),
    /// There is no such program.
    #[error("docker-credential-{0} is not installed")]
    NoHelper(String),
    /// The program could not be run.
    #[error("cannot run docker-credential-{helper}")]
    Run {
        /// Its name, without the prefix.
        helper: String,
        /// The system's word.
        #[source]
        source: Arc<io::Error>,
    },
    /// The program took too long; it may wait for a person.
    #[error("docker-credential-{helper} did not answer within {} s", after.as_secs())]
    Slow {
        /// Its name, without the prefix.
        helper: String,
        /// How long was waited.
        after: Duration,
    },
    /// The program failed.
    #[error("docker-credential-{helper} failed ({status})")]
    Failed {
        /// Its name, without the prefix.
        helper: String,
        /// Its exit status.
        status: std::process::ExitStatus,
    },
    /// The program said something else than credentials.
    #[error("docker-credential-{0} gave no credentials that can be read")]
    Answer(String),
}
