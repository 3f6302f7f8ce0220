//! Why the history cannot be read or written.

use std::io;
use std::path::PathBuf;

/// Why the history cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is none.
    #[error("there is no history at {}", .0.display())]
    Absent(PathBuf),
    /// The directory cannot be made, or the file set aside.
    #[error("prepare the history at {}", path.display())]
    Prepare {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else lies there.
    #[error("what lies at {} is no history of skep, and stays as it is", .0.display())]
    Foreign(PathBuf),
    /// The file cannot be opened.
    #[error("open the history at {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It cannot be read.
    #[error("read the history")]
    Read(#[source] rusqlite::Error),
    /// It cannot be written.
    #[error("write to the history")]
    Write(#[source] rusqlite::Error),
    /// A newer skep wrote it, or it is none.
    #[error("the history has layout {found}, and this skep knows {}", super::layout::VERSION)]
    Layout {
        /// The version that the file says.
        found: i64,
    },
}

impl HistoryError {
    /// Whether the file itself is of no use, and another one could be.
    pub(super) fn is_of_the_file(&self) -> bool {
        let is_broken = |error: &rusqlite::Error| {
            matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            )
        };
        match self {
            Self::Layout { .. } => true,
            Self::Open { source, .. } | Self::Read(source) | Self::Write(source) => {
                is_broken(source)
            }
            Self::Absent(_) | Self::Foreign(_) | Self::Prepare { .. } => false,
        }
    }
}
