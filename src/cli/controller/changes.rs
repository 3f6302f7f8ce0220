//! Whether the settings file has changed, or another one counts now, also where there was none.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::reconciler::controller::bell::{Bell, Trigger};

use super::super::settings::Setup;

/// How often is looked.
const PACE: Duration = Duration::from_secs(5);

/// What is watched for changes: the file that the command line names, else the one that is found beside the stacks.
#[derive(Debug)]
pub(in crate::cli) struct SettingsWatch {
    named: Option<PathBuf>,
    paths: Vec<PathBuf>,
    known: Stamp,
}

/// What changes with the content of a file, and with the file that counts.
type Stamp = Option<(PathBuf, u64, i64, i64, u64)>;

impl SettingsWatch {
    /// A watch that knows the settings as they are now. What is read after this is seen to change.
    pub(in crate::cli) fn begin(named: Option<&Path>, paths: &[PathBuf]) -> Self {
        let (named, paths) = (named.map(Path::to_owned), paths.to_vec());
        let known = stamp(named.as_deref(), &paths);
        Self { named, paths, known }
    }

    /// Rings `bell` whenever the settings say something else. It never ends.
    pub(in crate::cli) async fn ring(mut self, bell: &Bell) {
        let mut ticks = tokio::time::interval(PACE);
        loop {
            ticks.tick().await;
            if self.has_changed() {
                bell.ring(Trigger::Settings);
            }
        }
    }

    fn has_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.known, stamp(self.named.as_deref(), &self.paths));
        let has_changed = self.known != before;
        if has_changed {
            let either = self.known.as_ref().or(before.as_ref());
            let file = either.map(|(path, ..)| path.display().to_string()).unwrap_or_default();
            tracing::info!(file, "the settings have changed");
        }
        has_changed
    }
}

fn stamp(named: Option<&Path>, paths: &[PathBuf]) -> Stamp {
    let path = Setup::file(named, paths)?;
    let of = fs::metadata(&path).ok()?;
    Some((path, of.ino(), of.mtime(), of.mtime_nsec(), of.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_is_seen_to_come_to_change_and_to_go() {
        let directory = tempfile::tempdir().unwrap();
        let (file, part) = (directory.path().join("skep.yaml"), directory.path().join("part"));
        let stacks = [directory.path().to_owned()];
        let mut found = SettingsWatch::begin(None, &stacks);
        let mut named = SettingsWatch::begin(Some(&file), &[]);
        let mut seen = || (found.has_changed(), named.has_changed());
        assert_eq!(seen(), (false, false));
        fs::write(&file, "fleet: a").unwrap();
        assert_eq!(seen(), (true, true), "it came");
        assert_eq!(seen(), (false, false));
        fs::write(&part, "fleet: b").unwrap();
        fs::rename(&part, &file).unwrap();
        assert_eq!(seen(), (true, true), "an editor replaced it");
        fs::remove_file(&file).unwrap();
        assert_eq!(seen(), (true, true), "it went");
    }
}
