//! Operations and their journal of steps.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::Scoped;
use super::text_enum;

text_enum! {
    /// Where an operation is in its life.
    pub enum OperationState {
        Queued = "queued",
        Planning = "planning",
        Running = "running",
        Paused = "paused",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl OperationState {
    /// Nothing happens any more unless somebody retries.
    pub fn is_final(self) -> bool {
        matches!(self, OperationState::Succeeded | OperationState::Failed | OperationState::Cancelled)
    }
}

text_enum! {
    /// Where a step is.
    pub enum StepState {
        Pending = "pending",
        Started = "started",
        Done = "done",
        Failed = "failed",
        Skipped = "skipped",
    }
}

/// Positions of `on_failure` steps start here.
pub const ON_FAILURE: i64 = 1_000_000;

/// A plan being carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub id: i64,
    pub tenant_id: i64,
    pub instance_id: Option<i64>,
    /// The verb.
    pub kind: String,
    pub state: OperationState,
    pub reason: Option<String>,
    /// Sealed.
    pub wish: Vec<u8>,
    pub plan_id: Option<i64>,
    /// Key of the plan that runs.
    pub document: Option<String>,
    pub attempt: i64,
    pub cancel_requested: bool,
    pub created_by: Option<i64>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

impl Operation {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Operation> {
        Ok(Operation {
            id: row.get("id")?,
            tenant_id: row.get("tenant_id")?,
            instance_id: row.get("instance_id")?,
            kind: row.get("kind")?,
            state: row.get("state")?,
            reason: row.get("reason")?,
            wish: row.get("wish")?,
            plan_id: row.get("plan_id")?,
            document: row.get("document")?,
            attempt: row.get("attempt")?,
            cancel_requested: row.get("cancel_requested")?,
            created_by: row.get("created_by")?,
            created_at: row.get("created_at")?,
            started_at: row.get("started_at")?,
            finished_at: row.get("finished_at")?,
        })
    }
}

/// An operation to be stored.
#[derive(Clone, Debug)]
pub struct NewOperation {
    pub tenant_id: i64,
    pub instance_id: Option<i64>,
    pub kind: String,
    pub wish: Vec<u8>,
    pub plan_id: Option<i64>,
    pub document: Option<String>,
    pub created_by: Option<i64>,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub operation_id: i64,
    pub position: i64,
    pub name: String,
    pub state: StepState,
    pub message: Option<String>,
    /// JSON that the executor needs to resume.
    pub detail: Option<String>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

impl Step {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Step> {
        Ok(Step {
            operation_id: row.get("operation_id")?,
            position: row.get("position")?,
            name: row.get("name")?,
            state: row.get("state")?,
            message: row.get("message")?,
            detail: row.get("detail")?,
            started_at: row.get("started_at")?,
            finished_at: row.get("finished_at")?,
        })
    }
}

/// Stores a queued operation and answers its id. `wish` is often sealed for the id, so it can be set afterwards.
pub fn insert(conn: &Connection, new: &NewOperation, now: &str) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO operation (tenant_id, instance_id, kind, state, wish, plan_id, document, created_by, created_at)
         VALUES (:tenant_id, :instance_id, :kind, 'queued', :wish, :plan_id, :document, :created_by, :created_at)",
    )?
    .execute(named_params! {
        ":tenant_id": new.tenant_id,
        ":instance_id": new.instance_id,
        ":kind": new.kind,
        ":wish": new.wish,
        ":plan_id": new.plan_id,
        ":document": new.document,
        ":created_by": new.created_by,
        ":created_at": now,
    })?;
    Ok(conn.last_insert_rowid())
}

pub fn set_wish(conn: &Connection, id: i64, wish: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE operation SET wish = :wish WHERE id = :id")?
        .execute(named_params! { ":id": id, ":wish": wish })?;
    Ok(())
}

/// Names the instance that an install made, and the document that will run.
pub fn set_document(
    conn: &Connection,
    id: i64,
    instance_id: Option<i64>,
    plan_id: Option<i64>,
    document: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE operation SET instance_id = coalesce(:instance_id, instance_id), plan_id = coalesce(:plan_id, plan_id),
         document = :document WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id,
        ":instance_id": instance_id,
        ":plan_id": plan_id,
        ":document": document,
    })?;
    Ok(())
}

pub fn find(at: &Scoped<'_>, id: i64) -> rusqlite::Result<Option<Operation>> {
    Ok(find_anywhere(at.conn, id)?.filter(|operation| operation.tenant_id == at.tenant.0))
}

/// The same for the executor, which works for every tenant.
pub fn find_anywhere(conn: &Connection, id: i64) -> rusqlite::Result<Option<Operation>> {
    conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, kind, state, reason, wish, plan_id, document, attempt, cancel_requested,
         created_by, created_at, started_at, finished_at FROM operation WHERE id = :id",
    )?
    .query_row(named_params! { ":id": id }, Operation::from_row)
    .optional()
}

/// The tenant's operations, newest first, of one instance or all, below the id `before`.
pub fn list(
    at: &Scoped<'_>,
    instance_id: Option<i64>,
    before: Option<i64>,
    limit: u32,
) -> rusqlite::Result<Vec<Operation>> {
    at.conn
        .prepare_cached(
        "SELECT id, tenant_id, instance_id, kind, state, reason, wish, plan_id, document, attempt, cancel_requested,
         created_by, created_at, started_at, finished_at FROM operation
         WHERE tenant_id = :tenant_id AND (:instance_id IS NULL OR instance_id = :instance_id)
         AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
    )?
    .query_map(
        named_params! { ":tenant_id": at.tenant, ":instance_id": instance_id, ":before": before, ":limit": limit },
        Operation::from_row,
    )?
    .collect()
}

/// Ids of operations that are to be driven, oldest first: after a start these are resumed.
pub fn list_open_anywhere(conn: &Connection) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(
        "SELECT id FROM operation WHERE state IN ('queued', 'planning', 'running') ORDER BY id",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

/// The operation of an instance that is not at its end, if any.
pub fn find_open(at: &Scoped<'_>, instance_id: i64) -> rusqlite::Result<Option<Operation>> {
    at.conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, kind, state, reason, wish, plan_id, document, attempt, cancel_requested,
         created_by, created_at, started_at, finished_at FROM operation
         WHERE tenant_id = :tenant_id AND instance_id = :instance_id
         AND state IN ('queued', 'planning', 'running', 'paused') ORDER BY id LIMIT 1",
    )?
    .query_row(named_params! { ":tenant_id": at.tenant, ":instance_id": instance_id }, Operation::from_row)
    .optional()
}

/// The newest operation of an instance: its state is half of the instance's.
pub fn find_last_anywhere(conn: &Connection, instance_id: i64) -> rusqlite::Result<Option<Operation>> {
    conn.prepare_cached(
        "SELECT id, tenant_id, instance_id, kind, state, reason, wish, plan_id, document, attempt, cancel_requested,
         created_by, created_at, started_at, finished_at FROM operation
         WHERE instance_id = :instance_id ORDER BY id DESC LIMIT 1",
    )?
    .query_row(named_params! { ":instance_id": instance_id }, Operation::from_row)
    .optional()
}

/// Moves an operation to a state that is not final.
pub fn set_state(
    conn: &Connection,
    id: i64,
    state: OperationState,
    reason: Option<&str>,
    now: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE operation SET state = :state, reason = :reason, finished_at = NULL,
         started_at = CASE WHEN :state IN ('planning', 'running') THEN coalesce(started_at, :now) ELSE started_at END
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":state": state, ":reason": reason, ":now": now })?;
    Ok(())
}

/// Ends an operation; steps that never ran are skipped.
pub fn finish(
    conn: &Connection,
    id: i64,
    state: OperationState,
    reason: Option<&str>,
    now: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE step SET state = 'skipped' WHERE operation_id = :id AND state = 'pending'")?
        .execute(named_params! { ":id": id })?;
    conn.prepare_cached(
        "UPDATE operation SET state = :state, reason = :reason, finished_at = :now WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":state": state, ":reason": reason, ":now": now })?;
    Ok(())
}

/// Asks an operation that is not at its end to stop; says whether there was one.
pub fn request_cancel(conn: &Connection, id: i64) -> rusqlite::Result<bool> {
    let changed = conn
        .prepare_cached(
            "UPDATE operation SET cancel_requested = 1
             WHERE id = :id AND state IN ('queued', 'planning', 'running', 'paused')",
        )?
        .execute(named_params! { ":id": id })?;
    Ok(changed > 0)
}

/// Starts the next attempt of a failed or cancelled operation.
pub fn begin_attempt(conn: &Connection, id: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE operation SET state = 'queued', reason = NULL, cancel_requested = 0, attempt = attempt + 1,
         finished_at = NULL WHERE id = :id",
    )?
    .execute(named_params! { ":id": id })?;
    Ok(())
}

/// Writes the journal's pending lines; lines that are there already stay.
pub fn insert_steps<'a>(
    conn: &Connection,
    operation_id: i64,
    steps: impl IntoIterator<Item = (i64, &'a str)>,
) -> rusqlite::Result<()> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO step (operation_id, position, name, state)
         VALUES (:operation_id, :position, :name, 'pending') ON CONFLICT DO NOTHING",
    )?;
    for (position, name) in steps {
        insert
            .execute(named_params! { ":operation_id": operation_id, ":position": position, ":name": name })?;
    }
    Ok(())
}

/// The journal in order.
pub fn list_steps(conn: &Connection, operation_id: i64) -> rusqlite::Result<Vec<Step>> {
    conn.prepare_cached(
        "SELECT operation_id, position, name, state, message, detail, started_at, finished_at FROM step
         WHERE operation_id = :operation_id ORDER BY position",
    )?
    .query_map(named_params! { ":operation_id": operation_id }, Step::from_row)?
    .collect()
}

/// Writes one line of the journal.
pub fn set_step(
    conn: &Connection,
    operation_id: i64,
    position: i64,
    state: StepState,
    message: Option<&str>,
    detail: Option<&str>,
    now: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE step SET state = :state, message = :message, detail = :detail,
         started_at = CASE WHEN :state = 'pending' THEN NULL ELSE coalesce(started_at, :now) END,
         finished_at = CASE WHEN :state IN ('done', 'failed', 'skipped') THEN :now ELSE NULL END
         WHERE operation_id = :operation_id AND position = :position",
    )?
    .execute(named_params! {
        ":operation_id": operation_id,
        ":position": position,
        ":state": state,
        ":message": message,
        ":detail": detail,
        ":now": now,
    })?;
    Ok(())
}

/// Shows how far a step is; no part of what is needed to resume.
pub fn set_step_message(
    conn: &Connection,
    operation_id: i64,
    position: i64,
    message: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE step SET message = :message
         WHERE operation_id = :operation_id AND position = :position AND state = 'started'",
    )?
    .execute(named_params! { ":operation_id": operation_id, ":position": position, ":message": message })?;
    Ok(())
}
