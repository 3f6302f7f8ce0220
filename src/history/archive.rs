//! The file as commands read it, while a controller may be writing to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, params};
use serde::de::DeserializeOwned;

use crate::reconciler::journal::{Entry, Event, Numbered, Severity};

use super::error::HistoryError;
use super::layout;

/// How long the writer may keep us from reading.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file, open for reading.
#[derive(Debug)]
pub struct Archive(Connection);

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of this stack only.
    pub stack: Option<String>,
    /// Those that matter as much as this, or more.
    pub severity: Option<Severity>,
    /// Those after the one with this number.
    pub after: i64,
    /// The newest of them, at most so many.
    pub limit: u32,
}

impl Archive {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        if !path.exists() {
            return Err(HistoryError::Absent(path.to_owned()));
        }
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            Ok(connection)
        };
        let connection =
            open().map_err(|source| HistoryError::Open { path: path.to_owned(), source })?;
        match layout::version(&connection)? {
            layout::VERSION => Ok(Self(connection)),
            found => Err(HistoryError::Layout { found }),
        }
    }

    /// The events that `filter` wants, from the oldest.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn events(&self, filter: &Filter) -> Result<Vec<Numbered>, HistoryError> {
        events(&self.0, filter)
    }

    /// The history of `stack`, or of all stacks by name, the newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn history(&self, stack: Option<&str>) -> Result<Vec<Entry>, HistoryError> {
        history(&self.0, stack)
    }
}

/// A severity as the file has it.
pub(super) const fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Error => 2,
    }
}

pub(super) fn events(
    connection: &Connection,
    filter: &Filter,
) -> Result<Vec<Numbered>, HistoryError> {
    let Filter { stack, severity, after, limit } = filter;
    let least = severity.map_or(0, rank);
    let numbered = |row: &Row<'_>| {
        let (id, text): (i64, String) = (row.get(0)?, row.get(1)?);
        Ok(known(&text).map(|event| Numbered { id, event }))
    };
    let mut events = all(
        connection,
        "SELECT id, event FROM events
         WHERE id > ?1 AND severity >= ?2 AND (?3 IS NULL OR stack = ?3)
         ORDER BY id DESC LIMIT ?4",
        params![after, least, stack, limit],
        numbered,
    )?;
    events.reverse();
    Ok(events)
}

pub(super) fn newest_of_each_key(connection: &Connection) -> Result<Vec<Event>, HistoryError> {
    all(
        connection,
        "SELECT event FROM events WHERE id IN (SELECT max(id) FROM events GROUP BY key) ORDER BY id",
        [],
        |row| Ok(known(&row.get::<_, String>(0)?)),
    )
}

pub(super) fn history(
    connection: &Connection,
    stack: Option<&str>,
) -> Result<Vec<Entry>, HistoryError> {
    all(
        connection,
        "SELECT entry FROM releases WHERE ?1 IS NULL OR stack = ?1 ORDER BY stack, ended DESC, began DESC",
        [stack],
        |row| Ok(known(&row.get::<_, String>(0)?)),
    )
}

/// Every row that this skep can read; one that it cannot is of another version, and no reason to show nothing.
fn all<T>(
    connection: &Connection,
    query: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<Option<T>>,
) -> Result<Vec<T>, HistoryError> {
    let rows = || -> rusqlite::Result<Vec<T>> {
        let mut statement = connection.prepare(query)?;
        let rows = statement.query_map(parameters, |row| read(row))?;
        rows.filter_map(Result::transpose).collect()
    };
    rows().map_err(HistoryError::Read)
}

fn known<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
