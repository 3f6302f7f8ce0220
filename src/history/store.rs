//! The file as the controller has it: appended to, and kept within bounds.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use crate::model::error::chain;
use crate::reconciler::journal::{Added, Entry, News, Numbered, Resumed};

use super::archive::{self, Filter};
use super::error::HistoryError;
use super::layout;

/// How long a reader may keep us from writing.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many events.
    pub events: u32,
    /// How many releases of each stack.
    pub releases: u32,
    /// For how long.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 10_000, releases: 200, age: Duration::from_secs(90 * 24 * 3600) }
    }
}

/// The file, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Which file it is, whatever lies at the path now.
    file: Option<(u64, u64)>,
    limits: Limits,
}

impl Store {
    /// Opens the file at `path`, or makes one, for the owner of this process only. What cannot be read is set aside.
    ///
    /// # Errors
    /// When the file cannot be made or opened.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, HistoryError> {
        match Self::try_open(path, limits) {
            Err(error) if error.is_of_the_file() => {
                set_aside(path, &error)?;
                Self::try_open(path, limits)
            }
            opened => opened,
        }
    }

    fn try_open(path: &Path, limits: Limits) -> Result<Self, HistoryError> {
        let failed = |source| HistoryError::Prepare { path: path.to_owned(), source };
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        }
        if !path.exists() {
            // Of a file that is gone, its log would be taken for that of the new one.
            for ending in ["-wal", "-shm"] {
                match fs::remove_file(beside(path, ending)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed(error));
                    }
                    _ => {}
                }
            }
        }
        refuse_foreign(path)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let is_new = file.metadata().map_err(failed)?.len() == 0;
        let open = |path: &Path| {
            let connection = Connection::open(path)?;
            connection.busy_timeout(PATIENCE)?;
            if is_new {
                connection.pragma_update(None, "application_id", layout::APPLICATION)?;
            }
            connection.pragma_update(None, "journal_mode", "wal")?;
            // What a power cut takes is the newest of what nothing depends on.
            connection.pragma_update(None, "synchronous", "normal")?;
            connection.pragma_update(None, "trusted_schema", false)?;
            Ok(connection)
        };
        let mut connection =
            open(path).map_err(|source| HistoryError::Open { path: path.to_owned(), source })?;
        layout::migrate(&mut connection)?;
        Ok(Self { connection, path: path.to_owned(), file: stamp(path), limits })
    }

    /// Whether the file that is open still lies at its path.
    pub fn is_there(&self) -> bool {
        self.file.is_some() && stamp(&self.path) == self.file
    }

    /// Adds what happened, and removes what is too old or too much.
    ///
    /// # Errors
    /// When it cannot be written; then nothing was.
    pub fn append(&mut self, added: &Added, now: Timestamp) -> Result<(), HistoryError> {
        let limits = self.limits;
        let write = |transaction: Transaction<'_>| {
            for Numbered { id, event } in added.events.iter().map(AsRef::as_ref) {
                transaction.execute(
                    "INSERT OR REPLACE INTO events (id, at, key, stack, severity, event)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        id,
                        event.at.as_millisecond(),
                        event.key,
                        event.stack,
                        archive::rank(event.severity),
                        json(event)?
                    ],
                )?;
            }
            for entry in added.entries.iter().map(AsRef::as_ref) {
                transaction.execute(
                    "INSERT OR REPLACE INTO releases (stack, began, ended, entry)
                     VALUES (?1, ?2, ?3, ?4)",
                    params![
                        entry.stack,
                        entry.began.as_millisecond(),
                        entry.ended.as_millisecond(),
                        json(entry)?
                    ],
                )?;
                transaction.execute(
                    "DELETE FROM releases WHERE stack = ?1 AND ended <= (
                         SELECT ended FROM releases WHERE stack = ?1
                         ORDER BY ended DESC LIMIT 1 OFFSET ?2)",
                    params![entry.stack, limits.releases],
                )?;
            }
            let oldest = now.as_millisecond().saturating_sub(milliseconds(limits.age));
            transaction.execute("DELETE FROM events WHERE at < ?1", [oldest])?;
            transaction.execute("DELETE FROM releases WHERE ended < ?1", [oldest])?;
            transaction.execute(
                "DELETE FROM events WHERE id <= (
                     SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?1)",
                [limits.events],
            )?;
            transaction.commit()
        };
        self.connection.transaction().and_then(write).map_err(HistoryError::Write)
    }

    /// The newest of what is kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn news(&self) -> Result<News, HistoryError> {
        let events =
            archive::events(&self.connection, &Filter { limit: 1000, ..Filter::default() })?;
        Ok(News::of(events, archive::history(&self.connection, None)?))
    }

    /// What the next controller must know to go on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn resumed(&self) -> Result<Resumed, HistoryError> {
        let newest = archive::newest_of_each_key(&self.connection)?;
        let mut entries: Vec<Entry> = archive::history(&self.connection, None)?;
        entries.dedup_by(|later, first| later.stack == first.stack);
        Ok(Resumed { newest, entries })
    }
}

/// Refuses a file that neither is empty nor says in its first page that it is a history (the file format of `SQLite`, 1.3).
///
/// # Errors
/// When it is somebody else's, or cannot be read.
fn refuse_foreign(path: &Path) -> Result<(), HistoryError> {
    let failed = |source| HistoryError::Prepare { path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(failed)?,
    };
    let mut head = Vec::with_capacity(72);
    file.take(72).read_to_end(&mut head).map_err(failed)?;
    let says_so = head.starts_with(b"SQLite format 3\0")
        && head.get(68..72) == Some(layout::APPLICATION.to_be_bytes().as_slice());
    if head.is_empty() || says_so { Ok(()) } else { Err(HistoryError::Foreign(path.to_owned())) }
}

/// Puts a history away that is of no use, because of `error`.
///
/// # Errors
/// When the system refuses, or the file is none.
pub(super) fn set_aside(path: &Path, error: &HistoryError) -> Result<(), HistoryError> {
    refuse_foreign(path)?;
    let aside = beside(path, ".set-aside");
    let reason = chain(error);
    tracing::warn!(
        "the history is begun anew, and what was there lies at {}: {reason}",
        aside.display()
    );
    fs::rename(path, aside)
        .map_err(|source| HistoryError::Prepare { path: path.to_owned(), source })
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn milliseconds(age: Duration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}

/// `path` with `ending` behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// What tells a file from another one at the same path.
fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
