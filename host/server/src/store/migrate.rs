//! Numbered migrations, applied in order; `PRAGMA user_version` says how far a file is.
//!
//! A released file is never edited: append the next one.

use anyhow::{Context as _, bail};
use rusqlite::{Connection, TransactionBehavior};

const MIGRATIONS: &[&str] =
    &[include_str!("../../migrations/0001_init.sql"), include_str!("../../migrations/0002_release.sql")];

/// Brings the schema to the newest version; refuses a database of a newer program.
pub(super) fn run(connection: &mut Connection) -> anyhow::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let version = version as usize;
    if version > MIGRATIONS.len() {
        bail!(
            "the database has schema {version}, this program knows {}: use a newer `osc`",
            MIGRATIONS.len()
        );
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        transaction.execute_batch(migration).with_context(|| format!("migration {} failed", index + 1))?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_once_and_refuses_newer_files() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        run(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 1_000).unwrap();
        let error = run(&mut connection).unwrap_err();
        assert!(error.to_string().contains("use a newer `osc`"), "{error}");
    }
}
