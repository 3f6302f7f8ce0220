//! Why a message could not be delivered, and whether trying again may help.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a message could not be delivered. None of it names more of an address than the settings do: an address that stands
/// in a file is a secret.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A file with a secret, or with certificates, cannot be read.
    #[error("read {}", path.display())]
    ReadFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What a file holds is not what it should.
    #[error("{} holds {what}", path.display())]
    WrongFile {
        /// Which.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// TLS cannot be set up.
    #[error("set up TLS")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer.
    #[error("reach the target")]
    Reach(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It wants to be asked later.
    #[error("the target has no time: {words}")]
    Busy {
        /// When, if it says so.
        after: Option<Duration>,
        /// Its answer in short.
        words: String,
    },
    /// It does not want the message.
    #[error("the target refused: {words}")]
    Refused {
        /// Its answer in short.
        words: String,
    },
    /// The message cannot be written in the form of the target.
    #[error("write the message")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SendError {
    /// Whether the same may go well later.
    pub fn may_pass(&self) -> bool {
        match self {
            // Somebody may be about to put the file there.
            Self::ReadFile { .. }
            | Self::WrongFile { .. }
            | Self::Tls(_)
            | Self::Reach(_)
            | Self::TimedOut(_)
            | Self::Busy { .. } => true,
            Self::Refused { .. } | Self::Write(_) => false,
        }
    }

    /// How long the target wants to be left alone, if it says so.
    pub fn after(&self) -> Option<Duration> {
        match self {
            Self::Busy { after, .. } => *after,
            Self::ReadFile { .. }
            | Self::WrongFile { .. }
            | Self::Tls(_)
            | Self::Reach(_)
            | Self::TimedOut(_)
            | Self::Refused { .. }
            | Self::Write(_) => None,
        }
    }
}
