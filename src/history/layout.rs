//! The tables of the file, and the steps that lead from older ones to them.

use rusqlite::{Connection, Transaction};

use super::error::HistoryError;

/// The version of the layout, which the file has as its `user_version`.
pub(super) const VERSION: i64 = 1;

/// What a file of ours has as its `application_id`: "skep". By it nobody else's file is taken for a history.
pub(super) const APPLICATION: i32 = 0x736b_6570;

/// What makes each version from the one before it.
pub(super) const STEPS: [&str; 1] = ["
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        key TEXT NOT NULL,
        stack TEXT,
        severity INTEGER NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_key ON events (key, id);
    CREATE INDEX events_by_stack ON events (stack, id);
    CREATE TABLE releases (
        stack TEXT NOT NULL,
        began INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        entry TEXT NOT NULL,
        PRIMARY KEY (stack, began)
    ) STRICT;
"];

/// The version that a file says it has; 0 of an empty one.
pub(super) fn version(connection: &Connection) -> Result<i64, HistoryError> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(HistoryError::Read)
}

/// Brings the file to [`VERSION`].
pub(super) fn migrate(connection: &mut Connection) -> Result<(), HistoryError> {
    let found = version(connection)?;
    let Some(steps) = usize::try_from(found).ok().and_then(|found| STEPS.get(found..)) else {
        return Err(HistoryError::Layout { found });
    };
    if steps.is_empty() {
        return Ok(());
    }
    let upgrade = |transaction: Transaction<'_>| {
        for step in steps {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    connection.transaction().and_then(upgrade).map_err(HistoryError::Write)
}
