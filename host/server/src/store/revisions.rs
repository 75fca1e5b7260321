//! Revisions of instances: what was deployed, with which overrides, by which plan.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::Scoped;
use super::text_enum;

text_enum! {
    /// How a revision ended.
    pub enum RevisionResult {
        Deployed = "deployed",
        Superseded = "superseded",
        Failed = "failed",
    }
}

/// One revision; the executed plan is in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub id: i64,
    pub tenant_id: i64,
    pub instance_id: i64,
    pub number: i64,
    pub version_id: i64,
    pub operation_id: Option<i64>,
    /// Sealed.
    pub overrides: Vec<u8>,
    pub document: String,
    pub notes: Option<String>,
    pub result: RevisionResult,
    pub created_at: String,
}

impl Revision {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Revision> {
        Ok(Revision {
            id: row.get("id")?,
            tenant_id: row.get("tenant_id")?,
            instance_id: row.get("instance_id")?,
            number: row.get("number")?,
            version_id: row.get("version_id")?,
            operation_id: row.get("operation_id")?,
            overrides: row.get("overrides")?,
            document: row.get("document")?,
            notes: row.get("notes")?,
            result: row.get("result")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// A revision to be stored.
#[derive(Clone, Debug)]
pub struct NewRevision {
    pub tenant_id: i64,
    pub instance_id: i64,
    pub number: i64,
    pub version_id: i64,
    pub operation_id: Option<i64>,
    pub overrides: Vec<u8>,
    pub document: String,
    pub notes: Option<String>,
    pub result: RevisionResult,
}

/// Stores a revision, or, for a retried operation, what became of it now. A deployed one supersedes the older ones.
pub fn record(conn: &Connection, new: &NewRevision, now: &str) -> rusqlite::Result<()> {
    if new.result == RevisionResult::Deployed {
        conn.prepare_cached(
            "UPDATE revision SET result = 'superseded'
             WHERE instance_id = :instance_id AND number <> :number AND result = 'deployed'",
        )?
        .execute(named_params! { ":instance_id": new.instance_id, ":number": new.number })?;
    }
    conn.prepare_cached(
        "INSERT INTO revision (tenant_id, instance_id, number, version_id, operation_id, overrides, document, notes,
         result, created_at) VALUES (:tenant_id, :instance_id, :number, :version_id, :operation_id, :overrides,
         :document, :notes, :result, :created_at)
         ON CONFLICT (instance_id, number) DO UPDATE SET version_id = excluded.version_id,
         operation_id = excluded.operation_id, overrides = excluded.overrides, document = excluded.document,
         notes = excluded.notes, result = excluded.result",
    )?
    .execute(named_params! {
        ":tenant_id": new.tenant_id,
        ":instance_id": new.instance_id,
        ":number": new.number,
        ":version_id": new.version_id,
        ":operation_id": new.operation_id,
        ":overrides": new.overrides,
        ":document": new.document,
        ":notes": new.notes,
        ":result": new.result,
        ":created_at": now,
    })?;
    Ok(())
}

pub fn find(at: &Scoped<'_>, instance_id: i64, number: i64) -> rusqlite::Result<Option<Revision>> {
    at.conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, number, version_id, operation_id, overrides, document, notes, result,
         created_at FROM revision WHERE tenant_id = :tenant_id AND instance_id = :instance_id AND number = :number",
    )?
    .query_row(named_params! { ":tenant_id": at.tenant, ":instance_id": instance_id, ":number": number }, Revision::from_row)
    .optional()
}

/// The newest revision before `before` that was deployed once: where a roll back goes when nobody says.
pub fn find_previous(at: &Scoped<'_>, instance_id: i64, before: i64) -> rusqlite::Result<Option<Revision>> {
    at.conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, number, version_id, operation_id, overrides, document, notes, result,
         created_at FROM revision WHERE tenant_id = :tenant_id AND instance_id = :instance_id AND number < :before AND result <> 'failed'
         ORDER BY number DESC LIMIT 1",
    )?
    .query_row(named_params! { ":tenant_id": at.tenant, ":instance_id": instance_id, ":before": before }, Revision::from_row)
    .optional()
}

/// An instance's revisions, newest first.
pub fn list(at: &Scoped<'_>, instance_id: i64) -> rusqlite::Result<Vec<Revision>> {
    at.conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, number, version_id, operation_id, overrides, document, notes, result,
         created_at FROM revision WHERE tenant_id = :tenant_id AND instance_id = :instance_id ORDER BY number DESC",
    )?
    .query_map(named_params! { ":tenant_id": at.tenant, ":instance_id": instance_id }, Revision::from_row)?
    .collect()
}

/// The highest number taken, 0 when there is none; the next revision has one more.
pub fn last_number(at: &Scoped<'_>, instance_id: i64) -> rusqlite::Result<i64> {
    at.conn.prepare_cached("SELECT coalesce(max(number), 0) FROM revision WHERE tenant_id = :tenant_id AND instance_id = :instance_id")?
        .query_row(named_params! { ":tenant_id": at.tenant, ":instance_id": instance_id }, |row| row.get(0))
}
