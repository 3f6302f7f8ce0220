//! Repositories that the settings name: as sources, and where what was fetched of them is kept.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::settings;
use crate::sources::git::{GitSource, Limits, Repositories};
use crate::sources::{DirectorySource, Snapshot, Source, SourceFiles};

use super::error::CommandError;

/// Where caches of root lie if nobody says it.
const SYSTEM: &str = "/var/lib/skep";

/// The repositories of this process.
pub(super) fn repositories() -> Repositories {
    Repositories::new(state_directory(), Limits::default())
}

/// The source that the settings in `directory` declare.
pub(super) fn source(
    declared: &settings::Source,
    directory: &Path,
    repositories: &Repositories,
) -> Source {
    let files = match &declared.files {
        settings::SourceFiles::Path(path) => SourceFiles::Directory(DirectorySource {
            path: directory.join(path.as_str()),
            root: None,
        }),
        settings::SourceFiles::Git(git) => {
            SourceFiles::Git(GitSource::new(repositories, git.declaration(directory)))
        }
    };
    Source { name: declared.name.value.clone(), files }
}

/// The files of a source as they are now.
///
/// # Errors
/// When the source cannot be read.
pub(super) async fn fetch(source: &Source) -> Result<Snapshot, CommandError> {
    // Nobody else asks for it; the process ends with the command.
    source.fetch(Instant::now(), &CancellationToken::new()).await.map_err(|error| {
        let hint = error.hint();
        let failed =
            CommandError::failed(error).context(format!("cannot read the source {}", source.name));
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    })
}

/// What the settings of this process, the service manager or the user's system say.
pub(super) fn state_directory() -> PathBuf {
    let of = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let of_user = || {
        // https://man7.org/linux/man-pages/man5/proc_pid.5.html: the owner is the user that the process acts as.
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        if is_root { None } else { Some(of("HOME")?.join(".local/state/skep")) }
    };
    of("SKEP_STATE_DIR")
        .or_else(|| of("STATE_DIRECTORY"))
        .or_else(|| Some(of("XDG_STATE_HOME")?.join("skep")))
        .or_else(of_user)
        .unwrap_or_else(|| PathBuf::from(SYSTEM))
}
