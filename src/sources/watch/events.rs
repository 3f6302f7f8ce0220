//! The system's events about directories, and what to do when it has none to give.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::digest::Identity;

/// How many directories get a watch of their own; changes in others are found by polling.
const MAX_WATCHES: usize = 8_192;

/// The only access that changes anything.
const WRITTEN: AccessKind = AccessKind::Close(AccessMode::Write);

/// Watches on directories. Every event is one `()`; which it was does not matter.
pub(super) struct Events {
    watcher: RecommendedWatcher,
    watched: BTreeMap<PathBuf, Identity>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("watched", &self.watched.len()).finish_non_exhaustive()
    }
}

impl Events {
    /// Begins to watch what lies above the root, which must be absolute, as there it may be replaced. A full queue needs
    /// no second `()`.
    pub(super) fn begin(root: &Path, happened: mpsc::Sender<()>) -> Result<Self, notify::Error> {
        let name = root.file_name().map(ToOwned::to_owned);
        let above = name.as_ref().and_then(|_| fs::canonicalize(root.parent()?).ok());
        // A root that is a link to what it lies in is watched as such.
        let whole = fs::canonicalize(root).ok();
        let above = above.filter(|above| whole.is_none_or(|whole| !above.starts_with(whole)));
        let (outside, own) = (above.clone(), root.to_owned());
        let handler = move |event: Result<Event, notify::Error>| {
            // What a root that is a link leads to may be replaced beside it.
            let target = || fs::read_link(&own).ok()?.file_name().map(ToOwned::to_owned);
            if event.is_ok_and(|event| matters(&event, outside.as_deref(), name.as_ref(), target)) {
                let _ = happened.try_send(());
            }
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(handler, config)?;
        if let Some(above) = &above {
            watcher.watch(above, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { watcher, watched: BTreeMap::new() })
    }

    /// Watches exactly these directories, and tells whether one of them is new: then something may have happened in it
    /// before it was watched.
    pub(super) fn watch(
        &mut self,
        directories: &BTreeMap<PathBuf, Identity>,
    ) -> Result<bool, notify::Error> {
        let gone: Vec<PathBuf> = self
            .watched
            .iter()
            .filter(|(path, identity)| directories.get(*path) != Some(identity))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            // The system has dropped the watch of a directory that was removed.
            let _ = self.watcher.unwatch(&path);
            self.watched.remove(&path);
        }
        let mut is_new = false;
        for (path, identity) in directories {
            if self.watched.contains_key(path) || self.watched.len() >= MAX_WATCHES {
                continue;
            }
            match self.watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It went in between, and the next look sees that.
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(error),
            }
            self.watched.insert(path.clone(), *identity);
            is_new = true;
        }
        Ok(is_new)
    }
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_)
        | notify::ErrorKind::MaxFilesWatch => false,
    }
}

/// Reading is no change; and above the root only the root itself is of interest, and its target if it is a link.
fn matters(
    event: &Event,
    above: Option<&Path>,
    root: Option<&OsString>,
    target: impl Fn() -> Option<OsString>,
) -> bool {
    let is_read = matches!(event.kind, EventKind::Access(access) if access != WRITTEN);
    if is_read {
        return false;
    }
    let is_root = |path: &PathBuf| {
        path.parent() != above
            || path.file_name() == root.map(OsString::as_os_str)
            || path.file_name() == target().as_deref()
    };
    event.paths.is_empty() || event.paths.iter().any(is_root)
}

/// What a person can do when the system gives no events.
pub(super) fn advice(error: &notify::Error) -> String {
    let limit = |name: &str| {
        let value = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
        let value = value.trim();
        let larger = value.parse::<u64>().map_or(524_288, |value| value.saturating_mul(4));
        format!("fs.inotify.{name} is {value}: raise it with sysctl fs.inotify.{name}={larger}")
    };
    // ENOSPC and EMFILE, as inotify(7) uses them.
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => limit("max_user_watches"),
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(28) => {
            limit("max_user_watches")
        }
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(24) => {
            limit("max_user_instances")
        }
        notify::ErrorKind::Io(error) => error.to_string(),
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::PathNotFound
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_limit_of_the_system_is_named_with_the_command_that_raises_it() {
        let io = |number| notify::Error::io(io::Error::from_raw_os_error(number));
        let watches = advice(&notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        assert!(watches.contains("sysctl fs.inotify.max_user_watches="), "{watches}");
        assert_eq!(advice(&io(28)), watches);
        assert!(advice(&io(24)).contains("fs.inotify.max_user_instances is "));
        assert_eq!(advice(&io(13)), io::Error::from_raw_os_error(13).to_string());
    }

    #[test]
    fn reading_is_no_event_and_neighbours_of_the_root_are_none() {
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let root = OsString::from("stacks");
        let target = || Some(OsString::from("v2"));
        let matters = |event: &Event| matters(event, Some(Path::new("/srv")), Some(&root), target);
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(matters(&event(written, "/srv/stacks/a")));
        assert!(!matters(&event(opened, "/srv/stacks/a")));
        assert!(!matters(&event(written, "/srv/other")));
        assert!(matters(&event(EventKind::Any, "/srv/stacks")));
        assert!(matters(&event(EventKind::Any, "/srv/v2")));
        assert!(matters(&Event::new(EventKind::Other)));
    }
}
