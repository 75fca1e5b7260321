//! Plans: made, shown, and used once within an hour.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::Scoped;
use super::text_enum;

text_enum! {
    /// Whether a plan can still be carried out.
    pub enum PlanState {
        Open = "open",
        Used = "used",
        Stale = "stale",
        Expired = "expired",
    }
}

/// A stored plan; document and preview are in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRow {
    pub id: i64,
    pub tenant_id: i64,
    pub instance_id: Option<i64>,
    pub verb: String,
    pub state: PlanState,
    pub hash: String,
    /// Sealed.
    pub wish: Vec<u8>,
    pub document: String,
    pub preview: String,
    pub created_by: Option<i64>,
    pub created_at: String,
    pub expires_at: String,
}

impl PlanRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<PlanRow> {
        Ok(PlanRow {
            id: row.get("id")?,
            tenant_id: row.get("tenant_id")?,
            instance_id: row.get("instance_id")?,
            verb: row.get("verb")?,
            state: row.get("state")?,
            hash: row.get("hash")?,
            wish: row.get("wish")?,
            document: row.get("document")?,
            preview: row.get("preview")?,
            created_by: row.get("created_by")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        })
    }
}

/// A plan to be stored. Its id is needed to make it (the seed hangs on it), so the row comes first and is completed.
#[derive(Clone, Debug)]
pub struct NewPlan {
    pub tenant_id: i64,
    pub instance_id: Option<i64>,
    pub verb: String,
    pub created_by: Option<i64>,
    pub created_at: String,
    pub expires_at: String,
}

/// What is known of a plan once it is made.
#[derive(Clone, Debug)]
pub struct PlanContent {
    pub hash: String,
    pub wish: Vec<u8>,
    pub document: String,
    pub preview: String,
}

/// Takes an id for a plan that is being made. Until [`complete`] it counts as stale, so nobody can use it.
pub fn insert(conn: &Connection, new: &NewPlan) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO plan (tenant_id, instance_id, verb, state, hash, wish, document, preview, created_by, created_at,
         expires_at) VALUES (:tenant_id, :instance_id, :verb, 'stale', '', x'', '', '', :created_by, :created_at,
         :expires_at)",
    )?
    .execute(named_params! {
        ":tenant_id": new.tenant_id,
        ":instance_id": new.instance_id,
        ":verb": new.verb,
        ":created_by": new.created_by,
        ":created_at": new.created_at,
        ":expires_at": new.expires_at,
    })?;
    Ok(conn.last_insert_rowid())
}

/// Opens a plan that is made.
pub fn complete(conn: &Connection, id: i64, content: &PlanContent) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE plan SET state = 'open', hash = :hash, wish = :wish, document = :document, preview = :preview
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id,
        ":hash": content.hash,
        ":wish": content.wish,
        ":document": content.document,
        ":preview": content.preview,
    })?;
    Ok(())
}

pub fn find(at: &Scoped<'_>, id: i64) -> rusqlite::Result<Option<PlanRow>> {
    at.conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, verb, state, hash, wish, document, preview, created_by, created_at,
         expires_at FROM plan WHERE id = :id AND tenant_id = :tenant_id",
    )?
    .query_row(named_params! { ":id": id, ":tenant_id": at.tenant }, PlanRow::from_row)
    .optional()
}

/// Moves an open plan on; says whether it was open.
pub fn close(conn: &Connection, id: i64, state: PlanState) -> rusqlite::Result<bool> {
    let changed = conn
        .prepare_cached("UPDATE plan SET state = :state WHERE id = :id AND state = 'open'")?
        .execute(named_params! { ":id": id, ":state": state })?;
    Ok(changed > 0)
}

/// Marks plans whose hour is over, and answers how many.
pub fn expire_anywhere(conn: &Connection, now: &str) -> rusqlite::Result<usize> {
    conn.prepare_cached("UPDATE plan SET state = 'expired' WHERE state = 'open' AND expires_at <= :now")?
        .execute(named_params! { ":now": now })
}

/// Documents of plans that can never run again and that no operation or revision names: (id, document, preview).
pub fn list_garbage_anywhere(
    conn: &Connection,
    before: &str,
    limit: u32,
) -> rusqlite::Result<Vec<(i64, String, String)>> {
    conn.prepare_cached(
        "SELECT id, document, preview FROM plan WHERE state IN ('stale', 'expired') AND expires_at <= :before
         AND id NOT IN (SELECT plan_id FROM operation WHERE plan_id IS NOT NULL) ORDER BY id LIMIT :limit",
    )?
    .query_map(named_params! { ":before": before, ":limit": limit }, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?
    .collect()
}

pub fn delete(conn: &Connection, id: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM plan WHERE id = :id")?.execute(named_params! { ":id": id })?;
    Ok(())
}
